//! `carnet man`: prints or writes manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;

/// Print the manual page, or write one page per command into a folder
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet man | man -l -\n  carnet man --to /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write carnet.1 and one page per command into DIR
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

impl Command for Man {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let program = crate::args::Args::command();
        if let Some(folder) = &self.to {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(program, folder))
                .map_err(|error| CommandError::file("write", folder, &error))?;
        } else {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page).map_err(CommandError::system)?;
            context.screen.bytes(&page);
        }
        Ok(exit::DONE)
    }
}
