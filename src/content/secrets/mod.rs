//! Secrets in files: keys, tokens and passwords that should not travel. Rules are regular expressions on bytes with a
//! fixed beginning, so that one pass over a file tells which of them can apply at all.
//!
//! A secret is never kept: a finding has the rule, the place, the length and the SHA-256 digest of it. So a report tells
//! where to look, and whether two places have the same secret, and does not become a secret itself.

mod builtin;
mod gitleaks;
mod known;
mod marks;
mod rule;
mod scan;

pub use gitleaks::{GitleaksError, GitleaksFile};
pub use rule::RulesError;
pub use scan::{SECRETS_MAX, SecretRules};

use crate::oci::Digest;

/// How many bytes from the beginning of a file are searched. Texts that are longer are data, not configuration.
pub const SEARCHED_BYTES_MAX: usize = 1024 * 1024;

/// A secret that was found, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// Its line; the first is 1.
    pub line: u64,
    /// The rule that found it, e.g. `github-token`.
    pub rule: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 digest of it.
    pub digest: Digest,
}

/// What a file holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The secrets, by place.
    pub found: Vec<Secret>,
    /// What the limits left out.
    pub left_out: LeftOut,
}

/// What was not looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// Rules that have more than [`SECRETS_MAX`] findings in the file.
    pub rules: u64,
    /// Bytes behind [`SEARCHED_BYTES_MAX`].
    pub bytes: u64,
}

#[cfg(test)]
mod tests;
