//! The three steps of packing: prepare, load, conclude. The first determines the place of every byte before any is
//! written, the second can be done chunk by chunk, and the third needs all chunks.

use super::blueprint::Blueprint;
use super::control::write_control;
use super::gather::gather;
use super::hand::Hand;
use super::load::load;
use super::place::{Placement, place};
use super::prepared::Prepared;
use super::sealer::{Only, Sealer};
use super::{Expiry, Outcome, PackError, PackReport, PackRequest, Part, Splitting, probe, resume};
use crate::artifacts::OnFailure;
use crate::environment::Environment;
use crate::format::error::FormatError;
use crate::format::limits::INDEX_BYTES_MAX;
use crate::format::plan::Plan;
use crate::format::resend::ResendRequest;
use crate::format::shape::HeadRoom;
use crate::format::signature::SignatureAlgorithm;
use crate::format::statement::Crossing;
use crate::format::volume::{Volume, VolumeKind, VolumeLabel, volumes};
use crate::format::{Profile, Timestamp};
use crate::logbook::{Assigned, Numbers};
use crate::medium::{ChunkSink, FileNames, MediumError};
use crate::observe::Event;
use crate::oci::Digest;
use crate::trust::{PublicKey, Signer};

/// Reports what [`pack`] would do, without writing anything; reads only manifests.
pub fn plan(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    check_keys(request.profile, signer.public_keys())?;
    let prepared = prepare(request, &signer.signature_sizes(), &[], environment)?;
    Ok(PackReport::new(request, &prepared, None, Outcome::Planned))
}

/// Packs a bundle.
///
/// The control chunk is written last, so a bundle that has one is complete. Running it again after a failure is safe:
/// finished chunks are kept, and if all are finished, nothing changes.
///
/// # Errors
/// [`PackError`]. Finished chunks are kept. If a source is a registry, complete blobs of unfinished chunks are kept
/// too, in a hidden folder. No other files remain. If numbers are given out, the number is taken durably before the first
/// chunk is sealed.
pub fn pack(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    check_keys(request.profile, signer.public_keys())?;
    let mut excluded = Vec::new();
    loop {
        let prepared = prepare(request, &signer.signature_sizes(), &excluded, environment)?;
        let bundle = prepared.blueprint.bundle();
        let names = FileNames::chunks(&prepared.blueprint.plan().crossing.name);
        let sink = request.store.hold(&names, &bundle, request.replace)?;
        let numbered = request.numbers.zip(prepared.assigned.as_ref());
        if let Some((numbers, assigned)) = numbered {
            numbers.take(assigned, &bundle)?;
        }
        let error = match write(request, &prepared, sink.as_ref(), Hand::Key(signer), environment) {
            Ok(report) => {
                // Single chunks of it do not make a bundle.
                if let Some((numbers, assigned)) = numbered.filter(|_| matches!(request.part, Part::Whole)) {
                    numbers.sent(assigned, &bundle)?;
                }
                return Ok(report);
            }
            // An interruption is not the fault of a blob; keep what is finished.
            Err(error) if environment.workers.interrupted() => {
                return Err(or_interrupted(error, environment));
            }
            Err(error) if request.on_failure == OnFailure::Stop => return Err(error),
            Err(error) => error,
        };
        match error.damaged_blob() {
            // Artifacts with an unreadable blob are excluded; the others are planned again without them.
            Some(digest) if !excluded.contains(&digest) => {
                environment.monitor.tell(Event::Note { text: error.to_string() });
                sink.withdraw()?;
                excluded.push(digest);
            }
            // An earlier run may have excluded artifacts that this run has not found damaged yet. The existing
            // chunks then belong to the plan without these artifacts.
            None if matches!(error, PackError::Medium(MediumError::Exists { .. })) && excluded.is_empty() => {
                excluded = probe::damaged(&prepared.gathered, environment)?;
                if excluded.is_empty() {
                    return Err(error);
                }
            }
            _ => return Err(error),
        }
    }
}

/// Checks that one of the keys is of the algorithm that the profile demands. A second one may be of another.
pub(super) fn check_keys<'a>(
    profile: Option<Profile>,
    keys: impl Iterator<Item = &'a PublicKey>,
) -> Result<(), PackError> {
    let Some(profile) = profile else { return Ok(()) };
    let found: Vec<SignatureAlgorithm> = keys.map(PublicKey::algorithm).collect();
    if found.contains(&SignatureAlgorithm::ML_DSA_87) {
        return Ok(());
    }
    Err(PackError::ProfileKey { profile, found })
}

/// The first step: gathers the blobs, without `excluded`, and determines the place of every byte.
pub(super) fn prepare(
    request: &PackRequest<'_>,
    sizes: &[u64],
    excluded: &[Digest],
    environment: &Environment<'_>,
) -> Result<Prepared, PackError> {
    let gathered = gather(request, excluded).map_err(|error| or_interrupted(error, environment))?;
    if let (Some(profile), false) = (request.profile, request.bases.is_empty()) {
        return Err(PackError::ProfileDelta { profile });
    }
    let mut plan = gathered.plan(request, HeadRoom::of(sizes, request.chunk_size.bytes()));
    let assigned = request.numbers.map(|numbers| assign(&plan, numbers)).transpose()?;
    if let Some(assigned) = &assigned {
        plan.crossing = assigned.crossing.clone();
        request.bases.check_earlier(&plan.crossing)?;
    }
    let placement = place(plan)?;
    if request.splitting == Splitting::Forbidden {
        refuse_slices(&placement)?;
    }
    check_readable(&placement.plan)?;
    let expires = request.expires.and_then(|expiry: Expiry| expiry.from(request.created));
    let blueprint = Blueprint::new(placement, sizes, request.created, expires);
    if let Some(again) = request.part.request() {
        check_request(again, &blueprint)?;
    }
    let volumes = match request.volumes {
        Some(limits) => volumes(limits, &blueprint.file_sizes())?,
        None => Vec::new(),
    };
    Ok(Prepared { gathered, blueprint, assigned, volumes })
}

