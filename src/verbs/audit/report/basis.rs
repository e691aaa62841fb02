//! What an audit is based on: its settings and files, and the bundles.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::{Sum, Timestamp};
use crate::verbs::report::BundleReport;

/// What an audit is based on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Basis {
    /// The program and its version.
    pub build: String,
    /// The time that ages and ends are measured at.
    pub at: Timestamp,
    /// Which packages are listed.
    pub scope: PackageScope,
    /// The limits, by option.
    pub limits: BTreeMap<String, u64>,
    /// The policy files, in their order.
    pub policies: Vec<NamedSum>,
    /// The files of ignored findings.
    pub ignores: Vec<NamedSum>,
    /// The advisory databases.
    pub advisories: Vec<DatabaseReport>,
    /// The statements about exploitability (VEX).
    pub vex: Vec<NamedSum>,
    /// The files of rules for secrets, besides the rules of the program.
    pub secret_rules: Vec<NamedSum>,
    /// The keys and certificates for signatures in the cargo.
    pub keys: Vec<NamedSum>,
    /// The guard's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<NamedSum>,
}

/// Which packages of an image are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackageScope {
    /// Those that a container sees.
    #[default]
    Squashed,
    /// Also those that upper layers hide, but that travel.
    AllLayers,
}

/// A file that the audit used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedSum {
    /// The file name as given.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Sum,
}

/// An advisory database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DatabaseReport {
    /// The file or folder as given.
    pub name: String,
    /// The SHA-256 of the file; of a folder, that of the sorted list of its names and sums.
    pub sha256: Sum,
    /// When its newest record was changed, as the record says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The number of its records.
    pub records: u64,
}

/// A bundle that was audited.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedBundle {
    /// Its id and name, who packed and released it, and when.
    #[serde(flatten)]
    pub summary: BundleReport,
    /// The number of its chunks.
    pub chunks: u32,
    /// The chunks that are missing or damaged.
    pub missing: Vec<u32>,
    /// The total size of its blobs in bytes.
    pub payload_bytes: u64,
}
