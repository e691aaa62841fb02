//! Names and versions as foreign files state them.

/// The longest name or version that is believed. The longest known are Maven coordinates of some 200 bytes.
const WORD_BYTES_MAX: usize = 1024;

/// The longest declared licence that is kept. Longer ones are whole licence texts in the wrong field.
const LICENCE_BYTES_MAX: usize = 512;

/// A name or version without the blanks around it. `None` if nothing is left, or if it is too long or has control
/// characters: no package system allows these, and they would break the lines of reports.
pub(super) fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= WORD_BYTES_MAX && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

/// A declared licence: its first line that is not blank, cut at a limit. `None` if it says nothing.
pub(super) fn licence(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut end = line.len().min(LICENCE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let line = line.get(..end)?.replace(char::is_control, " ");
    let says_nothing = ["unknown", "none", "noassertion"].iter().any(|word| line.eq_ignore_ascii_case(word));
    (!says_nothing).then_some(line)
}

/// The text as a quotation for a problem: cut, and without control characters.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut short: String =
        text.chars().take(CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// The text of a file: without a byte order mark, and with a mark in place of bytes that are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_and_printable() {
        assert_eq!(word(" six "), Some("six".to_owned()));
        assert_eq!(word("  "), None);
        assert_eq!(word("a\nb"), None);
        assert_eq!(word(&"x".repeat(1025)), None);
    }

    #[test]
    fn licences_are_one_line() {
        assert_eq!(licence("\n  MIT License \n\nPermission is"), Some("MIT License".to_owned()));
        assert_eq!(licence("UNKNOWN"), None);
        assert_eq!(licence(&"ä".repeat(400)).map(|text| text.len()), Some(512));
    }

    #[test]
    fn quotations_are_short() {
        assert_eq!(quoted("a\nb"), "\"a\u{fffd}b\"");
        assert_eq!(quoted(&"x".repeat(61)).chars().count(), 63);
    }
}
