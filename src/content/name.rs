//! Names from foreign archives, for people.

use std::fmt::{self, Write as _};

/// The most bytes of a name that are shown.
const SHOWN_BYTES_MAX: usize = 300;

/// Shows a name in quotes: what is not printable is escaped, and a long name is cut off.
pub fn shown(name: &[u8]) -> Shown<'_> {
    Shown(name)
}

/// A name as [`shown`] writes it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(name) = self;
        f.write_char('"')?;
        for chunk in name.get(..SHOWN_BYTES_MAX).unwrap_or(name).utf8_chunks() {
            write!(f, "{}{}", chunk.valid().escape_debug(), chunk.invalid().escape_ascii())?;
        }
        f.write_str(if name.len() > SHOWN_BYTES_MAX { "…\"" } else { "\"" })
    }
}

/// Whether a name could mislead a reader: control characters, characters that turn the direction of writing, or
/// bytes that are not UTF-8.
pub fn is_odd(name: &[u8]) -> bool {
    if name.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return false;
    }
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    std::str::from_utf8(name).map_or(true, |text| text.chars().any(|c| c.is_control() || turns(c)))
}

#[cfg(test)]
mod tests {
    use super::{is_odd, shown};

    #[test]
    fn names_are_shown_without_harm() {
        for (name, text) in [
            (&b"usr/bin/sh"[..], "\"usr/bin/sh\"".to_owned()),
            (b"a\n\"\x1b[2J", r#""a\n\"\u{1b}[2J""#.to_owned()),
            ("F\u{151}tan\u{202e}gpj".as_bytes(), "\"F\u{151}tan\\u{202e}gpj\"".to_owned()),
            (b"a\xff\xfeb", r#""a\xff\xfeb""#.to_owned()),
            (&[b'x'; 400], format!("\"{}…\"", "x".repeat(300))),
        ] {
            assert_eq!(shown(name).to_string(), text);
        }
    }

    #[test]
    fn odd_names_are_found() {
        for (name, odd) in [
            (&b"plain name.txt"[..], false),
            ("F\u{151}tan\u{fa}s".as_bytes(), false),
            (b"new\nline", true),
            ("a\u{202e}b".as_bytes(), true),
            (b"\xff", true),
            (b"del\x7f", true),
        ] {
            assert_eq!(is_odd(name), odd, "{name:?}");
        }
    }
}
