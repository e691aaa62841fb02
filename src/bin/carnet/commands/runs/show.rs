//! `carnet runs show`: shows the record of a run.

use carnet::runs::Ledger;
use clap::Args;

use super::StateArgs;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::commands::station;
use crate::exit;

/// Show the record of a run
#[derive(Args)]
#[command(after_help = "Example:\n  carnet runs show 20261126T120000Z-0000-mirror --json")]
pub(super) struct Show {
    /// The name of the run
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    state: StateArgs,
}

impl Show {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let record = Ledger::record(&self.state.state, &self.run)?;
        context.screen.answer(&record, || station::text(&record));
        Ok(exit::DONE)
    }
}
