//! The steps of an import, in order.

use super::delivery::{Deliveries, PushAs};
use super::graph::DocumentGraph;
use super::naming::Naming;
use super::push_plan::PushPlan;
use super::report::{ImportReport, ImportedPiece, Outcome, Problem, Traffic};
use super::request::{ImportRequest, Sending, Stopped};
use super::run::Run;
use super::{ImportError, mounting, pushing, referrers, tags};
use crate::arrival::Share;
use crate::environment::Environment;
use crate::format::plan::Carriage;
use crate::verbs::report::{LeftOutReport, OmissionReport, SignerReport};

/// Pushes a released bundle into a registry.
///
/// # Errors
/// [`Stopped`], with the report up to that point. Running the import again resumes it: existing content is skipped.
pub fn import(request: &ImportRequest<'_>, environment: &Environment<'_>) -> Result<ImportReport, Stopped> {
    let bundle = request.bundle;
    let documents = bundle.documents();
    let mut run = Run::new(request, environment, DocumentGraph::new(&documents, bundle));
    let mut deliveries = deliveries(&mut run)?;
    let push_plan = PushPlan::of(&deliveries.all, &run.graph, bundle, request.beside);
    mounting::find_bases(&run, &push_plan)?;
    pushing::find_present(&run, &push_plan)?;
    if let Sending::AfterPieces(pieces) = request.sending {
        pushing::require_pieces(&run, &push_plan, pieces)?;
    }
    let ended = if request.dry_run {
        pushing::count_dry_run(&run, &push_plan);
        mounting::count_dry_run(&run, &push_plan);
        note_results(&run, &mut deliveries);
        tags::fail_subjects(&run, &mut deliveries);
        Ok(())
    } else {
        push(&run, &push_plan, &mut deliveries)
    };
    let mut report = report(&run, &deliveries);
    match ended {
        Ok(()) => Ok(report),
        Err(error) => {
            report.ended_by = Some(Problem::from(&error));
            let touched = run.progress.lock().touched;
            Err(Stopped { error, report: touched.then(|| Box::new(report)) })
        }
    }
}

/// Returns what goes into which repository under which tag. Names and tags are checked, and nothing is pushed.
fn deliveries<'a>(run: &mut Run<'a>) -> Result<Deliveries<'a>, ImportError> {
    let request = run.request;
    let plan = &request.bundle.contents().plan;
    let naming = Naming { prefix: request.to.prefix.as_ref(), rules: request.rename };
    let mut deliveries = Deliveries::artifacts(plan, request.artifacts, &naming)?;
    deliveries.check_collisions(&request.to.host)?;
    run.add_repositories(&deliveries.repositories);
    // An artifact whose tag conflicts is not pushed, nor are its referrers.
    tags::check_all(run, &mut deliveries, 0)?;
    let artifacts = deliveries.all.len();
    match request.referrers {
        Carriage::Carry => deliveries.add_referrers(plan, &naming, &mut run.graph, request.on_failure)?,
        Carriage::Omit => deliveries.read(&mut run.graph, request.on_failure)?,
    }
    deliveries.check_collisions(&request.to.host)?;
    run.add_repositories(&deliveries.repositories);
    tags::check_all(run, &mut deliveries, artifacts)?;
    Ok(deliveries)
}

/// Sends the blobs in the data chunks of a piece into the repositories that [`import`] would choose. Nothing becomes visible:
/// manifests and tags follow when all pieces are there ([`Sending::AfterPieces`]). The bundle needs to be whole as far as the
/// piece needs it.
///
/// # Errors
/// [`ImportError`]. Running it again resumes it: existing blobs are skipped. Two processes may import the same piece.
pub fn import_piece(
    request: &ImportRequest<'_>,
    share: Share,
    environment: &Environment<'_>,
) -> Result<ImportedPiece, ImportError> {
    let bundle = request.bundle;
    let chunks = share.chunks(bundle.contents());
    let documents = bundle.documents();
    let mut run = Run::new(request, environment, DocumentGraph::new(&documents, bundle));
    let deliveries = deliveries(&mut run)?;
    let mut push_plan = PushPlan::of(&deliveries.all, &run.graph, bundle, request.beside);
    push_plan.keep_chunks(&run.graph, &chunks);
    pushing::find_present(&run, &push_plan)?;
    pushing::push_blobs(&run, &push_plan)?;
    let mut failures: Vec<Problem> = deliveries.all.iter().filter_map(|one| one.problem.clone()).collect();
    failures.extend(run.progress.failures());
    let plan = &bundle.contents().plan;
    let blobs = run.progress.lock().blobs;
    Ok(ImportedPiece {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        to: request.to.to_string(),
        piece: share.piece(),
        pieces: share.pieces(),
        chunks,
        blobs,
        failures,
    })
}

