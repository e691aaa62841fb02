//! `carnet runs list`: lists runs, the newest first.

use carnet::runs::{Ledger, RunRecord, RunStatus, RunsError};
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::screen::say;
use crate::state_args::StateArgs;
use crate::tables::table;

/// List runs, the newest first
#[derive(Args)]
#[command(after_help = "Example:\n  carnet runs list --pipeline mirror --status failed --top 10")]
pub(super) struct List {
    /// List at most this many
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    top: u64,
    /// List only runs of this pipeline
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// List only runs in this state
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    #[command(flatten)]
    state: StateArgs,
}

impl List {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let keep = |record: &RunRecord| {
            self.pipeline.as_ref().is_none_or(|name| record.pipeline == *name)
                && self.status.is_none_or(|status| record.status == status)
        };
        let most = usize::try_from(self.top).unwrap_or(usize::MAX);
        let mut tell = |error: &RunsError| say(&format!("warning: passed over: {error}"));
        let records = Ledger::newest_telling(&self.state.folder(), most, &keep, &mut tell)?;
        context.screen.answer(&records, || {
            let row = |record: &RunRecord| {
                vec![
                    record.name.clone(),
                    record.pipeline.clone(),
                    record.start_time.clone(),
                    record.status.word().to_owned(),
                    record.pipeline_run_error_message.clone().unwrap_or_default(),
                ]
            };
            let header = ["NAME", "PIPELINE", "START_TIME", "STATUS", "ERROR_MESSAGE"];
            table(&header, &[], records.iter().map(row).collect())
        });
        Ok(exit::DONE)
    }
}

/// A state of a run, in upper or lower case.
fn status(text: &str) -> Result<RunStatus, String> {
    use RunStatus::{Failed, Interrupted, Running, Skipped, Succeeded};
    let all = [Running, Succeeded, Failed, Skipped, Interrupted];
    let found = all.into_iter().find(|status| status.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "expected Running, Succeeded, Failed, Skipped or Interrupted".to_owned())
}
