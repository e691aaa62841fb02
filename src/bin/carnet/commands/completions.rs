//! `carnet completions`: prints shell completions.

use clap::{Args, CommandFactory as _};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  carnet completions bash > /etc/bash_completion.d/carnet")]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Command for Completions {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::args::Args::command(), "carnet", &mut script);
        context.screen.bytes(&script);
        Ok(exit::DONE)
    }
}
