//! Paths in the syntax of sources and destinations: `\:`, `\=`, `\@` and `\\` stand for the character itself.
//!
//! They work on bytes, because a path need not be UTF-8. None of the special characters can be a part of another one.

/// The characters that a backslash can stand before. A backslash before any other stands for itself.
const SPECIAL: &[u8] = br":=@\";

/// The bytes of `text`, each with its position, without those that are escaped or escape another.
fn unescaped(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while is_escape(&text[at.min(text.len())..]) {
            at += 2;
        }
        let byte = *text.get(at)?;
        at += 1;
        Some((at - 1, byte))
    })
}

fn is_escape(text: &[u8]) -> bool {
    matches!(text, [b'\\', next, ..] if SPECIAL.contains(next))
}

/// Splits at the first `separator` that is not escaped.
pub(super) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (at, _) = unescaped(text).find(|(_, byte)| *byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Splits at the last `separator` that is not escaped.
pub(super) fn rsplit_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let (at, _) = unescaped(text).filter(|(_, byte)| *byte == separator).last()?;
    Some((&text[..at], &text[at + 1..]))
}

/// The path that is written as `text`.
pub(super) fn read_path(text: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let skip = usize::from(is_escape(rest));
        path.push(if skip == 1 { after[0] } else { byte });
        rest = &after[skip..];
    }
    path
}

/// How a path is written, so that [`read_path`] returns it and nothing in it separates.
///
/// A single `@` needs no escape without a digest behind it, but with one it does: the first `@` separates.
pub(super) fn written(path: &str, separators: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        // A backslash at the end would escape the separator behind it.
        let escapes =
            |next: Option<&char>| next.is_none_or(|next| next.is_ascii() && SPECIAL.contains(&(*next as u8)));
        if separators.contains(character) || (character == '\\' && escapes(characters.peek())) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_written() {
        for (path, text) in [
            ("a/b", "a/b"),
            ("a:b", r"a\:b"),
            ("a=b:", r"a\=b\:"),
            (r"a\b", r"a\b"),
            (r"a\", r"a\\"),
            (r"a\:b", r"a\\\:b"),
            (r"\\", r"\\\\"),
            ("ä:", r"ä\:"),
        ] {
            assert_eq!(written(path, ":="), text, "{path}");
            assert_eq!(read_path(text.as_bytes()), path.as_bytes(), "{text}");
            assert_eq!(split_once(text.as_bytes(), b':'), None, "{text}");
            let more = format!("{text}:x=y");
            assert_eq!(split_once(more.as_bytes(), b':'), Some((text.as_bytes(), &b"x=y"[..])));
            assert_eq!(rsplit_once(more.as_bytes(), b'='), Some((format!("{text}:x").as_bytes(), &b"y"[..])));
        }
    }
}
