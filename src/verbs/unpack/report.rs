//! The report of `unpack`.

use serde::Serialize;

use crate::format::Sum;
use crate::format::statement::Crossing;
use crate::logbook::StreamReport;
use crate::verbs::report::{ArtifactReport, LeftOutReport, OmissionReport, SignerReport};

/// The report of `unpack`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UnpackReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The verdict on the bundle in its stream; absent if nothing is remembered, or it has no stream.
    pub in_stream: Option<StreamReport>,
    /// The layout or archive that the bundle was unpacked to.
    pub to: String,
    /// The holders and keys that released the bundle.
    pub released_by: Vec<SignerReport>,
    /// The artifacts that were unpacked, without referrers.
    pub artifacts: Vec<ArtifactReport>,
    /// How many signatures, SBOMs and other referrers were unpacked.
    pub referrers: usize,
    /// How many blobs were written, manifests and indexes included.
    pub blobs_written: u64,
    /// The total size of the blobs written, in bytes.
    pub bytes_written: u64,
    /// How many blobs the target already had.
    pub blobs_present: u64,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
}
