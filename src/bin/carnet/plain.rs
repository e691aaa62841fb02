//! Text from outside, made safe for a terminal. Reports may carry file names, references, annotations
//! and names of holders that a stranger wrote; every renderer passes them through here. JSON output needs
//! none of it: serde escapes control characters there.

use std::borrow::Cow;
use std::path::Path;

/// Escapes what is not seen on a screen, or changes how the rest is seen: control characters, line ends,
/// and characters that hide or reverse text.
///
/// Backslashes and quotes stay, so text that is escaped already does not change.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            out.extend(character.escape_debug());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// A path as it is shown. A backslash or quote in it is escaped, too.
pub(crate) fn plain_path(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Soft hyphen, marks of direction, spaces and joiners without width.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            // Line and paragraph separators, embeddings, overrides and isolates.
            | '\u{2028}'..='\u{202e}' | '\u{2065}'..='\u{206f}'
            // Annotations and tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_reverses_text_is_escaped() {
        assert_eq!(plain("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
        assert_eq!(plain("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(
            plain("\u{9b}1m\u{2028}\u{feff}\u{200b}\u{2066}"),
            "\\u{9b}1m\\u{2028}\\u{feff}\\u{200b}\\u{2066}"
        );
    }

    #[test]
    fn what_can_be_read_stays() {
        for text in ["", "team/app:1.0", "C:\\temp \"x\" 'y'", "Grüße, 日本語, e\u{301}", "no\u{a0}break"]
        {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn what_is_escaped_already_stays() {
        let hidden = (0..=0x000e_0fff).filter_map(char::from_u32).filter(|&c| is_hidden(c));
        let all: String = hidden.chain("\\\"'é".chars()).collect();
        for escaped in [all.escape_debug().to_string(), plain(&all).into_owned()] {
            assert_eq!(plain(&escaped), escaped);
        }
    }
}
