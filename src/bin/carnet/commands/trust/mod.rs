//! `carnet trust`: trust files. Each subcommand, or group of them, has a file.

mod edit;
mod explain;
mod import;
mod show;
mod update;

use carnet::trust::{AllowedSigners, Role};
use clap::{Args, Subcommand, ValueEnum};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Show, check, change and replace trust files, and explain what they decide
#[derive(Args)]
#[command(
    after_help = "docs/trust.md describes trust files and their changes, docs/keys.md the ceremonies.\n\nExamples:\n  \
    carnet trust show trust.toml\n  carnet trust explain in --trust trust.toml\n  \
    carnet trust revoke trust.toml 752d3056a10a160e --to new.toml\n  \
    carnet trust update trust.toml new.toml --to update.txt\n  \
    carnet trust sign update.txt --trust trust.toml --key alice.key.pem\n  \
    carnet trust apply update.txt --trust trust.toml"
)]
pub(crate) struct Trust {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Show(show::Show),
    Check(show::Check),
    Explain(explain::Explain),
    Add(edit::Add),
    Revoke(edit::Revoke),
    Rotate(edit::Rotate),
    Update(update::Update),
    Sign(update::Sign),
    Apply(update::Apply),
    Import(import::Import),
}

/// A role on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum RoleWord {
    Packer,
    Releaser,
    Root,
}

impl RoleWord {
    /// The roles, each once.
    fn roles(words: &[RoleWord]) -> Vec<Role> {
        let role = |word: &RoleWord| match word {
            RoleWord::Packer => Role::Packer,
            RoleWord::Releaser => Role::Releaser,
            RoleWord::Root => Role::Root,
        };
        let mut roles: Vec<Role> = words.iter().map(role).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

impl Command for Trust {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        match self.subcommand {
            Subcommands::Show(command) => command.run(context),
            Subcommands::Check(command) => command.run(context),
            Subcommands::Explain(command) => command.run(context),
            Subcommands::Add(command) => command.run(context),
            Subcommands::Revoke(command) => command.run(context),
            Subcommands::Rotate(command) => command.run(context),
            Subcommands::Update(command) => command.run(context),
            Subcommands::Sign(command) => command.run(context),
            Subcommands::Apply(command) => command.run(context),
            Subcommands::Import(command) => command.run(context),
        }
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![
            ("trust-import", schema_for!(AllowedSigners)),
            ("trust-show", schema_for!(show::TrustFileReport)),
            ("trust-check", schema_for!(show::TrustCheckReport)),
            ("trust-explain", schema_for!(explain::ExplainReport)),
            ("trust-edit", schema_for!(edit::TrustEditReport)),
            ("trust-update", schema_for!(update::TrustUpdateReport)),
            ("trust-apply", schema_for!(Vec<update::TrustUpdateReport>)),
        ]
    }
}
