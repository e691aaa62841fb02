//! `carnet station check`: tries everything that the pipelines need, without moving anything.

use std::fmt::Display;

use carnet::diagnosis::Diagnose;
use carnet::format::{BundleName, Sum};
use carnet::medium::Replace;
use carnet::registry::{Access, Reference, Registries, RepositoryName};
use carnet::runs::Ledger;
use carnet::station::{ExportPipeline, ImportPipeline, PipelineOption};
use carnet::trust::TrustPolicy;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::keys;
use crate::plain::plain;
use crate::station_args::{Loaded, StationArgs};

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
    /// What to do about it.
    hint: Option<String>,
}

impl CheckReport {
    fn add<T, E: Diagnose + Display>(&mut self, pipeline: &str, what: &str, done: Result<T, E>) -> Option<T> {
        let (value, problem, hint) = match done {
            Ok(value) => (Some(value), None, None),
            Err(error) => (None, Some(error.to_string()), Some(crate::advice::hint(&error.diagnosis()))),
        };
        self.tried.push(Tried { pipeline: pipeline.to_owned(), what: what.to_owned(), problem, hint });
        value
    }

    fn add_command<T>(&mut self, pipeline: &str, what: &str, done: Result<T, CommandError>) -> Option<T> {
        let (value, problem, hint) = match done {
            Ok(value) => (Some(value), None, None),
            Err(error) => (None, Some(error.message.clone()), Some(crate::advice::hint(&error.diagnosis))),
        };
        self.tried.push(Tried { pipeline: pipeline.to_owned(), what: what.to_owned(), problem, hint });
        value
    }
}

impl Check {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let loaded = self.args.load(&context.environment)?;
        let mut report = CheckReport { tried: Vec::new() };
        let station = &loaded.station;
        let key = keys::load(&station.key, station.passphrase_file.as_deref(), context.screen);
        if let Some(key) = report.add_command("station", &format!("key {}", station.key.display()), key) {
            let clock = std::sync::Arc::clone(&loaded.equipment.clock);
            let ledger = Ledger::open(&station.state, std::sync::Arc::new(key), clock);
            report.add("station", &format!("state folder {}", station.state.display()), ledger);
        }
        for pipeline in &station.exports {
            export(&loaded, pipeline, &mut report, context);
        }
        for pipeline in &station.imports {
            import(&loaded, pipeline, &mut report);
        }
        let failed = report.tried.iter().any(|tried| tried.problem.is_some());
        context.screen.answer(&report, || text(&report));
        Ok(if failed { exit::FAILED } else { exit::DONE })
    }
}

fn export(loaded: &Loaded, pipeline: &ExportPipeline, report: &mut CheckReport, context: &Context<'_>) {
    let name = &pipeline.name;
    let key = keys::load(&pipeline.key, pipeline.passphrase_file.as_deref(), context.screen);
    report.add_command(name, &format!("key {}", pipeline.key.display()), key);
    let store = loaded.equipment.store(&pipeline.to, pipeline.secret_command.as_deref());
    if let Some(store) = report.add(name, &format!("access to {}", pipeline.to), store) {
        let replace =
            if pipeline.has(PipelineOption::OverwriteBlobs) { Replace::WhenComplete } else { Replace::Never };
        // Holding a place checks that it may be written; nothing of it stays.
        let probe: BundleName = "carnetcheck".parse().expect("a name");
        let held = store.hold(&probe, &Sum([0; 32]), replace).and_then(|sink| {
            sink.clear()?;
            sink.present()
        });
        report.add(name, &format!("write to {}", pipeline.to), held);
    }
    let registries = carnet::artifacts::RegistrySources::new(
        Registries::new(loaded.equipment.registry.clone()),
        Vec::new(),
    );
    for spec in &pipeline.artifacts {
        let opened = spec.open(&registries).and_then(|sources| {
            sources.iter().try_for_each(|source| source.roots(&spec.selection).map(drop))
        });
        report.add(name, &format!("find {spec}"), opened);
    }
}

fn import(loaded: &Loaded, pipeline: &ImportPipeline, report: &mut CheckReport) {
    let name = &pipeline.name;
    let policy = TrustPolicy::load(&pipeline.trust);
    report.add(name, &format!("trust file {}", pipeline.trust.display()), policy);
    let store = loaded.equipment.store(&pipeline.from, pipeline.secret_command.as_deref());
    if let Some(store) = report.add(name, &format!("access to {}", pipeline.from), store) {
        report.add(name, &format!("list {}", pipeline.from), store.files());
    }
    let registries = Registries::new(loaded.equipment.registry.clone());
    let repository = pipeline.to.prefix.as_ref().map_or("carnet/check", |prefix| prefix.as_str());
    let asked = registries.registry(&pipeline.to.host).and_then(|registry| {
        let repository: RepositoryName = repository.parse().expect("a name");
        let reference = Reference::Tag("carnet-check".parse().expect("a tag"));
        registry.repository(&repository, Access::Push).resolve(&reference)
    });
    report.add(name, &format!("reach {}", pipeline.to), asked);
}

fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    for Tried { pipeline, what, problem, hint } in &report.tried {
        match problem {
            None => out += &format!("ok      {pipeline}: {}\n", plain(what)),
            Some(problem) => {
                out += &format!("FAILED  {pipeline}: {}: {}\n", plain(what), plain(problem));
                out += &format!("        hint: {}\n", hint.as_deref().unwrap_or_default());
            }
        }
    }
    out
}
