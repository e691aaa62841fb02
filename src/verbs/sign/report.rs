//! What is signed, and what was signed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::statement::Crossing;
use crate::format::{Sum, Timestamp};
use crate::verbs::report::{ArtifactReport, LeftOutReport, OmissionReport, OriginReport, SignerReport};

/// What a release signature on a control chunk covers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BundleToSign {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The path of the control chunk.
    pub file: String,
    /// The time at which the control chunk was sealed, as its packer says.
    pub created: Timestamp,
    /// The time from which the control chunk is no longer accepted.
    pub expires: Option<Timestamp>,
    /// The number of chunks of the bundle.
    pub chunks: u32,
    /// The trusted packers who signed the control chunk; none if no trust file was given.
    pub packed_by: Vec<SignerReport>,
    /// The artifacts in the bundle, without referrers.
    pub artifacts: Vec<ArtifactReport>,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The bundles that this one was made of; none if it was packed from sources.
    pub origins: Vec<OriginReport>,
}

/// A bundle that was signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignedBundle {
    /// What was signed.
    #[serde(flatten)]
    pub content: BundleToSign,
    /// The id of the key that signed.
    pub key: String,
    /// The id of the second key that signed, of another algorithm.
    pub second_key: Option<String>,
    /// With what the same holder must sign, too, before the release counts: algorithms, or `either` and several of them.
    pub waits_for: Vec<String>,
    /// Whether this key had already signed the control chunk; if so, nothing was changed.
    pub already_signed: bool,
    /// The number of signatures that the control chunk or the release file has now.
    pub signatures: usize,
    /// The name of the release file, if that was written instead of the control chunk.
    pub release_file: Option<String>,
}

/// The report of `sign`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignReport {
    /// The bundles that were signed, by id.
    pub bundles: Vec<SignedBundle>,
}
