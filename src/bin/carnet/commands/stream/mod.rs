//! `carnet stream`: what is remembered of streams. Each subcommand has a file.

mod accept;
mod export;
mod import;
mod show;
mod verify;

use carnet::logbook::{Channel, MemoryReport, REASON_BYTES_MAX};
use clap::{Args, Subcommand};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Show, check, carry over and correct what is remembered of streams
#[derive(Args)]
#[command(after_help = "docs/streams.md describes the verdicts on streams, and what to do.\n\nExamples:\n  \
    carnet stream show --state state\n  carnet stream verify --state state\n  \
    carnet stream export streams.copy --state state\n  carnet stream import streams.copy --state new\n  \
    carnet stream accept north --sequence 41 --reason 'told by phone' --state state")]
pub(crate) struct Stream {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Show(show::Show),
    Verify(verify::Verify),
    Export(export::Export),
    Import(import::Import),
    Accept(accept::Accept),
}

/// Parses a stream, or PIPELINE/STREAM.
fn channel(text: &str) -> Result<Channel, String> {
    text.parse().map_err(|expected| format!("expected {expected}"))
}

/// Parses a reason.
fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > REASON_BYTES_MAX {
        return Err(format!("expected 1 to {REASON_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}

impl Command for Stream {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        match self.subcommand {
            Subcommands::Show(command) => command.run(context),
            Subcommands::Verify(command) => command.run(context),
            Subcommands::Export(command) => command.run(context),
            Subcommands::Import(command) => command.run(context),
            Subcommands::Accept(command) => command.run(context),
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("stream", schema_for!(MemoryReport)), ("stream-import", schema_for!(import::ImportedReport))]
    }
}
