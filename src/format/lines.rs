//! The text parts of a chunk: ASCII lines, each ended by one LF, with words separated by one space
//! (docs/format.md, "Text").

use std::io;
use std::str::FromStr;

use super::error::{FormatError, shown};

/// Reads a text part line by line.
pub(crate) struct Lines<'a> {
    what: &'static str,
    rest: &'a str,
    /// The number of the current line, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    /// Checks the size and the characters: every line is printable ASCII.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8], bytes_max: u64) -> Result<Self, FormatError> {
        if bytes.len() as u64 > bytes_max {
            let (expected, found) = (format!("at most {bytes_max} bytes"), format!("{} bytes", bytes.len()));
            return Err(FormatError::whole(what, expected, found));
        }
        let allowed = |b: &u8| *b == b'\n' || (b' '..=b'~').contains(b);
        if let Some(at) = bytes.iter().position(|b| !allowed(b)) {
            let found = format!("byte {:#04x} at offset {at}", bytes[at]);
            return Err(FormatError::whole(what, "printable ASCII and LF", found));
        }
        if bytes.last() != Some(&b'\n') {
            return Err(FormatError::whole(what, "an LF at the end", "none"));
        }
        let rest = std::str::from_utf8(bytes).expect("ASCII is UTF-8");
        Ok(Lines { what, rest, number: 0 })
    }

    /// Returns the next line without its LF.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    /// Returns whether the next line starts with `key` and a space.
    pub(crate) fn next_is(&self, key: &str) -> bool {
        self.rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(' '))
    }

    /// Reads the next line, which must be exactly `line`.
    pub(crate) fn exactly(&mut self, line: &str) -> Result<(), FormatError> {
        match self.next() {
            Some(found) if found == line => Ok(()),
            found => Err(self.refuse(format!("the line {line:?}"), found)),
        }
    }

    /// Returns the value of the next line, which must be `key SP value`.
    pub(crate) fn value(&mut self, key: &str) -> Result<&'a str, FormatError> {
        let line = self.next();
        match line.and_then(|line| line.strip_prefix(key)?.strip_prefix(' ')) {
            Some(value) if !value.is_empty() && !value.starts_with(' ') && !value.ends_with(' ') => Ok(value),
            _ => Err(self.refuse(format!("{key:?}, one space and a value"), line)),
        }
    }

    /// Parses the value of the next line.
    pub(crate) fn parsed<T: FromStr<Err: ToString>>(&mut self, key: &str) -> Result<T, FormatError> {
        let value = self.value(key)?;
        value
            .parse()
            .map_err(|error: T::Err| self.refuse(format!("{key}: {}", error.to_string()), Some(value)))
    }

    /// Parses the value of the next line; `-` means none.
    pub(crate) fn optional<T: FromStr<Err: ToString>>(
        &mut self,
        key: &str,
    ) -> Result<Option<T>, FormatError> {
        if self.rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(" -\n")) {
            self.next();
            return Ok(None);
        }
        self.parsed(key).map(Some)
    }

    /// Returns the words of the next line after its key, of which there must be `N`.
    pub(crate) fn words<const N: usize>(&mut self, key: &str) -> Result<[&'a str; N], FormatError> {
        let value = self.value(key)?;
        let words: Vec<&str> = value.split(' ').collect();
        words.try_into().map_err(|_| self.refuse(format!("{N} words after {key:?}"), Some(value)))
    }

    /// Checks that no line follows.
    pub(crate) fn end(&mut self) -> Result<(), FormatError> {
        match self.next() {
            None => Ok(()),
            found => Err(self.refuse("the end".to_owned(), found)),
        }
    }

    /// Creates an error at the current line.
    pub(crate) fn refuse(&self, expected: String, found: Option<&str>) -> FormatError {
        let found = found.map_or_else(|| "the end".to_owned(), shown);
        FormatError { what: self.what, line: self.number.max(1), expected, found }
    }

    /// Parses one word of the current line.
    pub(crate) fn word<T: FromStr<Err: ToString>>(&self, word: &str) -> Result<T, FormatError> {
        word.parse().map_err(|error: T::Err| self.refuse(error.to_string(), Some(word)))
    }

    /// Parses one word of the current line; `-` means none.
    pub(crate) fn optional_word<T: FromStr<Err: ToString>>(
        &self,
        word: &str,
    ) -> Result<Option<T>, FormatError> {
        if word == "-" { Ok(None) } else { self.word(word).map(Some) }
    }
}

/// An integer in its canonical form: decimal, without sign or leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) u64);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = text == "0" || !text.starts_with('0');
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits && canonical && i64::try_from(number).is_ok() => Ok(Number(number)),
            _ => Err("a decimal number below 2^63 without leading zeros".to_owned()),
        }
    }
}

/// A SHA-256, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(pub [u8; 32]);

impl Sum {
    /// Computes the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Sum {
        match crate::oci::Digest::sha256(bytes) {
            crate::oci::Digest::Sha256(sum) => Sum(sum),
            crate::oci::Digest::Sha512(_) => unreachable!("Digest::sha256 returns a SHA-256"),
        }
    }

    /// Computes the SHA-256 of what is written, without keeping it.
    ///
    /// # Errors
    /// What `write` returns. Writing itself does not fail.
    pub fn of_written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<Sum> {
        crate::oci::digest::sha256_of_written(write).map(Sum)
    }
}

impl FromStr for Sum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::oci::digest::decode_hex(text).map(Sum).ok_or_else(|| "64 lower-case hex digits".to_owned())
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Sum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Sum {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sum".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// Renders a value, or `-` for none.
pub(crate) fn or_dash<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}
