//! `carnet trust import`: prints the keys of a list of `ssh-keygen` as tables for a trust file.

use std::path::PathBuf;

use carnet::diagnosis::{Code, Diagnose as _};
use carnet::small_file::SmallFile;
use carnet::trust::AllowedSigners;
use clap::Args;

use super::RoleWord;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::{plain, plain_path};
use crate::screen::say;

/// Maximum size of a list, in bytes. A trust file has the same limit.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// Print the keys of an `allowed_signers` file of ssh-keygen as [[keys]] of a trust file
#[derive(Args)]
#[command(after_help = "Example:\n  carnet trust import allowed_signers --role releaser >> trust.toml")]
pub(super) struct Import {
    /// The list; - for stdin
    #[arg(value_name = "FILE")]
    list: PathBuf,
    /// What the keys may do
    #[arg(long, value_name = "ROLE", required = true, value_delimiter = ',')]
    role: Vec<RoleWord>,
}

impl Import {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let failed = |error| CommandError::small_file(&self.list, &error);
        let file = if self.list.as_os_str() == "-" {
            SmallFile::read_stream(std::io::stdin(), LIST_BYTES_MAX)
        } else {
            SmallFile::read_once(&self.list, LIST_BYTES_MAX)
        };
        let file = file.map_err(failed)?;
        let found = AllowedSigners::parse(file.text().map_err(failed)?).map_err(|error| {
            let message = format!("{}, {}", plain_path(&self.list), plain(&error.to_string()));
            CommandError::new(error.diagnosis().code, message)
        })?;
        for passed_over in &found.passed_over {
            say(&format!("warning: line {} is not imported: {}", passed_over.line, passed_over.reason));
        }
        if found.keys.is_empty() {
            let message = format!("{} has no key that a trust file can have", plain_path(&self.list));
            return Err(CommandError::new(Code::SignerListEmpty, message));
        }
        let roles = RoleWord::roles(&self.role);
        context.screen.answer(&found, || found.to_toml(&roles));
        Ok(exit::DONE)
    }
}
