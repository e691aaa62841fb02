//! Report types that several verbs share.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::plan::{Artifact, Plan, PlannedOmission};
use crate::oci::graph::Reason;
use crate::oci::{Digest, MediaType, RefName};
use crate::trust::Accepted;

/// An artifact of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArtifactReport {
    /// The name of the artifact, as in its reference; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of the artifact's manifest or index.
    pub digest: Digest,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
}

impl ArtifactReport {
    /// Returns the artifacts of a plan.
    pub fn all(plan: &Plan) -> Vec<ArtifactReport> {
        let report = |artifact: &Artifact| ArtifactReport {
            name: artifact.name.clone(),
            digest: artifact.digest,
            media_type: artifact.media_type.clone(),
        };
        plan.artifacts.iter().map(report).collect()
    }
}

/// A manifest or blob that the artifacts reference but the bundle omits.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OmissionReport {
    /// The digest of the omitted manifest or blob.
    pub digest: Digest,
    /// The media type in its descriptor.
    pub media_type: MediaType,
    /// The size in its descriptor, in bytes.
    pub size: u64,
    /// The reason for the omission.
    pub reason: Reason,
    /// The digest of the manifest or index that references it.
    pub parent: Digest,
    /// The platform in its descriptor, if any.
    pub platform: Option<String>,
}

impl OmissionReport {
    /// Returns the omissions of a plan.
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

/// A holder and the key that signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignerReport {
    /// The holder of the key, as named in the trust policy.
    pub holder: String,
    /// The id of the key.
    pub key: String,
}

impl SignerReport {
    /// Converts accepted signers to their report form.
    pub fn all(accepted: &[Accepted]) -> Vec<SignerReport> {
        let report = |a: &Accepted| SignerReport { holder: a.holder.clone(), key: a.key_id.to_string() };
        accepted.iter().map(report).collect()
    }
}
