//! `carnet completions`

use clap::{Args, CommandFactory as _};

use crate::command::{Command, Context};
use crate::exit;
use crate::trouble::Trouble;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  carnet completions bash > /etc/bash_completion.d/carnet")]
pub(crate) struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Command for Completions {
    fn run(self, context: &Context<'_>) -> Result<u8, Trouble> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::args::Args::command(), "carnet", &mut script);
        context.screen.bytes(&script);
        Ok(exit::DONE)
    }
}
