//! Unpacking: a released bundle becomes a layout or an archive, blob by blob, each hashed as it is
//! written and kept only if it is what its digest says.

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

use copies::{may_have_a_copy, move_one};
use unloading::Unloading;

pub use error::UnpackError;

/// What unpacking says when it is done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnpackReport {
    /// The bundle's id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Where everything went.
    pub to: String,
    /// Who released it.
    pub released_by: Vec<SignerReport>,
    /// The artifacts that are there now.
    pub artifacts: Vec<ArtifactReport>,
    /// How many referrers came with them.
    pub referrers: usize,
    /// Blobs that were written.
    pub blobs_written: u64,
    /// Their size in bytes.
    pub bytes_written: u64,
    /// Blobs that were there already.
    pub blobs_present: u64,
    /// What the bundle does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
}

/// Unpacks a bundle into `sink`.
///
/// # Errors
/// [`UnpackError`]. Nothing that was not proven is kept, and no artifact becomes visible.
pub fn unpack(
    bundle: &WholeBundle<'_>,
    sink: Box<dyn ArtifactSink>,
    environment: &Environment<'_>,
) -> Result<UnpackReport, UnpackError> {
    let plan = &bundle.contents().plan;
    // A name that is taken is found before anything is written, not after.
    sink.check_names(&plan.index_entries())?;
    let mut waiting = Vec::new();
    for blob in &plan.blobs {
        if !sink.contains(&descriptor(blob))? {
            waiting.push(blob);
        }
    }
    waiting.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
    move_all(bundle, sink.as_ref(), &waiting, environment)?;
    let to = sink.name().escape_debug().to_string();
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

fn move_all(
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
                Err(error) if may_have_a_copy(bundle, waiting[at], &error) => {
                    again.lock().expect("no thread panicked").push((waiting[at], error));
                    Ok(())
                }
                outcome => outcome,
            },
        )
    })?;
    for (blob, error) in again.into_inner().expect("no thread panicked") {
        let Some(segments) = bundle.good_segments(blob) else { return Err(error) };
        move_one(Unloading::of(segments, sink, blob, monitor)?)?;
    }
    Ok(())
}
