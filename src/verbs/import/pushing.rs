//! Pushes blobs and documents. Those that exist are skipped, blobs that another repository has are mounted, and the
//! rest is sent from the chunk files.

use std::ops::ControlFlow;

use super::ImportError;
use super::blob_feed::BlobFeed;
use super::progress::{Item, Transfer};
use super::push_plan::{BlobJob, DocumentJob, PushPlan};
use super::run::Run;
use crate::arrival::{Carrier, Shares};
use crate::artifacts::OnFailure;
use crate::diagnosis::{Code, Diagnose as _};
use crate::format::plan::PlannedBlob;
use crate::observe::{Event, Phase};
use crate::oci::Descriptor;
use crate::oci::graph::Reason;
use crate::registry::{ErrorCode, Pushed, Reference, RegistryError, RepositoryName, Stored};

fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}

/// Queries which blobs and documents exist already, and reads from them, because a registry may only believe so.
pub(super) fn find_present(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    let blobs =
        push_plan.blobs.iter().flat_map(|job| job.repositories.iter().map(|&index| (index, job.blob)));
    run.transfer(&blobs.collect::<Vec<_>>(), &|&(index, blob)| {
        let item = (index, blob.digest);
        match run.repository(index).has_blob(&descriptor(blob)) {
            Ok(true) => {
                run.progress.lock().blobs_present.insert(item);
            }
            Ok(false) => {}
            Err(error) => run.progress.fail(item, error.into())?,
        }
        ControlFlow::Continue(())
    });
    run.check()?;
    run.transfer(&push_plan.documents, &|job| {
        let item = (job.repository, job.digest);
        let is_present = || -> Result<bool, ImportError> {
            let bytes = run.graph.bytes(&job.digest)?;
            let repository = run.repository(job.repository);
            Ok(repository.has_manifest(&Reference::Digest(job.digest), &bytes)?)
        };
        match is_present() {
            Ok(true) => {
                run.progress.lock().documents_present.insert(item);
            }
            Ok(false) => {}
            Err(error) => run.progress.fail(item, error)?,
        }
        ControlFlow::Continue(())
    });
    run.check()
}

/// Checks that what other processes should have sent is there, in every repository that needs it: the blobs of data chunks.
pub(super) fn require_pieces(
    run: &Run<'_>,
    push_plan: &PushPlan<'_>,
    pieces: u32,
) -> Result<(), ImportError> {
    let shares = Shares::of(run.request.bundle.contents(), pieces);
    let mut missing = Vec::new();
    {
        let state = run.progress.lock();
        for job in push_plan.blobs.iter().filter(|job| run.graph.blob(&job.blob.digest).is_some()) {
            let Some(piece) = shares.piece_of(job.blob) else { continue };
            let items = job.repositories.iter().map(|&index| (index, job.blob.digest));
            missing
                .extend(items.filter(|item| !state.blobs_present.contains(item)).map(|item| (piece, item)));
        }
    }
    // What failed before is missing for another reason.
    missing.retain(|(_, item)| run.progress.failure(std::iter::once(*item)).is_none());
    let error = |missing: &[(u32, Item)]| ImportError::PiecesMissing {
        pieces: missing.iter().map(|(piece, _)| *piece).collect(),
        blobs: missing.len(),
        first: missing[0].1.1,
    };
    if run.request.on_failure == OnFailure::Continue {
        for found in &missing {
            let _ = run.progress.fail(found.1, error(std::slice::from_ref(found)));
        }
        return run.check();
    }
    if missing.is_empty() { Ok(()) } else { Err(error(&missing)) }
}

/// Counts what would be pushed, without pushing it.
pub(super) fn count_dry_run(run: &Run<'_>, push_plan: &PushPlan<'_>) {
    let mut guard = run.progress.lock();
    let state = &mut *guard;
    for job in &push_plan.blobs {
        let is_present = |index: &&usize| state.blobs_present.contains(&(**index, job.blob.digest));
        let present = job.repositories.iter().filter(is_present).count();
        for number in 0..job.repositories.len() {
            let how = match number {
                number if number < present => Transfer::Present,
                0 => Transfer::Sent,
                _ => Transfer::Mounted,
            };
            state.blobs.count(how, job.blob.size);
        }
    }
    for job in &push_plan.documents {
        let is_present = state.documents_present.contains(&(job.repository, job.digest));
        let how = if is_present { Transfer::Present } else { Transfer::Sent };
        state.documents.count(how, run.graph.node(&job.digest).descriptor.size);
    }
}

