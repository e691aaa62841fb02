//! `carnet station check`: tries everything that the pipelines need, without moving anything.

use std::fmt::Display;
use std::sync::Arc;

use carnet::advisories::{Database, Wanted};
use carnet::audit::AuditError;
use carnet::diagnosis::{Advice, Diagnose, count};
use carnet::format::{BundleName, Sum};
use carnet::gate::RuleFiles;
use carnet::medium::{ChunkStore, Deed, FileNames, Replace, Trial};
use carnet::registry::{Access, Reference, Registries, RepositoryName};
use carnet::runs::Ledger;
use carnet::station::{
    ExportPipeline, ImportPipeline, Inbox, PipelineOption, WithForeignLayers, count_passed_over,
    foreign_layers,
};
use carnet::trust::{KeyRequest, Signer, TrustPolicy};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::byte_count::HumanBytes;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::keys;
use crate::plain::plain;
use crate::station_args::{Loaded, StationArgs};

/// What keys sign to show that they work.
const TRIAL: &[u8] = b"carnet station check\n";

/// Try every key, place, permission and registry of the station, and move nothing
#[derive(Args)]
#[command(after_help = "Example:\n  carnet station check")]
pub(super) struct Check {
    #[command(flatten)]
    args: StationArgs,
}

/// What was tried.
#[derive(Serialize, JsonSchema)]
pub(super) struct CheckReport {
    /// Everything that was tried, in order.
    tried: Vec<Tried>,
}

/// Something that was tried.
#[derive(Serialize, JsonSchema)]
struct Tried {
    /// The pipeline, or `station`.
    pipeline: String,
    /// What was tried.
    what: String,
    /// The error, if it does not work.
    problem: Option<String>,
    /// The code of the error.
    code: Option<String>,
    /// What to do about it.
    hint: Option<String>,
    /// What else was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl CheckReport {
    fn add<T, E: Diagnose + Display>(&mut self, pipeline: &str, what: &str, done: Result<T, E>) -> Option<T> {
        self.add_command(pipeline, what, done.map_err(CommandError::from))
    }

    fn add_command<T>(&mut self, pipeline: &str, what: &str, done: Result<T, CommandError>) -> Option<T> {
        let (value, error) = match done {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        };
        self.tried.push(Tried {
            pipeline: pipeline.to_owned(),
            what: what.to_owned(),
            problem: error.as_ref().map(|error| error.message.clone()),
            code: error.as_ref().map(|error| error.diagnosis.code.to_string()),
            hint: error.as_ref().map(|error| crate::advice::hint(&error.diagnosis)),
            notes: Vec::new(),
        });
        value
    }

    fn add_trials(&mut self, pipeline: &str, trials: Vec<Trial>) {
        for Trial { what, done } in trials {
            self.add(pipeline, &what, done);
        }
    }

    /// Adds what is needed only if an earlier bundle of the same name has more chunks.
    fn add_optional(&mut self, pipeline: &str, trials: Vec<Trial>) {
        for Trial { what, done } in trials {
            self.add_command(pipeline, &what, Ok(()));
            if let Err(error) = done {
                let why = "needed only if an earlier bundle of the same name has more chunks";
                self.note(format!("not possible: {error}; {why}"));
            }
        }
    }

    /// Notes something about what was tried last.
    fn note(&mut self, note: String) {
        if let Some(last) = self.tried.last_mut() {
            last.notes.push(note);
        }
    }

    fn note_access(&mut self, store: &dyn ChunkStore) {
        if let Some(access) = store.access() {
            self.note(format!("by {access}"));
        }
    }
}

impl Check {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let loaded = self.args.load(&context.environment)?;
        let mut report = CheckReport { tried: Vec::new() };
        let station = &loaded.station;
        if let Some(key) = try_key("station", &station.key, &mut report, context) {
            let clock = Arc::clone(&loaded.equipment.clock);
            let ledger = Ledger::open(&station.state, key, clock).and_then(|ledger| ledger.try_write());
            report.add("station", &format!("state folder {}", station.state.display()), ledger);
        }
        for pipeline in &station.exports {
            export(&loaded, pipeline, &mut report, context);
        }
        for pipeline in &station.imports {
            import(&loaded, pipeline, &mut report, context);
        }
        let failed = report.tried.iter().any(|tried| tried.problem.is_some());
        context.screen.answer(&report, || text(&report));
        Ok(if failed { exit::FAILED } else { exit::DONE })
    }
}

/// Loads a key and lets it sign a text that is neither a statement nor a record.
fn try_key(
    pipeline: &str,
    key: &KeyRequest,
    report: &mut CheckReport,
    context: &Context<'_>,
) -> Option<Arc<dyn Signer>> {
    let signed = keys::load(key, context).and_then(|signer| {
        signer.signatures(TRIAL)?;
        Ok(signer)
    });
    report.add_command(pipeline, &format!("key {}", key.place), signed)
}

