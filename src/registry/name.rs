//! Repositories and tags, as a registry takes them (distribution-spec, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use crate::oci::Digest;
use crate::oci::reference::TAG_BYTES_MAX;

/// Longest repository name, in bytes: what registries take together with a host.
const REPOSITORY_BYTES_MAX: usize = 255;

/// A repository, as `team/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

/// A tag, as `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// What is asked for in a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// What a tag points to.
    Tag(Tag),
    /// The manifest with this digest.
    Digest(Digest),
}

/// Why a text is not a repository, or not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a repository.
    #[error(
        "{text:?} is not a repository: expected up to {REPOSITORY_BYTES_MAX} lower-case letters and digits, joined by \
         one of - . _ or __, in parts joined by /"
    )]
    Repository {
        /// What was written.
        text: String,
    },
    /// Not a tag.
    #[error(
        "{text:?} is not a tag: expected up to {TAG_BYTES_MAX} letters, digits, _ . and -, not beginning with . or -"
    )]
    Tag {
        /// What was written.
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

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, as the specification has it.
fn is_part(part: &str) -> bool {
    let word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let edges = bytes.first().is_some_and(&word) && bytes.last().is_some_and(word);
    let joints =
        part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|joint| !joint.is_empty());
    let right = |joint: &str| matches!(joint, "." | "_" | "__") || joint.bytes().all(|b| b == b'-');
    edges && joints.into_iter().all(right)
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
        let right = bytes.len() <= TAG_BYTES_MAX
            && bytes.first().is_some_and(|&b| word(b))
            && bytes.iter().all(|&b| word(b) || matches!(b, b'.' | b'-'));
        if right { Ok(Tag(text.to_owned())) } else { Err(NameError::Tag { text: text.to_owned() }) }
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
    fn the_grammar_is_the_specification_s() {
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
