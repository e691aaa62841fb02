//! Importing: a released bundle is pushed into a registry, straight from the chunk files.
//!
//! Everything that can be known is known before anything is sent: names, tags that are taken, what is there
//! already. Then blobs, documents from the leaves up, what refers to them, and tags at the very end: whoever
//! looks at a tag finds all that it stands for.

mod delivery;
mod error;
mod ledger;
mod naming;
mod outgoing;
mod papers;
mod pushing;
mod receipt;
mod referrers;
mod report;
mod run;
mod shipment;
mod tags;

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::arrival::WholeBundle;
use crate::artifacts::{OnFailure, RegistryDestination};
use crate::environment::Environment;
use crate::registry::Registry;
use crate::verbs::report::{OmissionReport, SignerReport};

use delivery::{Deliveries, Form};
use naming::Naming;
use papers::Papers;
use run::Run;
use shipment::Shipment;

pub use error::{ImportError, TagConflict};
pub use naming::{RenameError, RenameRule};
pub use receipt::{Receipt, ReceiptFiles};
pub use report::{DeliveryReport, ImportReport, Outcome, Problem, Traffic};
pub use tags::TagPolicy;

/// What is imported, and how.
pub struct ImportRequest<'a> {
    /// The bundle.
    pub bundle: &'a WholeBundle<'a>,
    /// The registry that `to` names.
    pub registry: Arc<Registry>,
    /// Where to.
    pub to: &'a RegistryDestination,
    /// Names or digests of the artifacts that are meant; empty for all.
    pub artifacts: &'a [String],
    /// How they are renamed; the first rule that matches counts.
    pub rename: &'a [RenameRule],
    /// What to do with tags that point at something else.
    pub tags: TagPolicy,
    /// What to do when an artifact fails.
    pub on_failure: OnFailure,
    /// Whether to say only what would be pushed.
    pub dry_run: bool,
    /// How many transfers may be under way at once.
    pub connections: NonZeroUsize,
}

/// An import that ended early.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub error: ImportError,
    /// What was done before, if anything in the registry was changed.
    pub report: Option<Box<ImportReport>>,
}

impl<E: Into<ImportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Stopped { error: error.into(), report: None }
    }
}

/// Pushes a released bundle into a registry.
///
/// # Errors
/// [`Stopped`], with what was done before. Running it again goes on: what is there is skipped.
pub fn import(request: &ImportRequest<'_>, environment: &Environment<'_>) -> Result<ImportReport, Stopped> {
    let bundle = request.bundle;
    let plan = &bundle.contents().plan;
    let documents = bundle.documents();
    let naming = Naming { prefix: request.to.prefix.as_ref(), rules: request.rename };
    let mut deliveries = Deliveries::artifacts(plan, request.artifacts, &naming)?;
    deliveries.check_collisions(&request.to.host)?;
    let mut run = Run::new(request, environment, Papers::new(&documents, bundle));
    run.know(&deliveries.repositories);
    // What is taken is not pushed, and what refers to it is not either.
    tags::look_up(&run, &mut deliveries, 0)?;
    let artifacts = deliveries.all.len();
    deliveries.add_referrers(plan, &naming, &mut run.papers, request.on_failure)?;
    deliveries.check_collisions(&request.to.host)?;
    run.know(&deliveries.repositories);
    tags::look_up(&run, &mut deliveries, artifacts)?;
    let shipment = Shipment::of(&deliveries.all, &run.papers);
    pushing::survey(&run, &shipment)?;
    let ended = if request.dry_run {
        pushing::foresee(&run, &shipment);
        arrived(&run, &mut deliveries);
        tags::hold_back(&run, &mut deliveries);
        Ok(())
    } else {
        push(&run, &shipment, &mut deliveries)
    };
    let mut report = report(&run, &deliveries);
    match ended {
        Ok(()) => Ok(report),
        Err(error) => {
            report.ended_by = Some(Problem::from(&error));
            let touched = run.ledger.open().touched;
            Err(Stopped { error, report: touched.then(|| Box::new(report)) })
        }
    }
}

/// Pushes the non-distributable layers of a released bundle, and nothing else: into the repositories that
/// [`import`] would choose for their artifacts.
///
/// # Errors
/// [`ImportError`]. Running it again goes on: what is there is skipped.
pub fn push_nondistributable(
    request: &ImportRequest<'_>,
    environment: &Environment<'_>,
) -> Result<Traffic, ImportError> {
    let bundle = request.bundle;
    let plan = &bundle.contents().plan;
    let documents = bundle.documents();
    let naming = Naming { prefix: request.to.prefix.as_ref(), rules: request.rename };
    let mut deliveries = Deliveries::artifacts(plan, request.artifacts, &naming)?;
    let mut run = Run::new(request, environment, Papers::new(&documents, bundle));
    run.know(&deliveries.repositories);
    deliveries.read(&mut run.papers, request.on_failure)?;
    let mut shipment = Shipment::of(&deliveries.all, &run.papers);
    shipment.keep_nondistributable();
    pushing::survey(&run, &shipment)?;
    pushing::push_blobs(&run, &shipment)?;
    let traffic = run.ledger.open().blobs;
    Ok(traffic)
}

fn push(run: &Run<'_>, shipment: &Shipment<'_>, deliveries: &mut Deliveries<'_>) -> Result<(), ImportError> {
    // What would become of the tags is known; from here on the report says what did.
    for delivery in deliveries.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
        delivery.outcome = Outcome::Pending;
        delivery.backup = None;
    }
    pushing::push_blobs(run, shipment)?;
    pushing::push_documents(run, shipment)?;
    referrers::list_all(run, shipment)?;
    arrived(run, deliveries);
    tags::set_all(run, deliveries)
}

/// Notes which deliveries are whole, and which can be had by now.
fn arrived(run: &Run<'_>, deliveries: &mut Deliveries<'_>) {
    for delivery in deliveries.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
        let root = delivery.descriptor.digest;
        let listed = if delivery.form == Form::List { run.papers.points_at(&root).0 } else { vec![root] };
        // What refers to it may be there; it is not shown without its subject.
        let needed = listed.into_iter().chain(delivery.subject);
        let needed = needed.map(|digest| (delivery.repository, digest));
        match (run.ledger.failure(needed), &delivery.form) {
            (Some(problem), _) => delivery.fail(problem),
            (None, Form::Digest) => delivery.outcome = Outcome::PushedByDigest,
            (None, Form::List) => delivery.outcome = Outcome::Listed,
            (None, Form::Tag(_)) => {}
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
    let mut state = run.ledger.open();
    state.lists.sort();
    ImportReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        to: request.to.to_string(),
        dry_run: request.dry_run,
        released_by: SignerReport::all(request.bundle.release().releasers()),
        artifacts: reports(false),
        referrers: reports(true),
        blobs: state.blobs,
        manifests: state.documents,
        referrer_lists: state.lists.clone(),
        omitted: OmissionReport::all(plan),
        ended_by: None,
    }
}
