//! One run of an import pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arrived_facts::{Proven, note_arrived, note_file_sums, note_imported};
use super::inbox::InboxBundle;
use super::judging::{Policy, denied, note};
use super::log::{Level, Log, tell_end};
use super::passage::{Passage, pass};
use super::progress::RunProgress;
use super::twins::twins;
use super::{Equipment, ImportPipeline, PipelineOption, StationError, require_fields};
use crate::arrival::{Beside, Bundle, OpenRequest, open};
use crate::artifacts::OnFailure;
use crate::audit::Subject;
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::plan::Carriage;
use crate::gate::Moving;
use crate::import::{ImportReport, ImportRequest, Sending, TagPolicy};
use crate::logbook::{Candidate, Logbook, NotBefore, StreamRefused};
use crate::medium::ChunkFile;
use crate::observe::{Monitor, Run, RunId, Verb};
use crate::registry::Registries;
use crate::runs::{Ledger, PipelineType, Place, RunHandle, RunRecord, RunStatus, SourceTrigger, Trigger};
use crate::trust::TrustPolicy;
use crate::verify::{BundleVerdict, ChunkVerdict};

/// A bundle to import, and who asks for it.
pub struct ImportRun<'a> {
    /// The files of the bundle; others among them are passed over.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// The id of the bundle.
    pub bundle: Sum,
    /// The bundles in the inbox, this one among them. If another one has its number in its stream, that is a fork.
    pub waiting: &'a [InboxBundle],
    /// The trust policy of the pipeline.
    pub policy: &'a TrustPolicy,
    /// By what access the object store is used, without secrets.
    pub access: Option<String>,
    /// When the bundle was found to be complete, if that started the run.
    pub arrived: Option<String>,
    /// Whether to import again what was imported before.
    pub force: bool,
    /// Whether to import what is older than what was imported of its stream, although the pipeline does not say so.
    pub allow_rollback: bool,
    /// Fields for the record.
    pub fields: BTreeMap<String, String>,
}

/// Why a bundle is not imported yet. Nothing was recorded.
#[derive(Debug)]
pub struct NotReady {
    /// The code of the reason, and what decides the next step.
    pub diagnosis: Diagnosis,
    /// The reason.
    pub reason: String,
    /// The names of the files whose content does not fit: they are damaged, or still written.
    pub unfit: Vec<String>,
}

impl<E: Diagnose> From<E> for NotReady {
    fn from(error: E) -> Self {
        NotReady { diagnosis: error.diagnosis(), reason: error.to_string(), unfit: Vec::new() }
    }
}

impl NotReady {
    /// The reason for which a stream refuses a bundle.
    pub fn of_stream(refused: &StreamRefused) -> NotReady {
        let reason = refused.report.sentence(&refused.crossing);
        NotReady { diagnosis: refused.diagnosis(), reason, unfit: Vec::new() }
    }
}

