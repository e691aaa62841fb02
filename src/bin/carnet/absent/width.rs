//! How wide text is on a terminal, as far as the program that only verifies knows.

/// How many columns of a terminal a text takes, if each of its characters takes one. That of the widths of all characters is
/// a crate of tables, and only the columns of a table depend on it.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}
