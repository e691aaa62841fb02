//! The order of Maven (POM reference, "Version Order Specification").

use std::cmp::Ordering;

use super::numerals;

/// Known words, in their order. The empty word stands for the release itself.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// A number or a word with the sign before it.
struct Token {
    /// Whether a hyphen is before it, or a change between letters and digits.
    hyphen: bool,
    item: Item,
}

enum Item {
    /// Digits.
    Number(String),
    /// In lower case.
    Word(String),
}

impl Item {
    /// Whether it adds nothing at the end of a version.
    fn is_null(&self) -> bool {
        match self {
            Item::Number(digits) => numerals::is_zero(digits.as_bytes()),
            Item::Word(word) => word.is_empty(),
        }
    }
}

/// The tokens of a version, without those that add nothing.
pub(super) struct Version {
    tokens: Vec<Token>,
}

#[allow(clippy::unnecessary_wraps)] // All orders have the same form. Maven refuses no text.
pub(super) fn read(text: &str) -> Result<Version, &'static str> {
    let text = text.to_lowercase();
    let mut version = Version { tokens: Vec::new() };
    let mut hyphen = false;
    let mut rest = text.as_str();
    loop {
        let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
        let ends = |c: char| matches!(c, '.' | '-') || c.is_ascii_digit() != is_number;
        let (part, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        let item = if is_number || part.is_empty() {
            Item::Number(part.to_owned())
        } else {
            Item::Word(word(part, after.starts_with(|c: char| c.is_ascii_digit())))
        };
        version.push(Token { hyphen, item });
        let mut signs = after.chars();
        match signs.next() {
            None => break,
            Some('.') => (hyphen, rest) = (false, signs.as_str()),
            Some('-') => (hyphen, rest) = (true, signs.as_str()),
            // A change between letters and digits is like a hyphen.
            Some(_) => (hyphen, rest) = (true, after),
        }
    }
    version.drop_nulls();
    Ok(version)
}

impl Version {
    /// What adds nothing is dropped before a hyphen and at the end.
    fn push(&mut self, token: Token) {
        if token.hyphen {
            self.drop_nulls();
        }
        self.tokens.push(token);
    }

    fn drop_nulls(&mut self) {
        while self.tokens.pop_if(|last| last.item.is_null()).is_some() {}
    }
}

/// The word that a spelling stands for.
fn word(spelling: &str, before_digit: bool) -> String {
    match spelling {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    }
    .to_owned()
}

pub(super) fn order(a: &Version, b: &Version) -> Ordering {
    let places = a.tokens.len().max(b.tokens.len());
    let by_place = (0..places).map(|place| match (a.tokens.get(place), b.tokens.get(place)) {
        (Some(a), Some(b)) => order_of_tokens(a, b),
        (Some(a), None) => against_nothing(&a.item),
        (None, Some(b)) => against_nothing(&b.item).reverse(),
        (None, None) => Ordering::Equal,
    });
    by_place.into_iter().find(|found| *found != Ordering::Equal).unwrap_or(Ordering::Equal)
}

fn order_of_tokens(a: &Token, b: &Token) -> Ordering {
    match (&a.item, &b.item) {
        (Item::Word(a), Item::Word(b)) => order_of_words(a, b),
        // A number after a dot is later than one after a hyphen.
        (Item::Number(left), Item::Number(right)) => {
            b.hyphen.cmp(&a.hyphen).then_with(|| numerals::order(left.as_bytes(), right.as_bytes()))
        }
        (Item::Word(_), Item::Number(_)) => Ordering::Less,
        (Item::Number(_), Item::Word(_)) => Ordering::Greater,
    }
}

fn against_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(digits) => numerals::order(digits.as_bytes(), b""),
        Item::Word(word) => order_of_words(word, ""),
    }
}

/// Unknown words are after all known ones.
fn order_of_words(a: &str, b: &str) -> Ordering {
    let place = |word: &str| WORDS.iter().position(|known| *known == word).unwrap_or(WORDS.len());
    place(a).cmp(&place(b)).then_with(|| a.cmp(b))
}
