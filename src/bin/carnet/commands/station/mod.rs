//! `carnet station`: pipelines that run unattended. Each subcommand has a file.

mod check;
mod export;
mod import;
mod run;
mod why;

use std::collections::BTreeMap;

use carnet::clock::Clock;
use carnet::diagnosis::{Code, count};
use carnet::environment::Environment;
use carnet::observe::{Monitor, Run, RunId, Verb};
use carnet::runs::{RunRecord, RunStatus};
use clap::{Args, Subcommand};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::progress::Progress;
use crate::screen::Screen;

/// How many source files that stay for the same reason are shown; the record as JSON has all.
const STAYING_SHOWN: usize = 5;

/// Run export and import pipelines, unattended or once
#[derive(Args)]
#[command(after_help = "docs/stations.md describes the station file and the pipelines.\n\nExamples:\n  \
    carnet station check\n  carnet station run\n  carnet station export release --field media-serial=4711\n  \
    carnet station import mirror\n  carnet station why mirror")]
pub(crate) struct Station {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Run(run::RunStation),
    Export(export::Export),
    Import(import::Import),
    Why(why::Why),
    Check(check::Check),
}

impl Command for Station {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        match self.subcommand {
            Subcommands::Run(command) => command.run(context),
            Subcommands::Export(command) => command.run(context),
            Subcommands::Import(command) => command.run(context),
            Subcommands::Why(command) => command.run(context),
            Subcommands::Check(command) => command.run(context),
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![
            ("run", schema_for!(RunRecord)),
            ("why", schema_for!(why::WhyReport)),
            ("check", schema_for!(check::CheckReport)),
        ]
    }
}

/// Prints the record of a run. Returns the exit code that its end means.
fn show(record: &RunRecord, screen: &Screen) -> u8 {
    screen.report(record, || text(record));
    match record.status {
        RunStatus::Succeeded | RunStatus::Skipped => exit::DONE,
        RunStatus::Interrupted | RunStatus::Running => exit::INTERRUPTED,
        RunStatus::Failed => {
            let word = record.error_code.as_deref();
            let code = Code::ALL.iter().find(|code| Some(code.word()) == word);
            // Without a code, single artifacts failed.
            code.map_or(exit::DAMAGED, |code| exit::code(code.failure()))
        }
    }
}

/// What a policy said of the content.
fn judged(record: &RunRecord) -> String {
    let Some(judgement) = &record.judgement else { return String::new() };
    let files: Vec<&str> = judgement.files.iter().map(|file| file.name.as_str()).collect();
    let verdict = if judgement.allowed { "allowed" } else { "denied" };
    let mut out = format!("policy {verdict} by {}\n", plain(&files.join(", ")));
    for denial in &judgement.denials {
        out += &format!("  {}: {} ({})\n", plain(&denial.rule), plain(&denial.text), plain(&denial.place));
    }
    let more = judgement.reasons.saturating_sub(judgement.denials.len() as u64);
    if more > 0 {
        out += &format!("  {} more\n", count(more, "reason", "reasons"));
    }
    out
}

/// Names each source file that stayed, or the first of many that stayed for the same reason.
fn stays(record: &RunRecord) -> String {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, reason) in &record.files_kept {
        by_reason.entry(reason).or_default().push(file);
    }
    let mut out = String::new();
    for (reason, files) in by_reason {
        let more = files.len().saturating_sub(STAYING_SHOWN);
        for file in files.iter().take(STAYING_SHOWN) {
            out += &format!("  stays: {}: {}\n", plain(file), plain(reason));
        }
        if more > 0 {
            out += &format!("  stays: {} more: {}\n", count(more as u64, "file", "files"), plain(reason));
        }
    }
    out
}

/// Renders the record of a run.
pub(crate) fn text(record: &RunRecord) -> String {
    let mut out = format!("run    {}: {}\n", record.name, record.status.word());
    if let Some(message) = &record.pipeline_run_error_message {
        out += &format!("       {}\n", plain(message));
    }
    if let Some(code) = &record.error_code {
        out += &format!("code   {} (`carnet explain {}` says what to do)\n", plain(code), plain(code));
    }
    out += &format!("from   {}\n", plain(&record.source.uri));
    out += &format!("to     {}\n", plain(&record.target.uri));
    if let Some(access) = &record.store_access {
        out += &format!("access {}\n", plain(access));
    }
    if let (Some(name), Some(id)) = (&record.bundle_name, &record.catalog_digest) {
        out += &format!("bundle {} {}\n", plain(name), plain(id));
    }
    out += &format!("time   {}", record.start_time);
    out += &record.finish_time.as_ref().map_or_else(|| "\n".to_owned(), |time| format!(" to {time}\n"));
    for artifact in record.exported_artifacts.iter().chain(&record.imported_artifacts) {
        out += &format!("  {}  {}", plain(&artifact.outcome), plain(&artifact.name));
        if let Some(digest) = &artifact.digest {
            out += &format!("  {}", plain(digest));
        }
        out += "\n";
        if let Some(error) = &artifact.error {
            out += &format!("    {}\n", plain(error));
        }
    }
    out += &judged(record);
    out += &stays(record);
    for (name, value) in &record.fields {
        out += &format!("  {}: {}\n", plain(name), plain(value));
    }
    out
}

/// The environment of a run by hand, which shows its progress.
fn watched<'a>(
    context: &Context<'a>,
    clock: &'a dyn Clock,
    progress: &'a Progress,
    verb: Verb,
) -> Environment<'a> {
    let workers = context.environment.workers;
    Environment { clock, monitor: Monitor::new(progress, Run { id: RunId(0), verb }), workers }
}

fn no_such_pipeline(name: &str) -> CommandError {
    carnet::station::StationError::NoSuchPipeline { name: name.to_owned() }.into()
}