/// Imports a bundle, if it is complete, accepted, released, and undamaged. What happens then is in the record of the run,
/// also a failure.
///
/// The files of folders are verified first: somebody may still write to one that has its whole length already. Objects
/// of a store are visible only when they are whole, so each byte of them is read once, and proven while it is imported.
///
/// # Errors
/// [`StationError`] if there is no record: a field that the pipeline requires is absent, another run of the pipeline is
/// under way, or it cannot be written.
pub fn import(
    pipeline: &ImportPipeline,
    request: &ImportRun<'_>,
    equipment: &Equipment,
    ledger: &Ledger,
    environment: &Environment<'_>,
    log: &dyn Log,
) -> Result<Result<RunRecord, NotReady>, StationError> {
    require_fields(&pipeline.name, &pipeline.required_fields, &request.fields)?;
    let _lock = ledger.lock(&format!("pipeline-{}", pipeline.name))?;
    let before = ledger.imported(&pipeline.name, &request.bundle)?;
    let logbook = Logbook::open(ledger.folder())?;
    let clock = NotBefore::new(environment.clock, logbook.memory()?.latest());
    if let Some((now, latest)) = clock.behind() {
        let text = format!(
            "the clock is behind: it says {now}, but a bundle that was imported was signed at {latest}"
        );
        log.line(Level::Warning, &pipeline.name, None, &text);
    }
    let Environment { monitor, workers, .. } = *environment;
    let environment = &Environment { clock: &clock, monitor, workers };
    let (bundle, candidate, twins) = match ready_with_twins(request, environment) {
        Ok(found) => found,
        Err(not_ready) => return Ok(Err(not_ready)),
    };
    let is_skipped = before.is_some() && !request.force;
    let rollback = pipeline.allow_rollback || request.allow_rollback;
    let mut passage = match pass(pipeline, (candidate, &twins), rollback, ledger, &logbook, environment, log)?
    {
        Ok(passage) => passage,
        // What was imported before is not imported now, so its stream does not matter.
        Err(_) if is_skipped => Passage::default(),
        Err(refused) => return Ok(Err(NotReady::of_stream(&refused))),
    };
    let rules = if is_skipped { Ok(None) } else { Policy::read(&pipeline.rules) };
    let rules = match rules {
        Ok(rules) => rules,
        Err(refused) => return Ok(Err(refused.into())),
    };
    let mut record = new_record(pipeline, request, &bundle, equipment);
    if !is_skipped {
        note_file_sums(&mut record, &bundle, pipeline.file_sums.as_deref(), environment);
    }
    record.checks.extend(passage.check());
    let run = ledger.begin(record)?;
    let name = run.name();
    let say = |level, text: &str| log.line(level, &pipeline.name, Some(&name), text);
    let skipped =
        before.filter(|_| !request.force).map(|before| format!("the run {before} imported this bundle"));
    if let Some(text) = skipped.or_else(|| passage.nothing_to_do(request.force)) {
        say(Level::Info, &format!("import Skipped: {text}"));
        let finished =
            run.finish(RunStatus::Skipped, |record| record.pipeline_run_error_message = Some(text))?;
        return Ok(Ok(finished));
    }
    say(Level::Info, &format!("import of the bundle {} started", bundle.name()));
    let progress = RunProgress::new(&run, environment.monitor);
    let monitor = Monitor::new(&progress, Run { id: RunId(0), verb: Verb::Import });
    let workers = environment.workers;
    let passed = hold_against_rules(rules.as_ref(), &bundle, &run, environment);
    let environment = Environment { clock: environment.clock, monitor, workers };
    let imported = passed
        .map_err(|not_ready| (None, not_ready))
        .and_then(|()| deliver(pipeline, &bundle, equipment, &environment));
    let (report, problem) = match imported {
        Ok(report) => (Some(report), None),
        Err((report, problem)) => (report, Some(problem)),
    };
    let failed = report.as_ref().map_or(0, ImportReport::failed);
    let status = match &problem {
        Some(_) if workers.interrupted() => RunStatus::Interrupted,
        None if failed == 0 => RunStatus::Succeeded,
        _ => RunStatus::Failed,
    };
    if status == RunStatus::Succeeded
        && let Err(error) = passage.accept(&environment)
    {
        // The record of the run has the number, and the next import takes it from there.
        say(Level::Error, &format!("the bundle is imported, but its stream does not remember it: {error}"));
    }
    if status == RunStatus::Succeeded && pipeline.has(PipelineOption::DeleteSourceBlobOnSuccess) {
        // Without this, a crash now would leave neither the files nor a run that succeeded.
        run.delivered(|record| {
            if let Some(report) = &report {
                note_imported(record, report);
            }
        })?;
    }
    let diagnosis = problem.as_ref().map(|problem| problem.diagnosis.clone());
    let is_denied = diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.code == Code::DeniedByPolicy);
    let kept = clear_source(pipeline, &bundle, status, is_denied, &say);
    let record = run.finish(status, |record| {
        if let Some(report) = &report {
            note_imported(record, report);
        }
        record.files_kept = kept;
        match problem {
            Some(NotReady { diagnosis, reason, .. }) => {
                record.error_code = Some(diagnosis.code.word().to_owned());
                record.pipeline_run_error_message = Some(reason);
            }
            None if failed > 0 => note_failures(record, report.as_ref(), failed),
            None => {}
        }
    })?;
    tell_end(log, &record, diagnosis.as_ref());
    Ok(Ok(record))
}

/// Writes into a record that some artifacts failed.
fn note_failures(record: &mut RunRecord, report: Option<&ImportReport>, failed: usize) {
    let failures = count(failed as u64, "artifact", "artifacts");
    record.pipeline_run_error_message = Some(format!("{failures} failed; the others were imported"));
    let lacks_base = report.is_some_and(ImportReport::lacks_base);
    record.error_code = lacks_base.then(|| Code::BaseMissing.word().to_owned());
}

/// Opens the bundle, if it may be imported, and those that wait with it and have its number.
fn ready_with_twins(
    request: &ImportRun<'_>,
    environment: &Environment<'_>,
) -> Result<(Bundle, Option<Candidate>, Vec<Candidate>), NotReady> {
    let bundle = ready(request.files, &request.bundle, request.policy, environment)?;
    let twins = twins(&request.bundle, request.waiting, request.policy, environment)?;
    let candidate = Candidate::of(&bundle, request.policy);
    Ok((bundle, candidate, twins))
}

/// The record of an import that begins.
fn new_record(
    pipeline: &ImportPipeline,
    request: &ImportRun<'_>,
    bundle: &Bundle,
    equipment: &Equipment,
) -> RunRecord {
    let mut record = RunRecord::new(
        &pipeline.name,
        PipelineType::Import,
        Place { kind: pipeline.from.kind().to_owned(), uri: pipeline.from.to_string() },
        Place { kind: "Registry".to_owned(), uri: pipeline.to.to_string() },
    );
    record.options = pipeline.options.iter().map(|option| option.word().to_owned()).collect();
    record.force_update_tag = request.force;
    record.fields.clone_from(&request.fields);
    let is_hashed = request.files.iter().any(|file| !file.waits());
    note_arrived(&mut record, bundle, if is_hashed { Proven::Before } else { Proven::Meanwhile });
    record.host.clone_from(&equipment.host);
    record.policy_sha256 = request.policy.file_sum().map(ToString::to_string);
    record.store_access.clone_from(&request.access);
    record.trigger = request
        .arrived
        .clone()
        .map(|timestamp| Trigger { source_trigger: Some(SourceTrigger { timestamp }), schedule: None });
    record
}

