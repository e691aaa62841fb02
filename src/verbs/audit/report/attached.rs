//! What is attached to artifacts: SBOMs, attestations and signatures.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::Sum;
use crate::oci::Digest;

/// An SBOM that travels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedBom {
    /// The digest of the blob.
    pub digest: Digest,
    /// The image that it is attached to.
    pub of: Digest,
    /// Its format and version, e.g. `SPDX 2.3`.
    pub format: String,
    /// The tools that made it.
    pub made_by: Vec<String>,
    /// When it was made, as it says.
    pub created: Option<String>,
    /// The number of its packages.
    pub packages: u64,
    /// Whether it was compared with the content of the image.
    pub compared: bool,
    /// Packages that only the SBOM has.
    pub only_there: Vec<String>,
    /// Packages that only the image has.
    pub only_here: Vec<String>,
    /// Packages of which the image has another version.
    pub version_differs: Vec<VersionDiffers>,
    /// How many lines these lists do not have, because they are too long.
    pub not_listed: u64,
}

/// A package of which an SBOM and the image have different versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct VersionDiffers {
    /// The package URL without its version.
    pub purl: String,
    /// The version in the SBOM.
    pub there: String,
    /// The version in the image.
    pub here: String,
}

/// An attestation that travels (in-toto).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedStatement {
    /// The digest of the blob.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub of: Digest,
    /// The type of its predicate.
    pub predicate: String,
    /// Whether it says that its subject is what it is attached to.
    pub subject_holds: bool,
    /// The builder, if it is a provenance.
    pub builder: Option<String>,
    /// The file of the key that signed it, if that was given and the signature is valid.
    pub signed_by: Option<String>,
}

/// A signature that travels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedSignature {
    /// The digest of the manifest that it is for.
    pub of: Digest,
    /// The digest of the manifest that holds it.
    pub digest: Digest,
    /// The system: `cosign` or `notation`; or `attestation` for the signature of an attestation, which is no signature of the
    /// manifest.
    pub kind: String,
    /// The result.
    pub status: SignatureStatus,
    /// The file of the key or trusted certificate that shows it to be valid.
    pub by: Option<String>,
    /// The subject of the certificate of the signer of a valid signature, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The SHA-256 of the public key of the signer of a valid signature (DER).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Sum>,
    /// Why it is invalid or unverifiable.
    pub why: Option<String>,
}

/// The result of checking a signature in the cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureStatus {
    /// A given key made it, over this manifest.
    Valid,
    /// It is wrong.
    Invalid,
    /// It cannot be checked.
    Unverifiable,
}
