//! `carnet station why`: says of each file in an inbox why it was imported or not.

use std::collections::BTreeMap;

use carnet::format::Sum;
use carnet::runs::{Ledger, RunRecord, RunStatus};
use carnet::station::{FileState, Inbox, InboxFile};
use carnet::trust::TrustPolicy;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::no_such_pipeline;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::station_args::StationArgs;

/// Say of each file in the inbox of a pipeline why it was imported or not
#[derive(Args)]
#[command(after_help = "Example:\n  carnet station why mirror")]
pub(super) struct Why {
    /// The import pipeline
    #[arg(value_name = "NAME")]
    pipeline: String,
    #[command(flatten)]
    args: StationArgs,
}

/// Why each file in an inbox was imported or not.
#[derive(Serialize, JsonSchema)]
pub(super) struct WhyReport {
    /// The pipeline.
    pipeline: String,
    /// The inbox.
    inbox: String,
    /// The files in it.
    files: Vec<WhyFile>,
}

/// A file in an inbox.
#[derive(Serialize, JsonSchema)]
struct WhyFile {
    /// The path or URL.
    file: String,
    /// The size in bytes.
    bytes: u64,
    /// What the file is.
    #[serde(flatten)]
    state: FileState,
    /// Why it was imported or not, in words.
    why: String,
}

impl Why {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let loaded = self.args.load(environment)?;
        let pipeline = loaded.station.import_pipeline(&self.pipeline);
        let pipeline = pipeline.ok_or_else(|| no_such_pipeline(&self.pipeline))?;
        let policy = TrustPolicy::load(&pipeline.trust)?;
        let store = loaded.equipment.store(&pipeline.from, pipeline.secret_command.as_deref())?;
        let (mut inbox, now) = (Inbox::default(), environment.clock.now());
        let limits = pipeline.limits(now);
        let files = inbox.look(&store.files()?, &policy, now, limits, environment.workers);
        let bundles = inbox.bundles(&files, now);
        let mut duplicates = BTreeMap::new();
        for bundle in &bundles {
            duplicates.extend(bundle.duplicates.clone());
        }
        let fates: BTreeMap<Sum, String> = bundles
            .into_iter()
            .map(|bundle| {
                let fate = match last_run(&loaded.station.state, &pipeline.name, &bundle.id) {
                    Some(run) => run,
                    None if bundle.missing.is_empty() => {
                        "its bundle is complete and was not imported yet".to_owned()
                    }
                    None => {
                        let missing: Vec<String> = bundle.missing.iter().map(ToString::to_string).collect();
                        format!("its bundle waits for {}", missing.join(", "))
                    }
                };
                (bundle.id, fate)
            })
            .collect();
        let line = |InboxFile { file, state }: InboxFile| {
            let why = match &state {
                FileState::Chunk { bundle, .. } => match duplicates.get(file.name()) {
                    Some(first) => format!("{state}: duplicate of {first}; {}", fates[bundle]),
                    None => format!("{state}: {}", fates[bundle]),
                },
                _ => state.to_string(),
            };
            WhyFile { file: file.name().to_owned(), bytes: file.bytes(), state, why }
        };
        let files: Vec<WhyFile> = files.into_iter().map(line).collect();
        let (pipeline, inbox) = (self.pipeline, pipeline.from.to_string());
        let report = WhyReport { pipeline, inbox, files };
        context.screen.answer(&report, || {
            let line = |file: &WhyFile| format!("{}: {}\n", plain(&file.file), plain(&file.why));
            let lines: String = report.files.iter().map(line).collect();
            if lines.is_empty() { format!("{} is empty\n", plain(&report.inbox)) } else { lines }
        });
        Ok(exit::DONE)
    }
}

/// What the last run about a bundle did.
fn last_run(state: &std::path::Path, pipeline: &str, bundle: &Sum) -> Option<String> {
    let id = bundle.to_string();
    let is_it =
        |record: &RunRecord| record.pipeline == pipeline && record.catalog_digest.as_deref() == Some(&id);
    let record = Ledger::newest(state, 1, &is_it).ok()?.pop()?;
    Some(match record.status {
        RunStatus::Succeeded => format!("imported by the run {}", record.name),
        RunStatus::Running => format!("imported now by the run {}", record.name),
        status => {
            let message = record.pipeline_run_error_message.unwrap_or_default();
            format!("{} in the run {}: {message}", status.word(), record.name)
        }
    })
}
