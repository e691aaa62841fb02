//! `carnet stream verify`: checks that no line was changed, removed or moved.

use carnet::diagnosis::count;
use carnet::format::Sum;
use carnet::logbook::{LogbookError, Memory, MemoryReport};
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::state_args::StateArgs;

/// Check that nothing that is remembered was changed, removed or moved
#[derive(Args)]
#[command(
    after_help = "Note the head that it prints elsewhere: with --expect it shows later whether an older copy of the \
    whole\nfolder was put back.\n\nExample:\n  carnet stream verify --state state"
)]
pub(super) struct Verify {
    /// A head that was printed before; it must still be there
    #[arg(long, value_name = "DIGEST", value_parser = sum)]
    expect: Option<Sum>,
    #[command(flatten)]
    state: StateArgs,
}

fn sum(text: &str) -> Result<Sum, String> {
    text.parse().map_err(|expected| format!("expected {expected}"))
}

impl Verify {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let folder = self.state.folder();
        let memory = Memory::read(&folder)?;
        if let Some(head) = self.expect
            && !Memory::has_line(&folder, &head)?
        {
            let problem =
                format!("no line has the sum {head}: its end was cut off, or an older copy was put there");
            return Err(LogbookError::Damaged { path: folder.display().to_string(), problem }.into());
        }
        let report = MemoryReport::of(&memory);
        context.screen.answer(&report, || {
            let head = report.head.map_or_else(|| "-".to_owned(), |head| head.to_string());
            let streams = count(report.streams.len() as u64, "stream", "streams");
            format!("lines   {}, chained, about {streams}\nhead    {head}\n", report.lines)
        });
        Ok(exit::DONE)
    }
}
