//! Policies in Rego. Package `carnet` has rules `deny` and `warn`; each gives a set of sentences, or of objects with a
//! sentence and what it is about. The input is the report of an audit, as it is published in JSON.
//!
//! The engine has no built-in function that reads a clock, random numbers, files or a network: what a policy says follows
//! from the report alone.

#[cfg(any(test, not(feature = "rego")))]
#[cfg_attr(feature = "rego", allow(dead_code, unreachable_pub, reason = "it is only tested"))]
mod absent;
#[cfg(feature = "rego")]
mod engine;

use std::collections::BTreeSet;

#[cfg(not(feature = "rego"))]
pub use absent::RegoPolicy;
#[cfg(feature = "rego")]
pub use engine::RegoPolicy;

/// The most bytes of a report that a policy in Rego gets, as JSON. The engine needs about ten times as much memory.
const INPUT_BYTES_MAX: usize = 16 << 20;

/// The most processor time of one rule, in seconds.
const SECONDS_MAX: u64 = 10;

/// The most memory that the process may take while a rule is evaluated, beyond what it had before, in bytes.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// A sentence of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// The name that the policy gives the rule; without, `deny` or `warn`.
    pub rule: String,
    /// What it is about; without, the name of the policy file.
    pub place: String,
    /// The sentence.
    pub text: String,
}

/// What a policy says of a report.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RegoVerdict {
    /// Why it denies the transfer; empty if it does not.
    pub denies: BTreeSet<Said>,
    /// What it warns of.
    pub warns: BTreeSet<Said>,
}

/// A policy says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegoError {
    /// This build has no engine.
    #[error("this carnet cannot read policies in Rego: it was built without the feature `rego`")]
    NotBuilt,
    /// The file is no policy that carnet can ask.
    #[error("{0}")]
    Unusable(String),
    /// A rule could not be evaluated.
    #[error("rule {rule}: {problem}")]
    Failed {
        /// The rule.
        rule: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A rule took too much processor time.
    #[error("rule {rule}: it took more than {SECONDS_MAX} seconds of processor time")]
    TooLong {
        /// The rule.
        rule: &'static str,
    },
    /// A rule took too much memory.
    #[error("rule {rule}: it took more than {} MiB of memory", MEMORY_BYTES_MAX >> 20)]
    TooLarge {
        /// The rule.
        rule: &'static str,
    },
    /// The report is too large.
    #[error(
        "the report has {found} bytes as JSON; a policy in Rego gets at most {INPUT_BYTES_MAX}, so that memory is bounded"
    )]
    InputTooLong {
        /// Its size in bytes.
        found: usize,
    },
}
