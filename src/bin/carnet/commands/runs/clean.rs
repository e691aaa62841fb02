//! `carnet runs clean`: deletes the records of all failed runs.

use std::sync::Arc;

use carnet::runs::{Ledger, RunRecord, RunStatus};
use clap::Args;

use super::StateArgs;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::KeyArgs;
use crate::world::SystemClock;

/// Delete the records of all failed runs
#[derive(Args)]
#[command(after_help = "Example:\n  carnet runs clean --key station.key.pem --dry-run")]
pub(super) struct Clean {
    /// Print the runs; delete nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    state: StateArgs,
}

impl Clean {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let is_failed = |record: &RunRecord| record.status == RunStatus::Failed;
        let failed = Ledger::newest(&self.state.state, usize::MAX, &is_failed)?;
        if !self.dry_run {
            let key = Arc::new(self.key.load(context.screen)?);
            let ledger = Ledger::open(&self.state.state, key, Arc::new(SystemClock))?;
            for record in &failed {
                ledger.delete(&record.name, "cleaned: the run had failed")?;
            }
        }
        context.screen.report(&failed, || {
            let verb = if self.dry_run { "would delete" } else { "deleted" };
            failed.iter().map(|record| format!("{verb} {}\n", record.name)).collect()
        });
        Ok(exit::DONE)
    }
}
