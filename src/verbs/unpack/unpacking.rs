//! Moves the blobs of a bundle that the target lacks.

use std::sync::Mutex;

use super::UnpackError;
use super::copies::{may_have_intact_copy, unpack_one};
use super::report::UnpackReport;
use super::unloading::{Unloading, descriptor};
use crate::arrival::{ReleasedBundle, WholeBundle};
use crate::artifacts::ArtifactSink;
use crate::environment::Environment;
use crate::format::plan::PlannedBlob;
use crate::observe::Phase;
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump_list;
use crate::verbs::report::{ArtifactReport, OmissionReport, SignerReport};

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
