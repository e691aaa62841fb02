//! Artifacts, their manifests and their referrers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::oci::{Digest, MediaType, RefName};

/// An artifact: what a tag or digest of the bundle points at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedArtifact {
    /// Its name, as in its reference; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The media type of its manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if the manifest or index states one.
    pub artifact_type: Option<MediaType>,
    /// The annotations of its manifest or index.
    pub annotations: BTreeMap<String, String>,
    /// The manifests that it consists of: itself, or the children of its index, in their order. If it is a referrer, also its
    /// subject.
    pub manifests: Vec<AuditedManifest>,
    /// The referrers of the artifact and of its manifests, and the referrers of these.
    pub referrers: Vec<AuditedReferrer>,
}

/// A manifest of an artifact.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedManifest {
    /// Its digest.
    pub digest: Digest,
    /// The platform, as the index states it.
    pub platform: Option<String>,
    /// Whether it travels.
    pub carried: bool,
    /// Its layers or blobs, in their order.
    pub blobs: Vec<Digest>,
}

/// A referrer, such as a signature, an SBOM or an attestation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct AuditedReferrer {
    /// The digest of its subject.
    pub subject: Digest,
    /// The digest of the referrer's manifest or index.
    pub digest: Digest,
    /// What it is: `signature`, `sbom`, `attestation`, or its artifact type.
    pub kind: String,
    /// The artifact type, if the referrer states one.
    pub artifact_type: Option<MediaType>,
}
