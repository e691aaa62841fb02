//! One run of an export pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judging::{Policy, denied, denied_before, note};
use super::log::{Level, Log, tell_end};
use super::numbering::{Announcing, hold};
use super::packed_facts::{failed, note_packed};
use super::progress::RunProgress;
use super::{Equipment, ExportPipeline, PipelineOption, StationError, require_fields};
use crate::artifacts::{OnFailure, RegistrySources, Remembered, SourceSpec};
use crate::audit::{Offered, Subject};
use crate::diagnosis::{Advice, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::plan::Carriage;
use crate::format::statement::Crossing;
use crate::format::{BundleName, Sum};
use crate::gate::Moving;
use crate::logbook::{Naming, Numbering, Numbers as _};
use crate::medium::{ChunkStore, FileNames, Replace};
use crate::observe::{Monitor, Run, RunId, Verb};
use crate::pack::{ArtifactFailure, Bases, Expiry, PackReport, PackRequest, Part, Splitting, Wanted};
use crate::registry::{Reach, Registries};
use crate::runs::{
    Did, Ledger, PastRun, PipelineType, Place, RunHandle, RunRecord, RunSigner, RunStatus, Trigger,
};
use crate::stream::hash::Function;
use crate::trust::{Signer, TrustPolicy};

/// What one run of an export pipeline is asked to do.
#[derive(Clone, Debug, Default)]
pub struct ExportRequest {
    /// Other artifacts than those of the pipeline.
    pub artifacts: Vec<SourceSpec>,
    /// Another name for the bundle.
    pub name: Option<BundleName>,
    /// Whether to pack again what the last run packed.
    pub force: bool,
    /// Fields for the record.
    pub fields: BTreeMap<String, String>,
    /// The schedule that started the run, if one did.
    pub schedule: Option<String>,
}

/// What ends a run early.
struct Ended {
    diagnosis: Diagnosis,
    message: String,
}

impl Ended {
    /// Names the option of the pipeline that decides whether chunk files are replaced.
    fn naming_option(mut self, pipeline: &ExportPipeline) -> Ended {
        let is_in_the_way = self.diagnosis.advice == Some(Advice::OtherBundleInTheWay);
        if is_in_the_way && !pipeline.has(PipelineOption::OverwriteBlobs) {
            self.message += "; the option OverwriteBlobs is not set";
            self.diagnosis.advice = Some(Advice::OverwriteBlobs);
        }
        self
    }
}

impl<E: Diagnose> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended { diagnosis: error.diagnosis(), message: error.to_string() }
    }
}

