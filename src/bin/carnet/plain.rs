//! Makes untrusted text safe for a terminal. Reports and messages hold raw text: file names, references,
//! annotations and names of holders may come from an attacker. Everything printed passes through here.

use std::borrow::Cow;
use std::path::Path;

/// Escapes characters that are invisible or change how other text is displayed: control characters, line
/// endings, and characters that hide or reverse text.
///
/// Backslashes and quotes are kept, so text that is already escaped does not change.
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

/// [`plain`] for a text whose lines stay lines.
pub(crate) fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Escapes the same characters in a JSON document, as `\uXXXX`. JSON permits most of them unescaped in strings,
/// but a terminal would interpret them. Line endings between values are kept.
pub(crate) fn plain_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len() + 1);
    for character in document.chars() {
        if character != '\n' && is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// A path for display. Backslashes and quotes in it are escaped too.
pub(crate) fn plain_path(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

/// Whether a terminal does not show the character, or shows other text differently because of it.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Soft hyphen, direction marks, zero-width spaces and joiners.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            // Line and paragraph separators, embeddings, overrides and isolates.
            | '\u{2028}'..='\u{202e}' | '\u{2065}'..='\u{206f}'
            // Interlinear annotations and tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(plain("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
        assert_eq!(plain("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(
            plain("\u{9b}1m\u{2028}\u{feff}\u{200b}\u{2066}"),
            "\\u{9b}1m\\u{2028}\\u{feff}\\u{200b}\\u{2066}"
        );
    }

    #[test]
    fn readable_text_is_unchanged() {
        for text in ["", "team/app:1.0", "C:\\temp \"x\" 'y'", "Grüße, 日本語, e\u{301}", "no\u{a0}break"]
        {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn escaped_json_parses_to_the_same_value() {
        let value = serde_json::json!({ "file": "a\n\u{7f}\u{9b}\u{202e}\u{e0041}\u{1f600}\\\"" });
        let escaped = plain_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(escaped.contains("\\u007f\\u009b\\u202e\\udb40\\udc41\u{1f600}"), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }

    #[test]
    fn escaped_text_is_unchanged() {
        let hidden = (0..=0x000e_0fff).filter_map(char::from_u32).filter(|&c| is_hidden(c));
        let all: String = hidden.chain("\\\"'é".chars()).collect();
        for escaped in [all.escape_debug().to_string(), plain(&all).into_owned()] {
            assert_eq!(plain(&escaped), escaped);
        }
    }
}