/// Holds the bundle against the policies of the pipeline, and writes into the record what they say.
fn hold_against_rules(
    rules: Option<&Policy>,
    bundle: &Bundle,
    run: &RunHandle<'_>,
    environment: &Environment<'_>,
) -> Result<(), NotReady> {
    let Some(rules) = rules else { return Ok(()) };
    let subject = Subject::Bundle(bundle);
    let moving = Moving { subject, artifacts: &[], platforms: &[], referrers: Carriage::Carry };
    let judgement = rules.judge(&moving, environment)?;
    run.update(true, |record| note(record, &judgement))?;
    if judgement.allowed { Ok(()) } else { Err(denied(&judgement).into()) }
}

/// Deletes the files of a bundle that was imported, if that is wanted. Returns those that stay, each with the reason.
fn clear_source(
    pipeline: &ImportPipeline,
    bundle: &Bundle,
    status: RunStatus,
    is_denied: bool,
    say: &dyn Fn(Level, &str),
) -> BTreeMap<String, String> {
    let chunks = bundle.all_files().filter(|opened| opened.accepted.is_some()).map(|opened| &opened.file);
    let releases = bundle.releases.iter().filter(|release| release.problem.is_none());
    let files = chunks.chain(releases.map(|release| &release.file));
    let reason = match status {
        RunStatus::Succeeded if pipeline.has(PipelineOption::DeleteSourceBlobOnSuccess) => None,
        RunStatus::Succeeded => Some("the option DeleteSourceBlobOnSuccess is not set"),
        _ if is_denied => Some("a policy denies the bundle"),
        _ => Some("not everything in the bundle was imported"),
    };
    if let Some(reason) = reason {
        return files.map(|file| (file.name().to_owned(), reason.to_owned())).collect();
    }
    let mut kept = BTreeMap::new();
    for file in files {
        if let Err(error) = file.remove() {
            say(Level::Warning, &format!("{} stays: {error}", file.name()));
            kept.insert(file.name().to_owned(), error.to_string());
        }
    }
    kept
}

/// Opens the bundle, and checks that it may be imported: it is complete, accepted, released, and, in a folder, undamaged.
///
/// # Errors
/// [`NotReady`] with the reason.
pub fn ready(
    files: &[Arc<dyn ChunkFile>],
    bundle: &Sum,
    policy: &TrustPolicy,
    environment: &Environment<'_>,
) -> Result<Bundle, NotReady> {
    let open_request = OpenRequest { files, policy: Some(policy) };
    let bundle = open(&open_request, environment)?.select(Some(&bundle.to_string()))?;
    bundle.released()?.whole()?;
    if files.iter().any(|file| !file.waits()) {
        let verified = crate::verify::verify(&open_request, environment)?;
        let report = verified.bundles.iter().find(|report| report.bundle == bundle.id);
        let verdict = report.map(|report| report.verdict);
        if verdict != Some(BundleVerdict::Complete) {
            let missing: Vec<String> = report
                .map(|report| report.missing.iter().map(ToString::to_string).collect())
                .unwrap_or_default();
            let files = report.map(|report| report.files.as_slice()).unwrap_or_default();
            let unfit = files.iter().filter(|file| file.verdict == ChunkVerdict::Damaged);
            let unfit = unfit.map(|file| file.file.clone()).collect();
            let reason = format!("damaged, or still written: chunk {}", missing.join(", "));
            return Err(NotReady { diagnosis: Code::BundleIncomplete.into(), reason, unfit });
        }
    }
    Ok(bundle)
}

/// Pushes the bundle into the registry.
fn deliver(
    pipeline: &ImportPipeline,
    bundle: &Bundle,
    equipment: &Equipment,
    environment: &Environment<'_>,
) -> Result<ImportReport, (Option<ImportReport>, NotReady)> {
    let early = |error: NotReady| (None, error);
    let whole = bundle
        .released()
        .map_err(|error| early(error.into()))?
        .whole()
        .map_err(|error| early(error.into()))?;
    let registries = Registries::new(equipment.registry_only(&pipeline.to.host));
    let registry = registries.registry(&pipeline.to.host).map_err(|error| early(error.into()))?;
    let has = |option| pipeline.has(option);
    let request = ImportRequest {
        bundle: &whole,
        beside: &Beside::default(),
        registry,
        to: &pipeline.to,
        artifacts: &[],
        mount_from: &[],
        rename: &pipeline.rename,
        tags: TagPolicy { overwrite: has(PipelineOption::OverwriteTags), backup: None },
        referrers: Carriage::Carry,
        on_failure: if has(PipelineOption::ContinueOnErrors) { OnFailure::Continue } else { OnFailure::Stop },
        sending: Sending::All,
        dry_run: false,
        connections: equipment.connections,
    };
    crate::import::import(&request, environment)
        .map_err(|stopped| (stopped.report.map(|report| *report), stopped.error.into()))
}