/// Runs an export pipeline once. What happens in it is in its record, also a failure. The monitor of `environment` is told
/// how far it has come.
///
/// # Errors
/// [`StationError`] if there is no record: a field that the pipeline requires is absent, its trust file cannot be read,
/// another run of the pipeline is under way, or it cannot be written.
pub fn export(
    pipeline: &ExportPipeline,
    request: &ExportRequest,
    equipment: &Equipment,
    ledger: &Ledger,
    signer: &Arc<dyn Signer>,
    environment: &Environment<'_>,
    log: &dyn Log,
) -> Result<RunRecord, StationError> {
    require_fields(&pipeline.name, &pipeline.required_fields, &request.fields)?;
    let policy = pipeline.trust.as_deref().map(TrustPolicy::load).transpose()?;
    let _lock = ledger.lock(&format!("pipeline-{}", pipeline.name))?;
    let last = ledger.exported(&pipeline.name)?;
    let begun = ledger.numbered(&pipeline.name)?;
    let before = if pipeline.rules.is_asked() {
        Ledger::newest(ledger.folder(), 1, &|record| record.pipeline == pipeline.name)?.pop()
    } else {
        None
    };
    let held = hold(pipeline, ledger, last.as_ref(), begun.as_ref(), environment, log)?;
    let specs = if request.artifacts.is_empty() { &pipeline.artifacts } else { &request.artifacts };
    let source = Place {
        kind: "Registry".to_owned(),
        uri: specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let target = Place { kind: pipeline.to.kind().to_owned(), uri: pipeline.to.to_string() };
    let mut record = RunRecord::new(&pipeline.name, PipelineType::Export, source, target);
    record.options = pipeline.options.iter().map(|option| option.word().to_owned()).collect();
    record.force_update_tag = request.force;
    record.host.clone_from(&equipment.host);
    record.signers = vec![RunSigner {
        role: "packed".to_owned(),
        holder: String::new(),
        key: signer.public_key().id().to_string(),
    }];
    record.fields.clone_from(&request.fields);
    record.stream = pipeline.stream.as_ref().map(ToString::to_string);
    record.trigger =
        request.schedule.clone().map(|schedule| Trigger { source_trigger: None, schedule: Some(schedule) });
    let store = equipment.target(pipeline);
    record.store_access = store.as_ref().ok().and_then(|store| store.access());
    let run = ledger.begin(record)?;
    let name = run.name();
    log.line(Level::Info, &pipeline.name, Some(&name), "export started");
    let progress = RunProgress::new(&run, environment.monitor);
    let monitor = Monitor::new(&progress, Run { id: RunId(0), verb: Verb::Pack });
    let workers = environment.workers;
    let naming = Naming::Numbered(pipeline.bundle_name.clone());
    let naming = request.name.clone().map_or(naming, Naming::Fixed);
    let exporting = Exporting {
        pipeline,
        request,
        specs,
        equipment,
        signer: signer.as_ref(),
        judging: Environment { clock: environment.clock, monitor: environment.monitor, workers },
        environment: Environment { clock: environment.clock, monitor, workers },
        last,
        begun,
        before,
        // What was exported is exported again under a new number, if that is asked for.
        numbering: Numbering::new(held, equipment.clock.as_ref(), naming, None, false),
    };
    let done = exporting.run(store, &run);
    let mut diagnosis = None;
    let record = match done {
        Ok(Exported::Unchanged { before, failures }) => run.finish(RunStatus::Skipped, |record| {
            let mut text = format!("nothing has changed since the run {before}");
            if !failures.is_empty() {
                text += &format!("; {} again", failed_artifacts(failures.len()));
            }
            record.pipeline_run_error_message = Some(text);
            record.exported_artifacts = failures.iter().map(failed).collect();
        }),
        Ok(Exported::Packed { report, content, number }) => {
            let failures = report.failures.len();
            let status = if failures == 0 { RunStatus::Succeeded } else { RunStatus::Failed };
            run.finish(status, |record| {
                let now = equipment.clock.now();
                note_packed(record, &report, signer.public_key(), policy.as_ref(), now);
                record.content_digest = content.as_ref().map(ToString::to_string);
                record.sequence = Some(number);
                if failures > 0 {
                    let text = format!("{}; the others were packed", failed_artifacts(failures));
                    record.pipeline_run_error_message = Some(text);
                }
            })
        }
        Err(ended) => {
            let status = if workers.interrupted() { RunStatus::Interrupted } else { RunStatus::Failed };
            let Ended { diagnosis: why, message } = ended.naming_option(pipeline);
            let code = why.code;
            diagnosis = Some(why);
            run.finish(status, |record| {
                record.error_code = Some(code.word().to_owned());
                record.pipeline_run_error_message = Some(message);
            })
        }
    }?;
    tell_end(log, &record, diagnosis.as_ref());
    Ok(record)
}

/// What a run did.
enum Exported {
    /// An earlier run shipped the same, and the same artifacts fail now.
    Unchanged { before: String, failures: Vec<ArtifactFailure> },
    /// A bundle was packed. Its content is known unless other artifacts failed than when it was planned.
    Packed { report: Box<PackReport>, content: Option<Sum>, number: u64 },
}

/// `2 artifacts failed`
fn failed_artifacts(number: usize) -> String {
    format!("{} failed", crate::diagnosis::count(number as u64, "artifact", "artifacts"))
}

struct Exporting<'a> {
    pipeline: &'a ExportPipeline,
    request: &'a ExportRequest,
    specs: &'a [SourceSpec],
    equipment: &'a Equipment,
    signer: &'a dyn Signer,
    environment: Environment<'a>,
    /// The environment of the audit, whose progress is not that of the run.
    judging: Environment<'a>,
    /// The run that shipped the last bundle.
    last: Option<PastRun>,
    /// The last run that took a number, whatever became of it.
    begun: Option<PastRun>,
    /// The record of the last run, if there is a policy.
    before: Option<RunRecord>,
    /// Gives out the number.
    numbering: Numbering<'a>,
}

