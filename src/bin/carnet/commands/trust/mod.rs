//! `carnet trust`: trust files. Each subcommand has a file.

mod import;

use carnet::trust::AllowedSigners;
use clap::{Args, Subcommand};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Make keys for a trust file from other lists
#[derive(Args)]
#[command(after_help = "docs/keys.md says what is imported, and what is passed over.\n\nExample:\n  \
    carnet trust import allowed_signers --role releaser >> trust.toml")]
pub(crate) struct Trust {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Import(import::Import),
}

impl Command for Trust {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        match self.subcommand {
            Subcommands::Import(command) => command.run(context),
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("trust-import", schema_for!(AllowedSigners))]
    }
}
