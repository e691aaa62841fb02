//! Unpacks a released bundle into a layout or an archive. Each blob is hashed while it is written, and kept only if it
//! matches its digest.

mod copies;
mod error;
mod unloading;

use std::sync::Mutex;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{ReleasedBundle, WholeBundle};
use crate::artifacts::ArtifactSink;
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::plan::PlannedBlob;
use crate::format::statement::Crossing;
use crate::observe::Phase;
use crate::oci::Descriptor;
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump_list;
use crate::verbs::report::{ArtifactReport, OmissionReport, SignerReport};

use copies::{may_have_intact_copy, unpack_one};
use unloading::Unloading;

pub use error::UnpackError;

/// The report of `unpack`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnpackReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
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
}

/// Unpacks a bundle into `sink`.
///
/// # Errors
/// [`UnpackError`]. Only blobs that match their digests are kept, and no artifact becomes visible.
pub fn unpack(
    bundle: &WholeBundle<'_>,
    sink: Box<dyn ArtifactSink>,
    environment: &Environment<'_>,
) -> Result<UnpackReport, UnpackError> {
    let plan = &bundle.contents().plan;
    // Names that already exist are detected before anything is written.
    sink.check_names(&plan.index_entries())?;
    let mut waiting = Vec::new();
    for blob in &plan.blobs {
        if !sink.contains(&descriptor(blob))? {
            waiting.push(blob);
        }
    }
    waiting.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
    unpack_blobs(bundle, sink.as_ref(), &waiting, environment)?;
    let to = sink.name().to_owned();
    sink.finish(&plan.index_entries())?;
    Ok(UnpackReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        to,
        released_by: SignerReport::all(bundle.release().releasers()),
        artifacts: ArtifactReport::all(plan),
        referrers: plan.referrers.len(),
        blobs_written: waiting.len() as u64,
        bytes_written: waiting.iter().map(|blob| blob.size).sum(),
        blobs_present: (plan.blobs.len() - waiting.len()) as u64,
        omitted: OmissionReport::all(plan),
    })
}

fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}

fn unpack_blobs(
    bundle: &ReleasedBundle<'_>,
    sink: &dyn ArtifactSink,
    waiting: &[&PlannedBlob],
    environment: &Environment<'_>,
) -> Result<(), UnpackError> {
    let lengths: Vec<u64> = waiting.iter().map(|blob| blob.size).collect();
    let again: Mutex<Vec<(&PlannedBlob, UnpackError)>> = Mutex::default();
    let monitor = environment.monitor;
    let begin = |at: usize| Unloading::begin(bundle, sink, waiting[at], monitor);
    monitor.phase(Phase::Unpack, lengths.iter().sum(), || {
        pump_list(
            environment.workers,
            lanes(Function::Sha256),
            &lengths,
            &begin,
            &|at, outcome| match outcome {
                Err(error) if may_have_intact_copy(bundle, waiting[at], &error) => {
                    again.lock().expect("no thread panicked").push((waiting[at], error));
                    Ok(())
                }
                outcome => outcome,
            },
        )
    })?;
    for (blob, error) in again.into_inner().expect("no thread panicked") {
        let Some(segments) = bundle.good_segments(blob) else { return Err(error) };
        unpack_one(Unloading::of(segments, sink, blob, monitor)?)?;
    }
    Ok(())
}