impl Exporting<'_> {
    fn run(
        &self,
        store: Result<Box<dyn ChunkStore>, StationError>,
        run: &RunHandle<'_>,
    ) -> Result<Exported, Ended> {
        let settings =
            crate::registry::Settings { reach: Reach::Anywhere, ..self.equipment.registry.clone() };
        let registries = RegistrySources::new(Registries::new(settings), Vec::new());
        let store = store?;
        let policy = Policy::read(&self.pipeline.rules)?;
        let (opened, unopened) = self.open(&registries)?;
        // What is judged must be what is packed.
        let remembered = policy.as_ref().map(|_| remembered(opened));
        let wanted = || match &remembered {
            Some(remembered) => Ok(again(remembered)),
            None => self.open(&registries).map(|(wanted, _)| wanted),
        };
        // A plan under a name that never changes has an id that says what is packed.
        let neutral = Crossing {
            stream: None,
            sequence: None,
            previous: None,
            label: None,
            name: "content".parse().expect("a name"),
        };
        let planned = crate::pack::plan(
            &self.pack_request(wanted()?, neutral.clone(), store.as_ref()),
            self.signer,
            &self.environment,
        )?;
        let content = planned.bundle;
        let is_same = |last: &&PastRun| last.work.content.as_deref() == Some(&content.to_string());
        if let Some(before) = self.last.as_ref().filter(is_same).filter(|_| !self.request.force) {
            let failures = planned.failures.into_iter().chain(unopened).collect();
            return Ok(Exported::Unchanged { before: before.run.clone(), failures });
        }
        if let (Some(policy), Some(sources)) = (&policy, &remembered) {
            self.judge(policy, sources, &content, run)?;
        }
        let number = self.numbering.assign(&content)?.number;
        self.clear_given_up(number, store.as_ref())?;
        let numbers = Announcing { numbering: &self.numbering, content, run };
        let request =
            PackRequest { numbers: Some(&numbers), ..self.pack_request(wanted()?, neutral, store.as_ref()) };
        let mut report = crate::pack::pack(&request, self.signer, &self.environment)?;
        let number = report.crossing.sequence.unwrap_or(number);
        let names = |failures: &[ArtifactFailure]| -> Vec<String> {
            failures.iter().map(|failure| failure.artifact.clone()).collect()
        };
        let is_as_planned = names(&report.failures) == names(&planned.failures);
        report.failures.extend(unopened);
        Ok(Exported::Packed { report: Box::new(report), content: is_as_planned.then_some(content), number })
    }

    /// Judges what would be packed, and writes into the record what the policy says. What was denied, and is still the
    /// same, is not read again.
    fn judge(
        &self,
        policy: &Policy,
        sources: &[Wanted],
        content: &Sum,
        run: &RunHandle<'_>,
    ) -> Result<(), Ended> {
        let is_same = |before: &&RunRecord| before.content_digest == Some(content.to_string());
        let before = self.before.as_ref().filter(is_same).filter(|_| !self.request.force);
        let before = before.and_then(|before| Some((denied_before(before, policy.stamp())?, &before.name)));
        let judgement = if let Some((judgement, _)) = before {
            judgement.clone()
        } else {
            let offered: Vec<Offered> = sources.iter().map(offered).collect();
            let subject = Subject::Sources(&offered);
            let moving = Moving { subject, artifacts: &[], platforms: &[], referrers: Carriage::Carry };
            policy.judge(&moving, &self.judging)?
        };
        run.update(true, |record| {
            record.content_digest = Some(content.to_string());
            note(record, &judgement);
        })?;
        if judgement.allowed {
            return Ok(());
        }
        let mut ended = Ended::from(denied(&judgement));
        if let Some((_, name)) = before {
            ended.message +=
                &format!("; neither the content nor the rules have changed since the run {name}");
        }
        Err(ended)
    }

    /// Removes the unfinished chunks of a run that is not continued. Its finished chunks stay.
    fn clear_given_up(&self, number: u64, store: &dyn ChunkStore) -> Result<(), Ended> {
        let is_given_up =
            |begun: &&PastRun| begun.work.did == Did::Began && begun.work.sequence != Some(number);
        let begun = self.begun.as_ref().filter(is_given_up);
        match begun.and_then(|begun| begun.work.name.as_deref()?.parse().ok()) {
            Some(name) => {
                Ok(store.hold(&FileNames::chunks(&name), &Sum([0; 32]), Replace::Never)?.clear()?)
            }
            None => Ok(()),
        }
    }

    /// Opens the sources. With `ContinueOnErrors`, those that do not open are returned.
    fn open(&self, registries: &RegistrySources) -> Result<(Vec<Wanted>, Vec<ArtifactFailure>), Ended> {
        let mut wanted = Vec::new();
        let mut failures = Vec::new();
        for spec in self.specs {
            match spec.open(registries) {
                Ok(sources) => wanted.extend(sources.into_iter().map(|source| Wanted {
                    source,
                    selection: spec.selection.clone(),
                    rename: spec.rename.clone(),
                })),
                Err(error) if self.pipeline.has(PipelineOption::ContinueOnErrors) => {
                    failures.push(ArtifactFailure { artifact: spec.to_string(), error: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((wanted, failures))
    }

    fn pack_request<'a>(
        &self,
        sources: Vec<Wanted>,
        crossing: Crossing,
        store: &'a dyn ChunkStore,
    ) -> PackRequest<'a> {
        let has = |option| self.pipeline.has(option);
        PackRequest {
            sources,
            crossing,
            numbers: None,
            store,
            chunk_size: self.pipeline.chunk_size,
            splitting: Splitting::Allowed,
            nondistributable: Carriage::Carry,
            referrers: Carriage::Carry,
            platforms: Vec::new(),
            created: self.equipment.clock.now(),
            expires: self.pipeline.expires.map(|seconds| Expiry::After { seconds }),
            replace: if has(PipelineOption::OverwriteBlobs) { Replace::WhenComplete } else { Replace::Never },
            on_failure: if has(PipelineOption::ContinueOnErrors) {
                OnFailure::Continue
            } else {
                OnFailure::Stop
            },
            bases: Bases::default(),
            origins: Vec::new(),
            file_sums: vec![Function::Sha256, Function::Md5],
            profile: self.pipeline.profile,
            part: Part::Whole,
            volumes: None,
        }
    }
}

/// The same sources, which list the same things for the whole run.
fn remembered(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let remember = |wanted: Wanted| Wanted { source: Arc::new(Remembered::new(wanted.source)), ..wanted };
    wanted.into_iter().map(remember).collect()
}

fn again(wanted: &[Wanted]) -> Vec<Wanted> {
    let again = |wanted: &Wanted| Wanted {
        source: Arc::clone(&wanted.source),
        selection: wanted.selection.clone(),
        rename: wanted.rename.clone(),
    };
    wanted.iter().map(again).collect()
}

fn offered(wanted: &Wanted) -> Offered {
    Offered {
        source: Arc::clone(&wanted.source),
        selection: wanted.selection.clone(),
        rename: wanted.rename.clone(),
        nondistributable: Carriage::Carry,
    }
}
