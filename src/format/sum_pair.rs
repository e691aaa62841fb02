//! SHA-256, and SHA-384 beside it in bundles of the profile `cnsa2` (docs/format.md, "The profile cnsa2").

use std::fmt;
use std::str::FromStr;

use super::lines::Sum;
use super::profile::Profile;
use crate::oci::digest::{decode_hex, sha384};

/// A SHA-384, written as 96 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum384(pub [u8; 48]);

impl Sum384 {
    /// Computes the SHA-384 of `bytes`.
    pub fn of(bytes: &[u8]) -> Sum384 {
        Sum384(sha384(bytes))
    }
}

impl FromStr for Sum384 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode_hex(text).map(Sum384).ok_or_else(|| "96 lower-case hex digits".to_owned())
    }
}

impl fmt::Display for Sum384 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sum384 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A SHA-256, and with a profile a SHA-384: of the same bytes, or of the two lists of sums of a chunk. Two pairs are equal
/// only if both are, so nothing that compares pairs can forget one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SumPair {
    /// The SHA-256.
    pub sha256: Sum,
    /// The SHA-384, in a bundle with a profile.
    pub sha384: Option<Sum384>,
}

impl SumPair {
    /// Computes the sums of `bytes` that a bundle of this profile has.
    pub fn of(bytes: &[u8], profile: Option<Profile>) -> SumPair {
        SumPair { sha256: Sum::of(bytes), sha384: profile.map(|_| Sum384::of(bytes)) }
    }

    /// Returns sums that only have the right length.
    pub fn zero(profile: Option<Profile>) -> SumPair {
        SumPair { sha256: Sum([0; 32]), sha384: profile.map(|_| Sum384([0; 48])) }
    }

    /// Returns the profile of a bundle that has such sums.
    pub fn profile(&self) -> Option<Profile> {
        self.sha384.map(|_| Profile::Cnsa2)
    }
}

impl From<Sum> for SumPair {
    fn from(sha256: Sum) -> SumPair {
        SumPair { sha256, sha384: None }
    }
}

impl FromStr for SumPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            Some(match text.split_once(',') {
                None => SumPair { sha256: text.parse().ok()?, sha384: None },
                Some((first, second)) => {
                    SumPair { sha256: first.parse().ok()?, sha384: Some(second.parse().ok()?) }
                }
            })
        };
        parse().ok_or_else(|| "64 lower-case hex digits, or these, a comma and 96 more".to_owned())
    }
}

impl fmt::Display for SumPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sha384 {
            None => write!(f, "{}", self.sha256),
            Some(sha384) => write!(f, "{},{sha384}", self.sha256),
        }
    }
}

impl fmt::Debug for SumPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for SumPair {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for SumPair {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SumPair".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}(,[0-9a-f]{96})?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_one_spelling() {
        for profile in [None, Some(Profile::Cnsa2)] {
            let pair = SumPair::of(b"abc", profile);
            assert_eq!(pair.to_string().parse(), Ok(pair));
            assert_eq!((pair.profile(), pair == SumPair::of(b"abd", profile)), (profile, false));
            assert_eq!(SumPair::zero(profile).to_string().len(), pair.to_string().len());
        }
        // The vector of FIPS 180-4.
        let expected = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                        8086072ba1e7cc2358baeca134c825a7";
        assert_eq!(Sum384::of(b"abc").to_string(), expected);
        let sum = Sum::of(b"abc").to_string();
        for text in
            [format!("{sum},"), format!("{sum},{sum}"), format!("{sum} {expected}"), expected.to_owned()]
        {
            assert!(text.parse::<SumPair>().is_err(), "{text}");
        }
    }
}
