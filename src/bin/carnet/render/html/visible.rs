//! The escaper of the page: text of strangers stays text, and every character of it can be seen.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::plain::plain;

/// Escapes what HTML reads as markup, and shows what a browser would hide: line endings, control characters and
/// characters that reverse text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let text = plain(text);
        let mut rest: &str = &text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, from) = rest.split_at(at);
            dest.write_str(before)?;
            let mut characters = from.chars();
            dest.write_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = characters.as_str();
        }
        dest.write_str(rest)
    }
}

/// Returns a text as it is written in the page.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a string does not fail.
    let _ = Visible.write_escaped_str(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escaped("<script>\"&'</script>"), "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;");
        assert_eq!(escaped("Grüße, 日本語"), "Grüße, 日本語");
    }

    #[test]
    fn hidden_characters_become_visible() {
        assert_eq!(escaped("gpj.\u{202e}exe\n\u{1b}[2J"), "gpj.\\u{202e}exe\\n\\u{1b}[2J");
    }
}
