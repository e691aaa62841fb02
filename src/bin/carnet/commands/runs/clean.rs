//! `carnet runs clean`: deletes the records of all failed runs.

use std::sync::Arc;

use carnet::runs::{Ledger, RunRecord, RunStatus};
use carnet::trust::KeyPlace;
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::{KeyAccess, key_place};
use crate::state_args::StateArgs;
use crate::world::SystemClock;

/// Delete the records of all failed runs
#[derive(Args)]
#[command(after_help = "Example:\n  carnet runs clean --key station.key.pem --dry-run")]
pub(super) struct Clean {
    /// Print the runs; delete nothing
    #[arg(long)]
    dry_run: bool,
    /// The private key to sign with: a file, ssh-agent:COMMENT, ssh-agent:FINGERPRINT, or pkcs11:… for a token
    #[arg(long, value_name = "KEY", required_unless_present = "dry_run", value_parser = key_place())]
    key: Option<KeyPlace>,
    #[command(flatten)]
    key_access: KeyAccess,
    #[command(flatten)]
    state: StateArgs,
}

impl Clean {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let is_failed = |record: &RunRecord| record.status == RunStatus::Failed;
        let failed = Ledger::newest(&self.state.folder(), usize::MAX, &is_failed)?;
        if let Some(key) = self.key.as_ref().filter(|_| !self.dry_run) {
            let key = self.key_access.load(key, context)?;
            let ledger = Ledger::open(&self.state.folder(), key, Arc::new(SystemClock))?;
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
