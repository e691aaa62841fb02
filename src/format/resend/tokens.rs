//! The words, numbers and dashes of a text. Everything else only separates them.

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Letters, in any case.
    Word(&'a str),
    /// Digits.
    Number(&'a str),
    /// A hyphen or a dash.
    Dash,
}

impl<'a> Token<'a> {
    /// Returns whether it is this keyword.
    pub(super) fn is(self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The text of it, for messages.
    pub(super) fn text(self) -> &'a str {
        match self {
            Token::Word(text) | Token::Number(text) => text,
            Token::Dash => "-",
        }
    }
}

/// Returns the parts of a text in order. A letter beside a digit begins a new part.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_same: fn(char) -> bool = match first {
            _ if first.is_ascii_digit() => |c| c.is_ascii_digit(),
            _ if first.is_alphabetic() => char::is_alphabetic,
            _ => |_| false,
        };
        let end = rest.find(|c| !is_same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (part, after) = rest.split_at(end);
        match first {
            _ if first.is_ascii_digit() => found.push(Token::Number(part)),
            _ if first.is_alphabetic() => found.push(Token::Word(part)),
            // A minus, a hyphen, a dash: what typewriters and phones make of one.
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => found.push(Token::Dash),
            _ => {}
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    #[test]
    fn white_space_punctuation_and_line_breaks_are_free() {
        use Token::{Dash, Number, Word};
        let expected =
            [Word("LINE"), Number("1"), Number("3"), Number("9"), Dash, Number("10"), Word("cHeck")];
        assert_eq!(tokens("LINE 1: 3, 9-10 cHeck"), expected);
        assert_eq!(tokens("\n LINE1;3\r\n9 \u{2013} 10cHeck."), expected);
        assert_eq!(tokens("1O"), [Number("1"), Word("O")]);
        assert_eq!(tokens(" .,\u{7}"), []);
    }
}
