//! Blobs and documents, in turn: what is there is skipped, what another repository has is mounted, the rest is
//! sent from the chunk files.

use std::ops::ControlFlow;

use super::ImportError;
use super::ledger::Way;
use super::outgoing::Outgoing;
use super::run::Run;
use super::shipment::{BlobJob, DocumentJob, Shipment};
use crate::diagnosis::{Code, Diagnose as _};
use crate::format::plan::PlannedBlob;
use crate::observe::{Event, Phase};
use crate::oci::Descriptor;
use crate::oci::graph::Reason;
use crate::registry::{Pushed, Reference, RegistryError, RepositoryName};
use crate::unpack::UnpackError;

fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}

/// Asks for everything whether it is there.
pub(super) fn survey(run: &Run<'_>, shipment: &Shipment<'_>) -> Result<(), ImportError> {
    let blobs = shipment.blobs.iter().flat_map(|job| job.repositories.iter().map(|&place| (place, job.blob)));
    run.transfer(&blobs.collect::<Vec<_>>(), &|&(place, blob)| {
        let item = (place, blob.digest);
        match run.repository(place).blob_size(&blob.digest) {
            Ok(size) if size == Some(blob.size) => {
                run.ledger.open().blobs_present.insert(item);
            }
            Ok(_) => {}
            Err(error) => run.ledger.fail(item, error.into())?,
        }
        ControlFlow::Continue(())
    });
    run.check()?;
    run.transfer(&shipment.documents, &|job| {
        let item = (job.repository, job.digest);
        match run.repository(job.repository).resolve(&Reference::Digest(job.digest)) {
            Ok(Some(_)) => {
                run.ledger.open().documents_present.insert(item);
            }
            Ok(None) => {}
            Err(error) => run.ledger.fail(item, error.into())?,
        }
        ControlFlow::Continue(())
    });
    run.check()
}

/// Counts what a push would do, doing nothing.
pub(super) fn foresee(run: &Run<'_>, shipment: &Shipment<'_>) {
    let mut guard = run.ledger.open();
    let state = &mut *guard;
    for job in &shipment.blobs {
        let is_there = |place: &&usize| state.blobs_present.contains(&(**place, job.blob.digest));
        let present = job.repositories.iter().filter(is_there).count();
        for number in 0..job.repositories.len() {
            let how = match number {
                number if number < present => Way::Present,
                0 => Way::Sent,
                _ => Way::Mounted,
            };
            state.blobs.count(how, job.blob.size);
        }
    }
    for job in &shipment.documents {
        let is_there = state.documents_present.contains(&(job.repository, job.digest));
        let how = if is_there { Way::Present } else { Way::Sent };
        state.documents.count(how, run.papers.paper(&job.digest).descriptor.size);
    }
}

/// Pushes the blobs, turn by turn.
pub(super) fn push_blobs(run: &Run<'_>, shipment: &Shipment<'_>) -> Result<(), ImportError> {
    let monitor = run.environment.monitor;
    let is_there = |job: &BlobJob<'_>| {
        let state = run.ledger.open();
        job.repositories.iter().any(|&place| state.blobs_present.contains(&(place, job.blob.digest)))
    };
    // What is there in one repository is mounted in the others.
    let bytes = shipment.blobs.iter().filter(|job| !is_there(job)).map(|job| job.blob.size).sum();
    monitor.tell(Event::Started { phase: Phase::Import, bytes });
    for turn in shipment.blob_turns() {
        run.transfer(turn, &|job| push_everywhere(run, job));
        if let Err(error) = run.check() {
            monitor.tell(Event::Ended);
            return Err(error);
        }
    }
    monitor.tell(Event::Ended);
    Ok(())
}

/// Brings a blob into every repository that wants it.
fn push_everywhere(run: &Run<'_>, job: &BlobJob<'_>) -> ControlFlow<()> {
    let digest = job.blob.digest;
    let (mut holder, lacking) = {
        let mut guard = run.ledger.open();
        let state = &mut *guard;
        let (there, lacking): (Vec<usize>, Vec<usize>) =
            job.repositories.iter().partition(|&&place| state.blobs_present.contains(&(place, digest)));
        for _ in &there {
            state.blobs.count(Way::Present, job.blob.size);
        }
        (there.first().copied(), lacking)
    };
    for place in lacking {
        let from = holder.map(|place| run.repository(place).name());
        match push_blob(run, place, job.blob, from) {
            Ok(pushed) => {
                run.ledger.open().blobs.count(pushed.into(), job.blob.size);
                holder.get_or_insert(place);
            }
            Err(error) => run.ledger.fail((place, digest), error)?,
        }
    }
    ControlFlow::Continue(())
}

