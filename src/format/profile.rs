//! The profile of a bundle (docs/format.md, "The profile cnsa2").

use std::fmt;
use std::str::FromStr;

/// Rules for stronger algorithms that a bundle keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// CNSA 2.0: signatures of ML-DSA-87, and SHA-384 beside SHA-256.
    Cnsa2,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Cnsa2 => "cnsa2",
        })
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "cnsa2" { Ok(Profile::Cnsa2) } else { Err("the profile cnsa2".to_owned()) }
    }
}
