//! `carnet runs`: the records of the runs of pipelines. Each subcommand has a file.

mod clean;
mod delete;
mod list;
mod show;
mod verify;

use std::path::PathBuf;

use carnet::runs::{RunRecord, Verified};
use clap::{Args, Subcommand};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// List, show, check and delete the records of runs
#[derive(Args)]
#[command(
    after_help = "Examples:\n  carnet runs list --top 20\n  carnet runs show 20261126T120000Z-0000-mirror\n  \
    carnet runs verify --pub station.pub.pem\n  carnet runs clean --key station.key.pem --dry-run"
)]
pub(crate) struct Runs {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    List(list::List),
    Show(show::Show),
    Delete(delete::Delete),
    Clean(clean::Clean),
    Verify(verify::Verify),
}

/// The option for the state folder.
#[derive(Args, Clone)]
struct StateArgs {
    /// The state folder of the station
    #[arg(long, value_name = "DIR", default_value = "/var/lib/carnet")]
    state: PathBuf,
}

impl Command for Runs {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        match self.subcommand {
            Subcommands::List(command) => command.run(context),
            Subcommands::Show(command) => command.run(context),
            Subcommands::Delete(command) => command.run(context),
            Subcommands::Clean(command) => command.run(context),
            Subcommands::Verify(command) => command.run(context),
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("runs", schema_for!(Vec<RunRecord>)), ("runs-verify", schema_for!(Verified))]
    }
}
