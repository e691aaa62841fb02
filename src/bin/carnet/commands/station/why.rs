//! `carnet station why`: says of each file in an inbox why it was imported or not.

use std::collections::{BTreeMap, BTreeSet};

use carnet::environment::Environment;
use carnet::format::Sum;
use carnet::logbook::Memory;
use carnet::observe::Verb;
use carnet::runs::{Ledger, RunRecord, RunStatus};
use carnet::station::{
    FileState, ImportPipeline, Inbox, InboxBundle, InboxFile, NotReady, ready, refused_by_stream, twins,
};
use carnet::trust::TrustPolicy;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{no_such_pipeline, watched};
use crate::advice::hint;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::progress::Progress;
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
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Why {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let loaded = self.args.load(environment)?;
        let pipeline = loaded.station.import_pipeline(&self.pipeline);
        let pipeline = pipeline.ok_or_else(|| no_such_pipeline(&self.pipeline))?;
        let policy = TrustPolicy::load(&pipeline.trust)?;
        let store = loaded.equipment.inbox(pipeline)?;
        let (mut inbox, now) = (Inbox::default(), loaded.equipment.clock.now());
        let limits = pipeline.limits(now);
        let files = inbox.look(&store.files()?, &policy, now, limits, environment.workers);
        let bundles = inbox.bundles(&files, now);
        let (progress, mut duplicates) = (Progress::new(context.screen), BTreeMap::new());
        let watched = watched(context, loaded.equipment.clock.as_ref(), &progress, Verb::Verify);
        let mut unfit = BTreeSet::new();
        let memory = Memory::read(&loaded.station.state)?;
        for bundle in &bundles {
            duplicates.extend(bundle.duplicates.clone());
        }
        let mut fates = BTreeMap::new();
        for bundle in &bundles {
            let fate = match last_run(&loaded.station.state, &pipeline.name, &bundle.id) {
                Some(run) => Fate::of_run(&run, pipeline),
                None => Fate::of(bundle, &bundles, pipeline, &policy, &memory, &watched, &mut unfit),
            };
            fates.insert(bundle.id, fate);
        }
        let line = |InboxFile { file, state }: InboxFile| {
            let (mut why, mut hint) = (state.to_string(), None);
            if let FileState::Chunk { bundle, .. } = &state {
                let fate: &Fate = &fates[bundle];
                let duplicate = duplicates.get(file.name());
                let duplicate = duplicate.map_or(String::new(), |first| format!("duplicate of {first}; "));
                let damaged = if unfit.contains(file.name()) { "damaged, or still written; " } else { "" };
                why += &format!(": {damaged}{duplicate}{}", fate.why);
                hint.clone_from(&fate.hint);
            }
            WhyFile { file: file.name().to_owned(), bytes: file.bytes(), state, why, hint }
        };
        let files: Vec<WhyFile> = files.into_iter().map(line).collect();
        let (pipeline, inbox) = (self.pipeline, pipeline.from.to_string());
        let report = WhyReport { pipeline, inbox, files };
        context.screen.answer(&report, || {
            let line = |file: &WhyFile| format!("{}: {}\n", plain(&file.file), plain(&file.why));
            let lines: String = report.files.iter().map(line).collect();
            // The files of a bundle share their hint.
            let hints: BTreeSet<&str> = report.files.iter().filter_map(|file| file.hint.as_deref()).collect();
            let hints: String = hints.iter().map(|hint| format!("  hint: {hint}\n")).collect();
            let lines = lines + &hints;
            if lines.is_empty() { format!("{} is empty\n", plain(&report.inbox)) } else { lines }
        });
        Ok(exit::DONE)
    }
}

/// What becomes of a bundle.
struct Fate {
    why: String,
    hint: Option<String>,
}

impl Fate {
    /// What the last run about a bundle did.
    fn of_run(record: &RunRecord, pipeline: &ImportPipeline) -> Fate {
        let why = match record.status {
            RunStatus::Succeeded => format!("imported by the run {}", record.name),
            RunStatus::Running => format!("imported now by the run {}", record.name),
            status => {
                let message = record.pipeline_run_error_message.as_deref().unwrap_or_default();
                let code = record.error_code.as_ref().map_or(String::new(), |code| format!(" [{code}]"));
                format!("{} in the run {}: {message}{code}", status.word(), record.name)
            }
        };
        let denied = record.judgement.as_ref().filter(|judgement| !judgement.allowed);
        let hint = denied.map(|judgement| {
            if judgement.stamp == pipeline.rules.stamp().to_string() {
                format!(
                    "`carnet runs show {}` names every reason; it is tried again when a file of the bundle or of the \
                     policy changes",
                    record.name
                )
            } else {
                "the policy has changed since; a running station tries it again at its next look".to_owned()
            }
        });
        Fate { why, hint }
    }

    /// Checks a bundle of which there is no run, as an import does. The names of its unfit files are added to `unfit`.
    fn of(
        bundle: &InboxBundle,
        waiting: &[InboxBundle],
        pipeline: &ImportPipeline,
        policy: &TrustPolicy,
        memory: &Memory,
        environment: &Environment<'_>,
        unfit: &mut BTreeSet<String>,
    ) -> Fate {
        if !bundle.missing.is_empty() {
            let missing: Vec<String> = bundle.missing.iter().map(ToString::to_string).collect();
            return Fate { why: format!("its bundle waits for {}", missing.join(", ")), hint: None };
        }
        let is_passed = |opened| {
            let twins = twins(&bundle.id, waiting, policy, environment)?;
            match refused_by_stream(pipeline, &opened, &twins, policy, memory) {
                Some(refused) => Err(NotReady::of_stream(&refused)),
                None => Ok(()),
            }
        };
        match ready(&bundle.files, &bundle.id, policy, environment).and_then(is_passed) {
            Err(NotReady { diagnosis, reason, unfit: files }) => {
                unfit.extend(files);
                let why = format!("its bundle cannot be imported: {reason} [{}]", diagnosis.code);
                Fate { why, hint: Some(hint(&diagnosis)) }
            }
            Ok(()) if pipeline.trigger => {
                let why = "its bundle is complete; a running station imports it at its next look";
                Fate { why: why.to_owned(), hint: None }
            }
            Ok(()) => {
                let why = "its bundle is complete, but the trigger of the pipeline is Disabled";
                let hint = format!("import it with `carnet station import {}`", pipeline.name);
                Fate { why: why.to_owned(), hint: Some(hint) }
            }
        }
    }
}

/// The last run about a bundle.
fn last_run(state: &std::path::Path, pipeline: &str, bundle: &Sum) -> Option<RunRecord> {
    let id = bundle.to_string();
    let is_it =
        |record: &RunRecord| record.pipeline == pipeline && record.catalog_digest.as_deref() == Some(&id);
    Ledger::newest(state, 1, &is_it).ok()?.pop()
}
