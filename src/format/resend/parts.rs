//! The parts of a line of a request, read one after the other.

use super::error::{Fault, Line};
use super::tokens::Token;
use super::words::{byte, nearest_keyword, nearest_word};
use crate::format::error::shown;

/// A line, and how far it was read.
pub(super) struct Parts<'t, 'a> {
    pub(super) line: Line,
    pub(super) tokens: &'t [Token<'a>],
    pub(super) at: usize,
}

impl<'a> Parts<'_, 'a> {
    /// How many words and numbers were read.
    pub(super) fn position(&self) -> usize {
        self.tokens[..self.at].iter().filter(|token| **token != Token::Dash).count()
    }

    /// Goes on to the next word or number. A dash matters only in a range.
    pub(super) fn peek(&mut self) -> Option<Token<'a>> {
        while self.tokens.get(self.at) == Some(&Token::Dash) {
            self.at += 1;
        }
        self.tokens.get(self.at).copied()
    }

    pub(super) fn next_is(&mut self, keyword: &str) -> bool {
        self.peek().is_some_and(|token| token.is(keyword))
    }

    /// A fault at the next part.
    pub(super) fn fault(&mut self, expected: &str) -> Fault {
        self.fault_with(expected, None)
    }

    fn fault_with(&mut self, expected: &str, meant: Option<String>) -> Fault {
        let found = match self.peek() {
            Some(token) => {
                format!("{} (part {})", shown(token.text()), self.position() + 1)
            }
            None => "the end of the line".to_owned(),
        };
        let meant = meant.map(|meant| format!("; perhaps {meant}")).unwrap_or_default();
        Fault { line: self.line, problem: format!("expected {expected}, found {found}{meant}") }
    }

    /// Reads one of these keywords.
    pub(super) fn keyword(&mut self, keywords: &[&'static str]) -> Result<&'static str, Fault> {
        let next = self.peek();
        if let Some(found) = keywords.iter().find(|keyword| next.is_some_and(|token| token.is(keyword))) {
            self.at += 1;
            return Ok(found);
        }
        let nearest = next.and_then(|token| nearest_keyword(token.text()));
        let meant = nearest.filter(|word| keywords.contains(&word.as_str()));
        Err(self.fault_with(&keywords.join(" or "), meant))
    }

    /// Reads a word of the list.
    pub(super) fn listed(&mut self) -> Result<u8, Fault> {
        let next = self.peek();
        if let Some(value) = next.and_then(|token| byte(token.text())) {
            self.at += 1;
            return Ok(value);
        }
        // A digit in a word cuts it into three parts.
        let run = self.tokens[self.at..].iter().take(3).map(|token| token.text());
        let joined: String = run.collect();
        let nearest = |text: &str| nearest_word(text);
        let meant = next.and_then(|token| nearest(token.text()).or_else(|| nearest(&joined)));
        Err(self.fault_with("a word of the list", meant))
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Result<&'a str, Fault> {
        match self.peek() {
            Some(Token::Number(text)) => {
                self.at += 1;
                Ok(text)
            }
            next => {
                let meant = next.and_then(|token| digit_like(token.text()));
                let keyword = next.and_then(|token| nearest_keyword(token.text()));
                let keyword = keyword.filter(|word| word == "CHECK" || word == "TO");
                Err(self.fault_with("a number", meant.or(keyword)))
            }
        }
    }

    /// Reads all digits up to the next word.
    pub(super) fn digits(&mut self) -> Result<String, Fault> {
        let mut found = self.number()?.to_owned();
        while let Some(Token::Number(text)) = self.peek() {
            found += text;
            self.at += 1;
        }
        Ok(found)
    }

    /// Reads TO, or a dash, if it follows.
    pub(super) fn take_to(&mut self) -> bool {
        let is_dash = self.tokens.get(self.at) == Some(&Token::Dash);
        // A dash before CHECK only separates.
        if is_dash && matches!(self.peek(), Some(Token::Number(_))) {
            return true;
        }
        let is_to = self.next_is("TO");
        self.at += usize::from(is_to);
        is_to
    }

    /// Reads the check words, with which the line ends.
    pub(super) fn check(&mut self) -> Result<[u8; 2], Fault> {
        self.keyword(&["CHECK"])?;
        let found = [self.listed()?, self.listed()?];
        match self.peek() {
            None => Ok(found),
            Some(token) => {
                let meant = nearest_keyword(token.text()).filter(|word| word == "LINE" || word == "RESEND");
                Err(self.fault_with("LINE or the end after the check words", meant))
            }
        }
    }
}

/// Returns the digit that looks like this letter.
fn digit_like(letter: &str) -> Option<String> {
    let digit = match letter.to_ascii_lowercase().as_str() {
        "o" => 0,
        "i" | "l" => 1,
        "z" => 2,
        "s" => 5,
        "g" => 6,
        "b" => 8,
        _ => return None,
    };
    Some(format!("the digit {digit}"))
}