/// Pushes only the non-distributable layers of a released bundle, into the repositories that [`import`] would choose
/// for their artifacts.
///
/// # Errors
/// [`ImportError`]. Running it again resumes it: existing layers are skipped.
pub fn push_nondistributable(
    request: &ImportRequest<'_>,
    environment: &Environment<'_>,
) -> Result<Traffic, ImportError> {
    let bundle = request.bundle;
    let plan = &bundle.contents().plan;
    let documents = bundle.documents();
    let naming = Naming { prefix: request.to.prefix.as_ref(), rules: request.rename };
    let mut deliveries = Deliveries::artifacts(plan, request.artifacts, &naming)?;
    let mut run = Run::new(request, environment, DocumentGraph::new(&documents, bundle));
    run.add_repositories(&deliveries.repositories);
    deliveries.read(&mut run.graph, request.on_failure)?;
    let mut push_plan = PushPlan::of(&deliveries.all, &run.graph, bundle, request.beside);
    push_plan.keep_nondistributable();
    pushing::find_present(&run, &push_plan)?;
    pushing::push_blobs(&run, &push_plan)?;
    let traffic = run.progress.lock().blobs;
    Ok(traffic)
}

fn push(run: &Run<'_>, push_plan: &PushPlan<'_>, deliveries: &mut Deliveries<'_>) -> Result<(), ImportError> {
    // So far the outcomes are those expected for the tags; from here on they record what was done.
    for delivery in deliveries.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
        delivery.outcome = Outcome::Pending;
        delivery.backup = None;
    }
    mounting::mount_all(run, push_plan)?;
    pushing::push_blobs(run, push_plan)?;
    pushing::push_documents(run, push_plan)?;
    if run.request.referrers == Carriage::Carry {
        referrers::write_lists(run, push_plan, deliveries)?;
    }
    note_results(run, deliveries);
    tags::set_all(run, deliveries)?;
    if run.request.referrers == Carriage::Carry {
        // Another import may have replaced a list without knowing what was added to it.
        referrers::check_lists(run, push_plan)?;
        note_results(run, deliveries);
    }
    Ok(())
}

/// Sets the outcome of deliveries that failed, and of those without a tag.
fn note_results(run: &Run<'_>, deliveries: &mut Deliveries<'_>) {
    for delivery in deliveries.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
        let root = delivery.descriptor.digest;
        let listed =
            if delivery.push_as == PushAs::List { run.graph.references(&root).0 } else { vec![root] };
        // A referrer also needs its subject in the registry.
        let needed = listed.into_iter().chain(delivery.subject);
        let needed = needed.map(|digest| (delivery.repository, digest));
        match (run.progress.failure(needed), &delivery.push_as) {
            (Some(problem), _) => delivery.fail(problem),
            (None, PushAs::Digest) => delivery.outcome = Outcome::PushedByDigest,
            (None, PushAs::List) => delivery.outcome = Outcome::Listed,
            // `tags` notes the outcome.
            (None, PushAs::Tag(_)) => {}
        }
    }
}

fn report(run: &Run<'_>, deliveries: &Deliveries<'_>) -> ImportReport {
    let request = run.request;
    let plan = &request.bundle.contents().plan;
    let reports = |is_referrer: bool| {
        let of_kind = deliveries.all.iter().filter(move |delivery| (delivery.generation > 0) == is_referrer);
        of_kind.map(|delivery| delivery.report(&deliveries.repositories)).collect()
    };
    let mut state = run.progress.lock();
    state.lists.sort();
    state.removed.sort();
    state.removed.dedup();
    ImportReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        in_stream: None,
        to: request.to.to_string(),
        dry_run: request.dry_run,
        released_by: SignerReport::all(request.bundle.release().releasers()),
        artifacts: reports(false),
        referrers: reports(true),
        blobs: state.blobs,
        manifests: state.documents,
        referrers_left_out: request.referrers == Carriage::Omit,
        referrer_lists: state.lists.clone(),
        removed_from_lists: state.removed.clone(),
        omitted: OmissionReport::all(plan),
        left_out: LeftOutReport::all(plan),
        ended_by: None,
    }
}