/// Pushes the blobs, stage by stage.
pub(super) fn push_blobs(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    let monitor = run.environment.monitor;
    let is_present = |job: &BlobJob<'_>| {
        let state = run.progress.lock();
        job.repositories.iter().any(|&index| state.blobs_present.contains(&(index, job.blob.digest)))
    };
    // A blob that exists in one repository is mounted in the others, not sent.
    let bytes = push_plan.blobs.iter().filter(|job| !is_present(job)).map(|job| job.blob.size).sum();
    monitor.tell(Event::Started { phase: Phase::Import, bytes });
    for stage in push_plan.blob_stages() {
        run.transfer(stage, &|job| push_to_repositories(run, job));
        if let Err(error) = run.check() {
            monitor.tell(Event::Ended);
            return Err(error);
        }
    }
    monitor.tell(Event::Ended);
    Ok(())
}

/// Pushes a blob to every repository that needs it.
fn push_to_repositories(run: &Run<'_>, job: &BlobJob<'_>) -> ControlFlow<()> {
    let digest = job.blob.digest;
    let (mut mount_source, absent) = {
        let mut guard = run.progress.lock();
        let state = &mut *guard;
        let (present, absent): (Vec<usize>, Vec<usize>) =
            job.repositories.iter().partition(|&&index| state.blobs_present.contains(&(index, digest)));
        for _ in &present {
            state.blobs.count(Transfer::Present, job.blob.size);
        }
        (present.first().copied(), absent)
    };
    for index in absent {
        let from = mount_source.map(|index| run.repository(index).name());
        match push_blob(run, index, Carrier { blob: job.blob, bundle: job.bundle }, from) {
            Ok(pushed) => {
                let mut state = run.progress.lock();
                state.blobs.count(pushed.into(), job.blob.size);
                if pushed == Pushed::Sent {
                    state.blobs_sent.insert((index, digest));
                }
                mount_source.get_or_insert(index);
            }
            Err(error) => run.progress.fail((index, digest), error)?,
        }
    }
    ControlFlow::Continue(())
}

fn push_blob(
    run: &Run<'_>,
    index: usize,
    carrier: Carrier<'_>,
    from: Option<&RepositoryName>,
) -> Result<Pushed, ImportError> {
    let Carrier { blob, bundle } = carrier;
    let monitor = run.environment.monitor;
    let repository = run.repository(index);
    let pieces = bundle.segments(blob)?;
    run.progress.lock().touched = true;
    let mut feed = BlobFeed::new(blob, pieces, monitor);
    let pushed = repository.push_blob(&descriptor(blob), from, &mut feed);
    let (error, fault) = match (pushed, feed.into_fault()) {
        (Ok(pushed), _) => return Ok(pushed),
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(fault)) => (error, fault),
    };
    // The chunk files are damaged or unreadable, so the registry is not at fault. A copy of the chunk may be intact.
    let good = if bundle.has_copies(blob) { bundle.good_segments(blob) } else { None };
    let Some(good) = good else {
        return Err(if error.code() == Code::Interrupted { error.into() } else { fault.into() });
    };
    let mut feed = BlobFeed::new(blob, good, monitor);
    Ok(repository.push_blob(&descriptor(blob), from, &mut feed)?)
}

/// Pushes manifests and indexes by digest, children first.
pub(super) fn push_documents(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    for stage in push_plan.document_stages() {
        run.transfer(stage, &|job| push_document(run, job));
        run.check()?;
    }
    Ok(())
}

fn push_document(run: &Run<'_>, job: &DocumentJob) -> ControlFlow<()> {
    let DocumentJob { repository: index, digest, generation, .. } = *job;
    let (documents, blobs) = run.graph.references(&digest);
    // A referrer is useless in the repository without its subject.
    let subject = run.graph.node(&digest).document.subject().filter(|_| generation > 0);
    let subject = subject.map(|subject| subject.digest);
    let left_out = run.graph.left_out_of(&digest);
    let needed =
        documents.iter().chain(&blobs).chain(&left_out).chain(&subject).map(|needed| (index, *needed));
    if let Some(problem) = run.progress.failure(needed) {
        run.progress.fail_dependent((index, digest), problem);
        return ControlFlow::Continue(());
    }
    let descriptor = &run.graph.node(&digest).descriptor;
    let is_present = run.progress.lock().documents_present.contains(&(index, digest));
    if is_present {
        run.progress.lock().documents.count(Transfer::Present, descriptor.size);
        return ControlFlow::Continue(());
    }
    let push = || -> Result<(), ImportError> {
        let bytes = run.graph.bytes(&digest)?;
        run.progress.lock().touched = true;
        let (repository, reference) = (run.repository(index), Reference::Digest(digest));
        let stored = push_complete(run, job, &bytes)?;
        repository.await_manifest(&reference, &bytes)?;
        if stored.subject_noted {
            run.note_referrers_api(index);
        }
        Ok(())
    };
    match push() {
        Ok(()) => {
            run.progress.lock().documents.count(Transfer::Sent, descriptor.size);
            ControlFlow::Continue(())
        }
        Err(error) => run.progress.fail((index, digest), error),
    }
}

