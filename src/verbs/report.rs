//! What the reports of several verbs have in common.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::plan::{Artifact, Plan, PlannedOmission};
use crate::oci::graph::Reason;
use crate::oci::{Digest, MediaType, RefName};
use crate::trust::Accepted;

/// An artifact of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArtifactReport {
    /// Its name.
    pub name: Option<RefName>,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The type of that.
    pub media_type: MediaType,
}

impl ArtifactReport {
    /// Every artifact of a plan.
    pub fn all(plan: &Plan) -> Vec<ArtifactReport> {
        let report = |artifact: &Artifact| ArtifactReport {
            name: artifact.name.clone(),
            digest: artifact.digest,
            media_type: artifact.media_type.clone(),
        };
        plan.artifacts.iter().map(report).collect()
    }
}

/// Something reachable that is not carried.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OmissionReport {
    /// What is not carried.
    pub digest: Digest,
    /// Its type.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// Why not.
    pub reason: Reason,
    /// What points at it.
    pub parent: Digest,
    /// Its platform, where it has one.
    pub platform: Option<String>,
}

impl OmissionReport {
    /// Everything that a plan leaves out.
    pub fn all(plan: &Plan) -> Vec<OmissionReport> {
        let report = |omitted: &PlannedOmission| OmissionReport {
            digest: omitted.digest,
            media_type: omitted.media_type.clone(),
            size: omitted.size,
            reason: omitted.reason,
            parent: omitted.parent,
            platform: omitted.platform.as_ref().map(ToString::to_string),
        };
        plan.omitted.iter().map(report).collect()
    }
}

/// Who signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignerReport {
    /// Whose key it is.
    pub holder: String,
    /// The key.
    pub key: String,
}

impl SignerReport {
    /// These signers.
    pub fn all(accepted: &[Accepted]) -> Vec<SignerReport> {
        let report = |a: &Accepted| SignerReport { holder: a.holder.clone(), key: a.key_id.to_string() };
        accepted.iter().map(report).collect()
    }
}
