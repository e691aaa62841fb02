//! `carnet runs delete`: deletes the record of a run; the chain says so.

use std::sync::Arc;

use carnet::runs::Ledger;
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::KeyArgs;
use crate::state_args::StateArgs;
use crate::world::SystemClock;

/// Delete the record of a run. What the run did stays, and a signed line says that the record was deleted
#[derive(Args)]
#[command(
    after_help = "Example:\n  carnet runs delete 20261126T120000Z-0000-mirror --key station.key.pem --reason 'a test'"
)]
pub(super) struct Delete {
    /// The name of the run
    #[arg(value_name = "RUN")]
    run: String,
    /// Why it is deleted
    #[arg(long, value_name = "TEXT", default_value = "deleted by hand")]
    reason: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    state: StateArgs,
}

impl Delete {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let key = self.key.load(context)?;
        let ledger = Ledger::open(&self.state.folder(), key, Arc::new(SystemClock))?;
        ledger.delete(&self.run, &self.reason)?;
        Ok(exit::DONE)
    }
}