fn push_blob(
    run: &Run<'_>,
    place: usize,
    blob: &PlannedBlob,
    from: Option<&RepositoryName>,
) -> Result<Pushed, ImportError> {
    let bundle = run.request.bundle;
    let monitor = run.environment.monitor;
    let repository = run.repository(place);
    let pieces = bundle.segments(blob).ok_or_else(|| UnpackError::without(bundle, blob))?;
    let pieces = pieces.into_iter().map(|(segment, _)| segment).collect();
    run.ledger.open().touched = true;
    let mut feed = Outgoing::new(blob, pieces, monitor);
    let pushed = repository.push_blob(&descriptor(blob), from, &mut feed);
    let (error, fault) = match (pushed, feed.into_fault()) {
        (Ok(pushed), _) => return Ok(pushed),
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(fault)) => (error, fault),
    };
    // The registry is not to blame if our bytes are wrong; a second file of the chunk may have the right ones.
    let good = if bundle.has_copies(blob) { bundle.good_segments(blob) } else { None };
    let Some(good) = good else {
        return Err(if error.code() == Code::Interrupted { error.into() } else { fault.into() });
    };
    let mut feed = Outgoing::new(blob, good, monitor);
    Ok(repository.push_blob(&descriptor(blob), from, &mut feed)?)
}

/// Pushes manifests and indexes by their digests, children first.
pub(super) fn push_documents(run: &Run<'_>, shipment: &Shipment<'_>) -> Result<(), ImportError> {
    for turn in shipment.document_turns() {
        run.transfer(turn, &|job| push_document(run, job));
        run.check()?;
    }
    Ok(())
}

fn push_document(run: &Run<'_>, job: &DocumentJob) -> ControlFlow<()> {
    let DocumentJob { repository: place, digest, generation, .. } = *job;
    let (documents, blobs) = run.papers.points_at(&digest);
    // A referrer without what it refers to is of no use there.
    let subject = run.papers.paper(&digest).document.subject().filter(|_| generation > 0);
    let subject = subject.map(|subject| subject.digest);
    let needed = documents.iter().chain(&blobs).chain(&subject).map(|needed| (place, *needed));
    if let Some(problem) = run.ledger.failure(needed) {
        run.ledger.follow((place, digest), problem);
        return ControlFlow::Continue(());
    }
    let descriptor = &run.papers.paper(&digest).descriptor;
    let is_there = run.ledger.open().documents_present.contains(&(place, digest));
    if is_there {
        run.ledger.open().documents.count(Way::Present, descriptor.size);
        return ControlFlow::Continue(());
    }
    let push = || -> Result<(), ImportError> {
        let bytes = run.papers.bytes(&digest)?;
        run.ledger.open().touched = true;
        let stored = run
            .repository(place)
            .push_manifest(&bytes, &descriptor.media_type, &Reference::Digest(digest))
            .map_err(|error| explained(run, job, error))?;
        if stored.subject_noted {
            run.note_listing(place);
        }
        Ok(())
    };
    match push() {
        Ok(()) => {
            run.ledger.open().documents.count(Way::Sent, descriptor.size);
            ControlFlow::Continue(())
        }
        Err(error) => run.ledger.fail((place, digest), error),
    }
}

/// A registry that refuses a document may miss what the bundle was packed without.
fn explained(run: &Run<'_>, job: &DocumentJob, error: RegistryError) -> ImportError {
    let is_refusal = match &error {
        RegistryError::Failed { status, .. } => matches!(status, 400 | 404 | 409 | 412 | 422),
        RegistryError::Absent { .. } => true,
        _ => false,
    };
    let plan = &run.request.bundle.contents().plan;
    let mut left_out: Vec<String> = plan
        .omitted
        .iter()
        .filter(|omitted| omitted.parent == job.digest)
        .map(|omitted| match (omitted.reason, &omitted.platform) {
            (Reason::Nondistributable, _) => format!("the non-distributable layer {}", omitted.digest),
            (Reason::Platform, Some(platform)) => format!("platform {platform} ({})", omitted.digest),
            (reason, _) => format!("{} (left out: {})", omitted.digest, reason.word()),
        })
        .collect();
    if !is_refusal || left_out.is_empty() {
        return error.into();
    }
    let more = left_out.len().saturating_sub(LEFT_OUT_MAX);
    left_out.truncate(LEFT_OUT_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ImportError::Narrowed {
        digest: job.digest,
        left_out: format!("{}{more}", left_out.join(", ")),
        source: error,
    }
}

/// How much of what is left out an error lists.
const LEFT_OUT_MAX: usize = 8;
