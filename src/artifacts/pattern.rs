//! Glob patterns for names: `1.*`, `team/*`.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// Maximum length of a pattern in bytes.
const PATTERN_BYTES_MAX: usize = 512;

/// A glob pattern for names: `*` matches any number of characters, `?` one, `[ab]` one of a set, `{a,b}` one of
/// several alternatives. Only `**` matches a `/`.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

impl Pattern {
    /// Whether a text is a pattern rather than a name.
    pub fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?', '[', '{'])
    }

    /// Whether a name matches the pattern.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// The text of the pattern.
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("the pattern has {} bytes, the limit is {PATTERN_BYTES_MAX}", text.len()));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        Ok(Pattern(glob.map_err(|error| error.to_string())?.compile_matcher()))
    }
}