fn export(loaded: &Loaded, pipeline: &ExportPipeline, report: &mut CheckReport, context: &Context<'_>) {
    let name = &pipeline.name;
    try_key(name, &pipeline.key, report, context);
    let store = loaded.equipment.target(pipeline);
    if let Some(store) = report.add(name, &format!("access to {}", pipeline.to), store) {
        report.note_access(store.as_ref());
        let is_replacing = pipeline.has(PipelineOption::OverwriteBlobs);
        let replace = if is_replacing { Replace::WhenComplete } else { Replace::Never };
        // Holding a place checks what the access says of itself; nothing of it stays.
        let probe: BundleName = "carnetcheck".parse().expect("a name");
        let held = store.hold(&FileNames::chunks(&probe), &Sum([0; 32]), replace).and_then(|sink| {
            sink.clear()?;
            sink.present()
        });
        if report.add(name, &format!("list {}", pipeline.to), held).is_some() {
            report.add_trials(name, store.try_out(&[Deed::Read, Deed::Write]));
            if is_replacing {
                report.add_optional(name, store.try_out(&[Deed::Delete]));
            }
        }
    }
    rules(&pipeline.rules, name, report);
    let registries = carnet::artifacts::RegistrySources::new(
        Registries::new(loaded.equipment.registry.clone()),
        Vec::new(),
    );
    for spec in &pipeline.artifacts {
        let surveyed = spec.open(&registries).and_then(|sources| {
            let surveys = sources.iter().map(|source| foreign_layers(source.as_ref(), &spec.selection));
            surveys.collect::<Result<Vec<_>, _>>().map(|surveys| surveys.concat())
        });
        let found = report.add(name, &format!("find {spec}"), surveyed).unwrap_or_default();
        for WithForeignLayers { name, layers, bytes } in found {
            let layers = count(layers, "non-distributable layer", "non-distributable layers");
            report.note(format!("{name} has {layers}, {}, which the bundle carries", HumanBytes(bytes)));
        }
    }
}

fn import(loaded: &Loaded, pipeline: &ImportPipeline, report: &mut CheckReport, context: &Context<'_>) {
    let name = &pipeline.name;
    let policy = TrustPolicy::load(&pipeline.trust);
    let policy = report.add(name, &format!("trust file {}", pipeline.trust.display()), policy);
    rules(&pipeline.rules, name, report);
    let store = loaded.equipment.inbox(pipeline);
    if let Some(store) = report.add(name, &format!("access to {}", pipeline.from), store) {
        report.note_access(store.as_ref());
        let files = report.add(name, &format!("list {}", pipeline.from), store.files());
        if let (Some(files), Some(policy)) = (&files, policy) {
            let (environment, mut inbox) = (&context.environment, Inbox::default());
            let now = loaded.equipment.clock.now();
            let seen = inbox.look(files, &policy, now, pipeline.limits(now), environment.workers);
            for (reason, files) in count_passed_over(seen.iter().map(|file| &file.state)) {
                let (files, why) = (count(files, "file is", "files are"), "`carnet station why` names them");
                report.note(format!("{files} passed over: {reason}; {why}"));
            }
        }
        if let Some(files) = files {
            if files.is_empty() {
                report.note("it is empty, so reading was not tried".to_owned());
            }
            report.add_trials(name, store.try_out(&[Deed::Read]));
            if pipeline.has(PipelineOption::DeleteSourceBlobOnSuccess) {
                report.add_trials(name, store.try_out(&[Deed::Delete]));
            }
        }
    }
    let registries = Registries::new(loaded.equipment.registry.clone());
    let repository = pipeline.to.prefix.as_ref().map_or("carnet", |prefix| prefix.as_str());
    let repository = registries.registry(&pipeline.to.host).map(|registry| {
        let repository: RepositoryName = format!("{repository}/carnet-check").parse().expect("a name");
        registry.repository(&repository, Access::Push)
    });
    let asked = repository.and_then(|repository| {
        repository.resolve(&Reference::Tag("carnet-check".parse().expect("a tag")))?;
        Ok(repository)
    });
    let Some(repository) = report.add(name, &format!("reach {}", pipeline.to), asked) else { return };
    let what = format!("begin an upload to {}/{}", pipeline.to.host, repository.name());
    match repository.try_push() {
        Err(error) if error.diagnosis().advice == Some(Advice::RepositoryMustExist) => {
            report.add_command(name, &what, Ok(()));
            report.note(
                "not possible: the registry does not create repositories, and has none of this name"
                    .to_owned(),
            );
        }
        pushed => {
            report.add(name, &what, pushed);
        }
    }
}

/// Reads the policies of a pipeline, and what they need.
fn rules(files: &RuleFiles, name: &str, report: &mut CheckReport) {
    if !files.is_asked() {
        return;
    }
    let paths: Vec<String> = files.policies.iter().map(|path| path.display().to_string()).collect();
    if let Some(rules) = report.add(name, &format!("policy {}", paths.join(", ")), files.read()) {
        for sentence in rules.not_used {
            report.note(sentence);
        }
    }
    for path in &files.advisories {
        // Only what packages need is kept, and there are none.
        let database = Database::open(std::slice::from_ref(path), &Wanted::of([]));
        let database = database.map_err(|error| CommandError::from(AuditError::from(error)));
        if let Some(database) = report.add_command(name, &format!("advisories {}", path.display()), database)
        {
            for basis in database.bases() {
                report.note(count(basis.records, "record", "records"));
            }
        }
    }
}

fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    for Tried { pipeline, what, problem, code, hint, notes } in &report.tried {
        match problem {
            None => out += &format!("ok      {pipeline}: {}\n", plain(what)),
            Some(problem) => {
                let code = code.as_deref().unwrap_or_default();
                out += &format!("FAILED  {pipeline}: {}: error[{code}]: {}\n", plain(what), plain(problem));
                out += &format!("        hint: {}\n", hint.as_deref().unwrap_or_default());
            }
        }
        for note in notes {
            out += &format!("        {}\n", plain(note));
        }
    }
    out
}
