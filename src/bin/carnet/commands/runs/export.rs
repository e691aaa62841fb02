//! `carnet runs export`: prints all records, for spreadsheets and for the other side.

use carnet::runs::{Ledger, csv_text, run_rows};
use clap::{Args, ValueEnum};

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain_lines;
use crate::screen::say;
use crate::state_args::StateArgs;

/// Print all records, the oldest first: for spreadsheets, and for `carnet runs reconcile`
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet runs export --format csv > runs.csv\n  \
    carnet runs export --format json > low.json")]
pub(super) struct Export {
    /// The form: a table with one line for each run, or the records themselves
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    state: StateArgs,
}

/// The form of exported records.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Export {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut unreadable = None;
        let mut tell = |error: &carnet::runs::RunsError| {
            say(&format!("warning: passed over: {error}"));
            unreadable = Some(exit::DAMAGED);
        };
        let mut records = Ledger::newest_telling(&self.state.folder(), usize::MAX, &|_| true, &mut tell)?;
        records.reverse();
        match self.format {
            Format::Json => context.screen.document(&records),
            Format::Csv => context.screen.answer(&records, || plain_lines(&csv_text(&run_rows(&records)))),
        }
        Ok(unreadable.unwrap_or(exit::DONE))
    }
}
