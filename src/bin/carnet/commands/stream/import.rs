//! `carnet stream import`: takes over a copy of what another machine remembered.

use std::path::PathBuf;

use carnet::logbook::{Logbook, import};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::reason;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain_path;
use crate::state_args::StateArgs;
use carnet::diagnosis::count;

/// Take over a copy that `carnet stream export` wrote
///
/// It must go on from what is remembered here. With --allow-rollback it need not; what was remembered here is then kept in
/// a file beside it.
#[derive(Args)]
#[command(after_help = "Examples:\n  carnet stream import streams.copy --state state\n  \
    carnet stream import streams.copy --state state --allow-rollback --reason 'the disk was damaged'")]
pub(super) struct Import {
    /// The copy
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take it over although it lacks something that is remembered here
    #[arg(long, requires = "reason")]
    allow_rollback: bool,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "allow_rollback", value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    state: StateArgs,
}

/// The report of `stream import`.
#[derive(Serialize, JsonSchema)]
pub(super) struct ImportedReport {
    /// How many lines there are now.
    lines: u64,
    /// How many of them are new here.
    new: u64,
    /// Where the memory is that was replaced, if it was not continued.
    replaced: Option<String>,
}

impl Import {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let logbook = Logbook::open(&self.state.folder())?;
        let now = context.environment.clock.now();
        let carried = import(&logbook, &self.file, self.reason.as_deref(), now)?;
        let replaced = carried.replaced.as_deref();
        let report = ImportedReport {
            lines: carried.lines,
            new: carried.new,
            replaced: replaced.map(|path| path.display().to_string()),
        };
        context.screen.report(&report, || {
            let mut out =
                format!("{} remembered, {} new\n", count(report.lines, "line", "lines"), report.new);
            if let Some(path) = replaced {
                out += &format!("what was remembered before is in {}\n", plain_path(path));
            }
            out
        });
        Ok(exit::DONE)
    }
}