/// Checks that a request is for this bundle, and for chunks that it has.
fn check_request(request: &ResendRequest, blueprint: &Blueprint) -> Result<(), PackError> {
    let (found, last) = (blueprint.bundle(), blueprint.plan().last);
    if !request.is_for(&found) {
        return Err(PackError::OtherBundle { wanted: request.bundle(), found });
    }
    if request.highest() > last {
        return Err(PackError::NoSuchChunk { highest: request.highest(), last });
    }
    Ok(())
}

/// Asks for the number of a plan. What is packed has the same id whatever its number is if the plan is under a name that
/// never changes, and in no stream.
fn assign(plan: &Plan, numbers: &dyn Numbers) -> Result<Assigned, PackError> {
    let name = "content".parse().expect("a name");
    let neutral = Crossing { name, stream: None, sequence: None, previous: None, label: None };
    let placement = place(Plan { crossing: neutral, ..plan.clone() })?;
    Ok(numbers.assign(&placement.plan.bundle_id())?)
}

/// The second and third step.
pub(super) fn write(
    request: &PackRequest<'_>,
    prepared: &Prepared,
    sink: &dyn ChunkSink,
    hand: Hand<'_>,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let blueprint = &prepared.blueprint;
    let only = Only::of(&request.part, blueprint);
    let sealer = Sealer::new(blueprint, sink, hand, &request.file_sums, only, environment);
    finish(request, prepared, &sealer, hand)
}

/// Writes everything that does not exist yet.
pub(super) fn finish(
    request: &PackRequest<'_>,
    prepared: &Prepared,
    sealer: &Sealer<'_>,
    hand: Hand<'_>,
) -> Result<PackReport, PackError> {
    let Prepared { gathered, blueprint, volumes, .. } = prepared;
    let sink = sealer.sink;
    let report = |outcome| PackReport::new(request, prepared, Some(sealer), outcome);
    let label = |volume| volume_label(blueprint, volumes, volume, request.created).render();
    if !volumes.is_empty() {
        sink.arrange(volumes)?;
    }
    let kept = resume::keep_finished(request, sealer, hand)?;
    if kept.complete {
        sealer.finish_file_sums()?;
        sink.clear()?;
        if !volumes.is_empty() {
            sink.label(sink.sealed(0)?.as_ref(), &label)?;
        }
        return Ok(report(Outcome::Unchanged));
    }
    let waits = request.sources.iter().any(|wanted| wanted.source.waits());
    if waits {
        resume::keep_blobs(sealer)?;
    } else {
        sink.clear()?;
    }
    sink.reserve(sealer.bytes_to_write())?;
    if let Err(error) = load(sealer, gathered).and_then(|()| conclude(sealer)) {
        // Blobs that were downloaded are worth the disk space: keep them for the next run.
        sink.leave(waits && sealer.has_blobs_to_resume());
        return Err(error);
    }
    let report = report(Outcome::Packed);
    sink.publish(blueprint.plan().last)?;
    if !volumes.is_empty() {
        sink.label(sink.sealed(0)?.as_ref(), &label)?;
    }
    Ok(report)
}

/// The third step, once all data chunks are finished: writes the documents that describe the bundle.
fn conclude(sealer: &Sealer<'_>) -> Result<(), PackError> {
    if sealer.writes_control() {
        write_control(sealer)?;
    }
    sealer.finish_file_sums()
}

/// The label of a volume, by its number from 1.
fn volume_label(blueprint: &Blueprint, volumes: &[Volume], volume: usize, packed: Timestamp) -> VolumeLabel {
    let Crossing { name, label, .. } = blueprint.plan().crossing.clone();
    let lasts = volumes.iter().map(|volume| volume.last).collect();
    let (kind, bundle) = (VolumeKind::Chunks, blueprint.bundle());
    VolumeLabel { kind, bundle, name, label, packed, volume, lasts }
}

/// Returns [`PackError::Interrupted`] after a signal, because a signal closes connections and so causes other errors.
pub(super) fn or_interrupted(error: PackError, environment: &Environment<'_>) -> PackError {
    if environment.workers.interrupted() { PackError::Interrupted } else { error }
}

/// Checks that the plan and the index are within the limits that readers enforce.
fn check_readable(plan: &Plan) -> Result<(), PackError> {
    Plan::parse(&plan.render())?;
    let index_bytes = plan.index_json().len() as u64;
    if index_bytes > INDEX_BYTES_MAX {
        let (expected, found) = (format!("at most {INDEX_BYTES_MAX} bytes"), index_bytes.to_string());
        return Err(FormatError { what: "index.json", line: 0, expected, found }.into());
    }
    Ok(())
}

/// Checks that the placement splits no blob.
fn refuse_slices(placement: &Placement) -> Result<(), PackError> {
    let cut = placement.plan.blobs.iter().filter(|blob| blob.pieces.len() > 1);
    let blobs: Vec<(Digest, u64)> = cut.map(|blob| (blob.digest, blob.size)).collect();
    if blobs.is_empty() {
        return Ok(());
    }
    Err(PackError::TooLarge { chunk_bytes: placement.plan.chunk_bytes, blobs })
}
