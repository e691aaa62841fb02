//! The three steps of a pack: prepare, load, conclude. The first knows every byte's place before any byte moves, the
//! second may be done chunk by chunk, the third needs all chunks.

use super::blueprint::Blueprint;
use super::control::write_control;
use super::gather::{Cargo, gather};
use super::load::load;
use super::place::{Placement, place};
use super::sealer::Sealer;
use super::{Expiry, Outcome, PackError, PackReport, PackRequest, Splitting, probe, resume};
use crate::artifacts::OnFailure;
use crate::environment::Environment;
use crate::format::error::FormatError;
use crate::format::limits::INDEX_BYTES_MAX;
use crate::format::plan::Plan;
use crate::format::shape::HeadRoom;
use crate::medium::{ChunkSink, MediumError};
use crate::observe::Event;
use crate::oci::Digest;
use crate::trust::Signer;

/// What travels, and where each byte of it goes.
pub(super) struct Prepared {
    pub cargo: Cargo,
    pub blueprint: Blueprint,
}

/// Says what [`pack`] would do; writes nothing and reads manifests only.
pub fn plan(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let Prepared { cargo, blueprint } = prepare(request, signer, &[], environment)?;
    Ok(PackReport::new(&blueprint, &cargo, None, Outcome::Planned))
}

/// Packs a bundle.
///
/// The control chunk is written last, so a bundle that has one is complete. Running again after any
/// failure is safe, keeps every chunk that is finished, and changes nothing if all are.
///
/// # Errors
/// [`PackError`]. Chunks that were finished stay; of a registry's blobs also those that came whole, in a hidden
/// folder. No other file does.
pub fn pack(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let mut excluded = Vec::new();
    loop {
        let prepared = prepare(request, signer, &excluded, environment)?;
        let sink = request.store.hold(&request.crossing.name, request.replace)?;
        let error = match write(request, &prepared, sink.as_ref(), signer, environment) {
            Ok(report) => return Ok(report),
            // No blob is to blame then, and what is finished stays.
            Err(error) if environment.workers.interrupted() => {
                return Err(or_interrupted(error, environment));
            }
            Err(error) if request.on_failure == OnFailure::Stop => return Err(error),
            Err(error) => error,
        };
        match error.damaged_blob() {
            // A blob that proves unreadable takes its artifacts with it; the others get a plan of their own.
            Some(digest) if !excluded.contains(&digest) => {
                environment.monitor.tell(Event::Note { text: error.to_string() });
                sink.withdraw()?;
                excluded.push(digest);
            }
            // An earlier run may have gone on without artifacts that this one has not found damaged yet: the chunks
            // in the way are then those of the plan without them.
            None if matches!(error, PackError::Medium(MediumError::Exists { .. })) && excluded.is_empty() => {
                excluded = probe::damaged(&prepared.cargo, environment)?;
                if excluded.is_empty() {
                    return Err(error);
                }
            }
            _ => return Err(error),
        }
    }
}

/// The first step: gathers what travels, without `excluded`, and gives every byte its place.
fn prepare(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    excluded: &[Digest],
    environment: &Environment<'_>,
) -> Result<Prepared, PackError> {
    let cargo = gather(request, excluded).map_err(|error| or_interrupted(error, environment))?;
    let placement = place(cargo.plan(request, HeadRoom::of(signer.signature_bytes())))?;
    if request.splitting == Splitting::Forbidden {
        refuse_slices(&placement)?;
    }
    check_readable(&placement.plan)?;
    let expires = request.expires.and_then(|expiry: Expiry| expiry.from(request.created));
    Ok(Prepared {
        cargo,
        blueprint: Blueprint::new(placement, signer.signature_bytes(), request.created, expires),
    })
}

/// Writes what is not there yet: the second and the third step.
fn write(
    request: &PackRequest<'_>,
    prepared: &Prepared,
    sink: &dyn ChunkSink,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let Prepared { cargo, blueprint } = prepared;
    let sealer = Sealer::new(blueprint, sink, signer, &request.file_sums, environment);
    let report = |outcome| PackReport::new(blueprint, cargo, Some(&sealer.file_sums), outcome);
    let kept = resume::keep_finished(request, &sealer, signer)?;
    if kept.complete {
        sealer.sum_rest()?;
        sink.clear()?;
        return Ok(report(Outcome::Unchanged));
    }
    let waits = request.sources.iter().any(|wanted| wanted.source.waits());
    if waits {
        resume::keep_blobs(&sealer)?;
    } else {
        sink.clear()?;
    }
    sink.reserve(sealer.bytes_to_write())?;
    if let Err(error) = load(&sealer, cargo, &|_| true).and_then(|()| conclude(&sealer)) {
        // What came over a network is worth more than the room that it takes.
        sink.leave(waits && sealer.is_begun_well());
        return Err(error);
    }
    let report = report(Outcome::Packed);
    sink.publish(blueprint.plan().last)?;
    Ok(report)
}

/// The third step: writes what the bundle says of itself, once all data chunks are finished.
fn conclude(sealer: &Sealer<'_>) -> Result<(), PackError> {
    write_control(sealer)?;
    sealer.sum_rest()
}

/// Everything that breaks after a signal breaks because of it: connections are ended then.
fn or_interrupted(error: PackError, environment: &Environment<'_>) -> PackError {
    if environment.workers.interrupted() { PackError::Interrupted } else { error }
}

/// Refuses to write what no reader would take.
fn check_readable(plan: &Plan) -> Result<(), PackError> {
    Plan::parse(&plan.render())?;
    let index_bytes = plan.index_json().len() as u64;
    if index_bytes > INDEX_BYTES_MAX {
        let (expected, found) = (format!("at most {INDEX_BYTES_MAX} bytes"), index_bytes.to_string());
        return Err(FormatError { what: "index.json", line: 0, expected, found }.into());
    }
    Ok(())
}

/// Refuses a placement that cuts blobs, naming them.
fn refuse_slices(placement: &Placement) -> Result<(), PackError> {
    let cut = placement.plan.blobs.iter().filter(|blob| blob.pieces.len() > 1);
    let blobs: Vec<(Digest, u64)> = cut.map(|blob| (blob.digest, blob.size)).collect();
    if blobs.is_empty() {
        return Ok(());
    }
    Err(PackError::TooLarge { chunk_bytes: placement.plan.chunk_bytes, blobs })
}
