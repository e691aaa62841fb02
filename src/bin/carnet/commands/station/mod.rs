//! `carnet station`: pipelines that run unattended. Each subcommand has a file.

mod check;
mod export;
mod import;
mod run;
mod why;

use carnet::diagnosis::Code;
use carnet::runs::{RunRecord, RunStatus};
use clap::{Args, Subcommand};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::screen::Screen;

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

/// Renders the record of a run.
pub(crate) fn text(record: &RunRecord) -> String {
    let mut out = format!("run    {}: {}\n", record.name, record.status.word());
    if let Some(message) = &record.pipeline_run_error_message {
        out += &format!("       {}\n", plain(message));
    }
    out += &format!("from   {}\n", plain(&record.source.uri));
    out += &format!("to     {}\n", plain(&record.target.uri));
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
    for (file, reason) in &record.files_kept {
        out += &format!("  stays: {}: {}\n", plain(file), plain(reason));
    }
    for (name, value) in &record.fields {
        out += &format!("  {}: {}\n", plain(name), plain(value));
    }
    out
}

fn no_such_pipeline(name: &str) -> CommandError {
    carnet::station::StationError::NoSuchPipeline { name: name.to_owned() }.into()
}
