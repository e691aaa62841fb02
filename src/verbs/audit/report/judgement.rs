//! What a policy says of a transfer.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::{Sum, Timestamp};

/// The judgement by the policy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Judgement {
    /// Whether the transfer is allowed.
    pub allowed: bool,
    /// Why it is denied.
    pub denials: Vec<Denial>,
    /// What policies in Rego warn of. It denies nothing.
    pub warnings: Vec<PolicyWarning>,
    /// Denials that are accepted, with the reason.
    pub ignored: Vec<Ignored>,
    /// Findings on known flaws that were not counted, because a VEX statement says that the flaw does no harm here.
    pub not_counted: Vec<NotCounted>,
}

/// A finding on a known flaw that was not counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct NotCounted {
    /// The finding.
    pub finding: Sum,
    /// What it is about.
    pub place: String,
    /// The finding in a sentence, with what the statement says.
    pub text: String,
}

/// A reason for which the policy denies the transfer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Denial {
    /// The rule of the policy: its key in the file, or the name that a policy in Rego gives it.
    pub rule: String,
    /// What it is about: an artifact, layer, package or path.
    pub place: String,
    /// Why, in a sentence.
    pub text: String,
    /// The finding, if it is about one.
    pub finding: Option<Sum>,
}

/// What a policy warns of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct PolicyWarning {
    /// The rule of the policy.
    pub rule: String,
    /// What it is about.
    pub place: String,
    /// Of what, in a sentence.
    pub text: String,
}

/// A denial that is accepted for some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Ignored {
    /// The finding that was denied, if it was one.
    pub finding: Option<Sum>,
    /// The rule of the policy.
    pub rule: String,
    /// What it is about.
    pub place: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Timestamp,
}
