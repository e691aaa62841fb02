//! How wide text is on a terminal.

/// How many columns of a terminal a text takes (UAX #11).
pub(crate) fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}
