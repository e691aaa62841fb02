//! Names of repositories and tags in a registry (distribution-spec, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use crate::oci::Digest;
use crate::oci::reference::TAG_BYTES_MAX;

/// Maximum length of a repository name in bytes: the limit of registries for the name including the host.
const REPOSITORY_BYTES_MAX: usize = 255;

/// The name of a repository, for example `team/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

/// A tag, for example `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// A reference to a manifest in a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// The manifest that a tag points at.
    Tag(Tag),
    /// The manifest with this digest.
    Digest(Digest),
}

/// Why a text is not a repository name or not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is not a repository name.
    #[error(
        "{text:?} is not a repository name: expected at most {REPOSITORY_BYTES_MAX} lower-case letters and digits, \
         joined by ., _, __ or -, in parts separated by /"
    )]
    Repository {
        /// The text that was given.
        text: String,
    },
    /// The text is not a tag.
    #[error(
        "{text:?} is not a tag: expected 1 to {TAG_BYTES_MAX} letters, digits, _, . and -, not starting with \
         . or -"
    )]
    Tag {
        /// The text that was given.
        text: String,
    },
}

impl RepositoryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a text matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, the grammar of the specification.
fn is_part(part: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let edges = bytes.first().is_some_and(&word) && bytes.last().is_some_and(word);
    let separators = part
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .filter(|separator| !separator.is_empty());
    let valid_separator =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
    edges && separators.into_iter().all(valid_separator)
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= REPOSITORY_BYTES_MAX && text.split('/').all(is_part) {
            Ok(RepositoryName(text.to_owned()))
        } else {
            Err(NameError::Repository { text: text.to_owned() })
        }
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let bytes = text.as_bytes();
        let valid = bytes.len() <= TAG_BYTES_MAX
            && bytes.first().is_some_and(|&b| word(b))
            && bytes.iter().all(|&b| word(b) || matches!(b, b'.' | b'-'));
        if valid { Ok(Tag(text.to_owned())) } else { Err(NameError::Tag { text: text.to_owned() }) }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar_of_the_specification() {
        for text in ["app", "team/app", "a/b/c", "a.b", "a_b", "a__b", "a---b", "0"] {
            assert!(text.parse::<RepositoryName>().is_ok(), "{text}");
        }
        for text in
            ["", "App", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-", "../a", "a:b", "a b", "a/../b"]
        {
            assert!(text.parse::<RepositoryName>().is_err(), "{text}");
        }
        for text in ["1.0", "latest", "_x", "A-b_c.d"] {
            assert!(text.parse::<Tag>().is_ok(), "{text}");
        }
        for text in ["", ".a", "-a", "a/b", "a:b", "a b", "ä"] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
        assert!("t".repeat(TAG_BYTES_MAX).parse::<Tag>().is_ok());
        assert!("t".repeat(TAG_BYTES_MAX + 1).parse::<Tag>().is_err());
    }
}