/// Pushes a document whose parts were pushed before. If the registry does not know one of them, those that were not
/// sent in this import are sent, and the document is tried again: a registry may show what it received only after a
/// moment.
fn push_complete(run: &Run<'_>, job: &DocumentJob, bytes: &[u8]) -> Result<Stored, ImportError> {
    let repository = run.repository(job.repository);
    let media_type = &run.graph.node(&job.digest).descriptor.media_type;
    let plan = &run.request.bundle.contents().plan;
    let is_narrowed = plan.omitted.iter().any(|omitted| omitted.parent == job.digest);
    let (mut resent, mut retried) = (false, 0);
    loop {
        let pushed = repository.push_manifest(bytes, media_type, &Reference::Digest(job.digest));
        let error = match pushed {
            Ok(stored) => return Ok(stored),
            Err(error) if is_narrowed || !misses_a_part(&error) => {
                return Err(explain_rejection(run, job, error));
            }
            Err(error) => error,
        };
        if !resent && resend_parts(run, job)? {
            resent = true;
        } else if !repository.pause(&mut retried)? {
            return Err(error.into());
        }
    }
}

/// Whether the registry refused a document because it does not know something that the document references.
fn misses_a_part(error: &RegistryError) -> bool {
    let codes = [ErrorCode::ManifestBlobUnknown, ErrorCode::BlobUnknown, ErrorCode::ManifestUnknown];
    match error {
        RegistryError::Failed { status: 400 | 404, problem, .. } => {
            codes.iter().any(|&code| problem.has(code))
        }
        _ => false,
    }
}

/// Sends the blobs of a document that were skipped or mounted before. Returns whether there were any.
fn resend_parts(run: &Run<'_>, job: &DocumentJob) -> Result<bool, ImportError> {
    let (_, mut blobs) = run.graph.references(&job.digest);
    blobs.extend(run.graph.left_out_of(&job.digest));
    let mut any = false;
    for digest in blobs {
        let item = (job.repository, digest);
        let Some(carrier) = run.carrier(&digest).filter(|_| !run.progress.lock().blobs_sent.contains(&item))
        else {
            continue;
        };
        push_blob(run, job.repository, carrier, None)?;
        any = true;
        let mut guard = run.progress.lock();
        let state = &mut *guard;
        if state.blobs_sent.insert(item) {
            let was_present = state.blobs_present.contains(&item);
            let before = if was_present { Transfer::Present } else { Transfer::Mounted };
            state.blobs.recount_as_sent(before, carrier.blob.size);
        }
    }
    Ok(any)
}

/// Explains the rejection of a document, if the reason may be that the bundle omits some of its children.
fn explain_rejection(run: &Run<'_>, job: &DocumentJob, error: RegistryError) -> ImportError {
    let is_rejection = match &error {
        RegistryError::Failed { status, .. } => matches!(status, 400 | 404 | 409 | 412 | 422),
        RegistryError::Absent { .. } => true,
        _ => false,
    };
    let plan = &run.request.bundle.contents().plan;
    let mut omitted_children: Vec<String> = plan
        .omitted
        .iter()
        .filter(|omitted| omitted.parent == job.digest)
        .map(|omitted| match (omitted.reason, &omitted.platform) {
            (Reason::Nondistributable, _) => format!("the non-distributable layer {}", omitted.digest),
            (Reason::Platform, Some(platform)) => format!("platform {platform} ({})", omitted.digest),
            (reason, _) => format!("{} (omitted: {})", omitted.digest, reason.word()),
        })
        .collect();
    if !is_rejection || omitted_children.is_empty() {
        return error.into();
    }
    let more = omitted_children.len().saturating_sub(OMITTED_MAX);
    omitted_children.truncate(OMITTED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ImportError::Narrowed {
        digest: job.digest,
        omitted: format!("{}{more}", omitted_children.join(", ")),
        source: error,
    }
}

/// The maximum number of omitted children in an error message.
const OMITTED_MAX: usize = 8;
