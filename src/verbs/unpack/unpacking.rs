//! Moves the blobs of a bundle that the target lacks.

use std::sync::Mutex;

use super::UnpackError;
use super::copies::{may_have_intact_copy, unpack_one};
use super::report::UnpackReport;
use super::unloading::{Unloading, descriptor};
use crate::arrival::{Beside, Carrier, WholeBundle};
use crate::artifacts::ArtifactSink;
use crate::diagnosis::Advice;
use crate::environment::Environment;
use crate::format::plan::Plan;
use crate::observe::Phase;
use crate::oci::Descriptor;
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump_list;
use crate::verbs::report::{ArtifactReport, BaseMissing, LeftOutReport, OmissionReport, SignerReport};

/// Unpacks a bundle into `sink`. What it leaves out, because an earlier bundle carries it, must be there already, or be in
/// the bundles `beside` it.
///
/// # Errors
/// [`UnpackError`]. Only blobs that match their digests are kept, and no artifact becomes visible.
pub fn unpack(
    bundle: &WholeBundle<'_>,
    beside: &Beside<'_>,
    sink: Box<dyn ArtifactSink>,
    environment: &Environment<'_>,
) -> Result<UnpackReport, UnpackError> {
    let plan = &bundle.contents().plan;
    // Names that already exist are detected before anything is written.
    sink.check_names(&plan.index_entries())?;
    let mut waiting = Vec::new();
    for blob in &plan.blobs {
        if !sink.contains(&descriptor(blob))? {
            waiting.push(Carrier { blob, bundle });
        }
    }
    let left_out = beside_of(plan, beside, sink.as_ref())?;
    let present = plan.blobs.len() + plan.elsewhere.len() - waiting.len() - left_out.len();
    waiting.extend(left_out);
    waiting.sort_by_key(|carrier| (std::cmp::Reverse(carrier.blob.size), carrier.blob.digest));
    unpack_blobs(sink.as_ref(), &waiting, environment)?;
    let to = sink.name().to_owned();
    sink.finish(&plan.index_entries())?;
    Ok(UnpackReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        in_stream: None,
        to,
        released_by: SignerReport::all(bundle.release().releasers()),
        artifacts: ArtifactReport::all(plan),
        referrers: plan.referrers.len(),
        blobs_written: waiting.len() as u64,
        bytes_written: waiting.iter().map(|carrier| carrier.blob.size).sum(),
        blobs_present: present as u64,
        omitted: OmissionReport::all(plan),
        left_out: LeftOutReport::all(plan),
    })
}

/// Returns what the target lacks of what the bundle leaves out, in the bundles beside it. The content of each blob that
/// the target has is hashed.
fn beside_of<'a>(
    plan: &Plan,
    beside: &'a Beside<'a>,
    sink: &dyn ArtifactSink,
) -> Result<Vec<Carrier<'a>>, UnpackError> {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for left_out in &plan.elsewhere {
        let wanted = Descriptor::new(left_out.media_type.clone(), left_out.digest, left_out.size);
        if sink.contains(&wanted)? {
            continue;
        }
        match beside.carrier(&left_out.digest) {
            Some(carrier) => found.push(carrier),
            None => absent.push(left_out),
        }
    }
    match absent.first() {
        None => Ok(found),
        Some(first) => Err(BaseMissing {
            to: sink.name().to_owned(),
            absent: LeftOutReport::of(plan, absent.iter().copied()),
            first: first.digest,
            advice: (!sink.is_added_to()).then_some(Advice::ArchiveTakesNoDelta),
        }
        .into()),
    }
}

fn unpack_blobs(
    sink: &dyn ArtifactSink,
    waiting: &[Carrier<'_>],
    environment: &Environment<'_>,
) -> Result<(), UnpackError> {
    let lengths: Vec<u64> = waiting.iter().map(|carrier| carrier.blob.size).collect();
    let again: Mutex<Vec<(Carrier<'_>, UnpackError)>> = Mutex::default();
    let monitor = environment.monitor;
    let begin = |at: usize| Unloading::begin(waiting[at], sink, monitor);
    monitor.phase(Phase::Unpack, lengths.iter().sum(), || {
        pump_list(
            environment.workers,
            lanes(Function::Sha256),
            &lengths,
            &begin,
            &|at, outcome| match outcome {
                Err(error) if may_have_intact_copy(waiting[at], &error) => {
                    again.lock().expect("no thread panicked").push((waiting[at], error));
                    Ok(())
                }
                outcome => outcome,
            },
        )
    })?;
    for (carrier, error) in again.into_inner().expect("no thread panicked") {
        let Some(pieces) = carrier.bundle.good_segments(carrier.blob) else { return Err(error) };
        unpack_one(Unloading::of(pieces, sink, carrier.blob, monitor)?)?;
    }
    Ok(())
}
