//! `carnet stream export`: writes a copy of what is remembered.

use std::path::PathBuf;

use carnet::diagnosis::count;
use carnet::logbook::{export, export_to};
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain_path;
use crate::screen::say;
use crate::state_args::StateArgs;

/// Write a copy of what is remembered, for another machine or a safe
#[derive(Args)]
#[command(after_help = "Example:\n  carnet stream export streams.copy --state state")]
pub(super) struct Export {
    /// The file to write [default: stdout]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    state: StateArgs,
}

impl Export {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let folder = self.state.folder();
        if let Some(file) = &self.file {
            let lines = export_to(&folder, file)?;
            if !context.screen.quiet {
                say(&format!("{} written to {}", count(lines, "line", "lines"), plain_path(file)));
            }
        } else {
            let mut bytes = Vec::new();
            export(&folder, &mut bytes)?;
            context.screen.bytes(&bytes);
        }
        Ok(exit::DONE)
    }
}
