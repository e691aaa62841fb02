//! Packages, and what is known of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::oci::Digest;
use crate::packages::Package;
use crate::verbs::audit::finding::Severity;

/// A package, and where it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedPackage {
    /// Its package URL.
    pub purl: String,
    /// What the database says.
    #[serde(flatten)]
    pub package: Arc<Package>,
    /// The layer that the entry or file comes from.
    pub layer: Digest,
    /// The path of the database, or of the file that describes it.
    pub path: Arc<str>,
    /// The images that have it.
    pub images: Arc<[Digest]>,
    /// The images that have it in a lower layer only: an upper one hides it. Empty unless packages of all layers were asked for.
    pub hidden_in: Arc<[Digest]>,
}

/// A known flaw of a package.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedAdvisory {
    /// Its id.
    pub id: String,
    /// Other ids of the same flaw.
    pub aliases: Vec<String>,
    /// The package URL of the package.
    pub package: String,
    /// The version in which it is fixed.
    pub fixed: Option<String>,
    /// How grave it is, as the database says.
    pub severity: Severity,
    /// Its summary.
    pub summary: String,
    /// What a VEX statement says of it, with its reason.
    pub vex: Option<String>,
}
