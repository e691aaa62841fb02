//! The name of an artifact in a layout or a registry.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name, in bytes (docs/format.md, "Limits"): a host of 255, a repository of 255, a tag of 128.
pub const REF_NAME_BYTES_MAX: usize = 640;

/// Longest tag, in bytes (distribution-spec, "Pulling manifests").
pub const TAG_BYTES_MAX: usize = 128;

/// The name of an artifact, as in `org.opencontainers.image.ref.name` (image-spec, "Annotations"):
/// `1.0`, `team/app:1.0` or `registry.example/team/app:1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

impl RefName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the repository, with its host if there is one; `None` for a bare tag.
    pub fn repository(&self) -> Option<&str> {
        let name = self.0.split('@').next().unwrap_or(&self.0);
        match name.rsplit_once(':') {
            // A colon before a slash belongs to a port.
            Some((repository, tag)) if !tag.contains('/') => Some(repository),
            _ if name.contains('/') => Some(name),
            _ => None,
        }
    }

    /// Returns the tag, if there is one. A name without a repository is a tag.
    pub fn tag(&self) -> Option<&str> {
        let name = self.0.split('@').next().unwrap_or(&self.0);
        match name.rsplit_once(':') {
            Some((_, tag)) if !tag.contains('/') => Some(tag),
            _ if name.contains('/') => None,
            _ => Some(name),
        }
    }

    /// Returns the name of `tag` in the same repository.
    ///
    /// # Errors
    /// If the result is too long or `tag` is not a valid tag.
    pub fn with_tag(&self, tag: &str) -> Result<RefName, RefNameError> {
        match self.repository() {
            Some(repository) => format!("{repository}:{tag}").parse(),
            None => tag.parse(),
        }
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is not a valid artifact name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefNameError {
    /// The name is empty or too long.
    #[error("a name must have 1 to {REF_NAME_BYTES_MAX} bytes; this one has {found}")]
    Length {
        /// The length of the name in bytes.
        found: usize,
    },
    /// The name does not follow the grammar.
    #[error("name {text:?} must consist of letters and digits joined by one of - . _ : @ / + or by --")]
    Grammar {
        /// The name that was parsed.
        text: String,
    },
    /// The tag is longer than registries accept.
    #[error("name {text:?} has a tag of more than {TAG_BYTES_MAX} characters")]
    Tag {
        /// The name that was parsed.
        text: String,
    },
}

/// The bytes of the tag in a name: after the last colon that no slash follows, before any `@`. All of a name with neither
/// colon nor slash.
fn tag_range(text: &str) -> Range<usize> {
    let name = text.split('@').next().unwrap_or(text);
    match (name.rfind(':'), name.rfind('/')) {
        (Some(colon), slash) if slash.is_none_or(|slash| slash < colon) => colon + 1..name.len(),
        (None, None) => 0..name.len(),
        _ => 0..0,
    }
}

impl FromStr for RefName {
    type Err = RefNameError;

    /// Follows the grammar of `ref.name` in image-spec: alphanumeric runs joined by separators. Runs of `_`, `-` and
    /// `.` are accepted, because real names have them, but `..` only in a tag; other double separators are not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > REF_NAME_BYTES_MAX {
            return Err(RefNameError::Length { found: text.len() });
        }
        let bytes = text.as_bytes();
        let word = |b: u8| b.is_ascii_alphanumeric();
        let separator = |b: u8| matches!(b, b'-' | b'.' | b'_' | b':' | b'@' | b'/' | b'+');
        // Registries accept any run of these in a tag (distribution-spec, "Pulling manifests").
        let in_tags = |b: u8| matches!(b, b'-' | b'.' | b'_');
        let tag = tag_range(text);
        let joined = |(at, pair): (usize, &[u8])| {
            let both = separator(pair[0]) && separator(pair[1]);
            let is_run = in_tags(pair[0]) && in_tags(pair[1]);
            let begins_tag = at + 1 == tag.start && pair == b":_";
            !both || begins_tag || (is_run && (pair != b".." || tag.contains(&at)))
        };
        let edges = bytes.first().is_some_and(|&b| word(b) || b == b'_')
            && bytes.last().is_some_and(|&b| word(b) || matches!(b, b'_' | b'-' | b'.'));
        let grammar = edges
            && bytes.iter().all(|&b| word(b) || separator(b))
            && bytes.windows(2).enumerate().all(joined);
        if !grammar {
            return Err(RefNameError::Grammar { text: text.to_owned() });
        }
        let name = RefName(text.to_owned());
        match name.tag() {
            Some(tag) if tag.len() > TAG_BYTES_MAX => Err(RefNameError::Tag { text: text.to_owned() }),
            _ => Ok(name),
        }
    }
}

impl<'de> Deserialize<'de> for RefName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for RefName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for RefName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RefName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": REF_NAME_BYTES_MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_into_repository_and_tag() {
        for (text, repository, tag) in [
            ("1.0", None, Some("1.0")),
            ("latest", None, Some("latest")),
            ("team/app:1.0", Some("team/app"), Some("1.0")),
            ("registry.example:5000/team/app:1.0", Some("registry.example:5000/team/app"), Some("1.0")),
            ("registry.example:5000/team/app", Some("registry.example:5000/team/app"), None),
            ("app:1.0", Some("app"), Some("1.0")),
            ("v1_2--3", None, Some("v1_2--3")),
            ("a..b", None, Some("a..b")),
            ("_", None, Some("_")),
            ("app:_x", Some("app"), Some("_x")),
            ("team/app:1...2-.-", Some("team/app"), Some("1...2-.-")),
        ] {
            let name: RefName = text.parse().unwrap();
            assert_eq!((name.repository(), name.tag()), (repository, tag), "{text}");
        }
    }

    #[test]
    fn rejects_malformed_names() {
        for text in [
            "",
            "a b",
            "a\n",
            "../x",
            "/x",
            "x/",
            "a//b",
            "a::b",
            "ａ",
            "a\u{202e}b",
            "a/../b",
            ".",
            "..",
            "a/b..c",
            "a..b/c:1",
            "a:..",
            "x@a..b",
        ] {
            assert!(text.parse::<RefName>().is_err(), "{text:?}");
        }
        assert!("t".repeat(129).parse::<RefName>().is_err());
    }
}
