//! What a policy said of the content of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many reasons of a denial a record has.
pub const REASONS_MAX: usize = 100;

/// What a policy said of the content of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunJudgement {
    /// Whether the content may move.
    pub allowed: bool,
    /// The files of policies and of accepted denials.
    pub files: Vec<RunRuleFile>,
    /// A sum that changes when one of the files changes that the policy needs.
    pub stamp: String,
    /// How many reasons there are to deny it.
    pub reasons: u64,
    /// The reasons; the first 100 if there are more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<RunDenial>,
}

/// A file of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRuleFile {
    /// Its name, as it was given.
    pub name: String,
    /// The SHA-256 of the file.
    pub sha256: String,
}

/// A reason to deny the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunDenial {
    /// The rule of the policy that was broken.
    pub rule: String,
    /// What it is about: an artifact, layer, package or path.
    pub place: String,
    /// Why, in a sentence.
    pub text: String,
}
