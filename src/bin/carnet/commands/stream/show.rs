//! `carnet stream show`: what is remembered of each stream.

use carnet::logbook::{Channel, Memory, MemoryReport, NumberRange, NumberReport};
use clap::Args;

use super::channel;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::state_args::StateArgs;
use crate::tables::table;

/// Show the highest number of each stream that was sent and accepted, and which are missing
#[derive(Args)]
#[command(
    after_help = "SENT is the last number whose bundle was packed to its end, OPEN one that was taken since, GIVEN_UP \
    are\nnumbers whose bundles were never finished; ACCEPTED is the highest number that was unpacked or\nimported, and \
    MISSING are numbers below it that were not.\n\nExample:\n  carnet stream show north --state state"
)]
pub(super) struct Show {
    /// Show only this stream
    #[arg(value_name = "STREAM", value_parser = channel)]
    stream: Option<Channel>,
    #[command(flatten)]
    state: StateArgs,
}

impl Show {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut report = MemoryReport::of(&Memory::read(&self.state.folder())?);
        if let Some(stream) = &self.stream {
            report.streams.retain(|found| found.stream == *stream);
        }
        context.screen.answer(&report, || text(&report));
        Ok(exit::DONE)
    }
}

fn text(report: &MemoryReport) -> String {
    let number = |number: &Option<NumberReport>| match number {
        Some(NumberReport { number: Some(number), .. }) => number.to_string(),
        Some(NumberReport { number: None, .. }) => "without a number".to_owned(),
        None => "-".to_owned(),
    };
    let time = |number: &Option<NumberReport>| {
        let time = number.as_ref().and_then(|number| number.time);
        time.map_or_else(|| "-".to_owned(), |time| time.to_string())
    };
    let list = |ranges: &[NumberRange]| match ranges {
        [] => "-".to_owned(),
        ranges => NumberRange::list(ranges),
    };
    let rows = report.streams.iter().map(|stream| {
        vec![
            stream.stream.to_string(),
            number(&stream.sent),
            stream.open.map_or_else(|| "-".to_owned(), |open| open.to_string()),
            list(&stream.given_up),
            number(&stream.accepted),
            time(&stream.accepted),
            list(&stream.missing),
        ]
    });
    let header = ["STREAM", "SENT", "OPEN", "GIVEN_UP", "ACCEPTED", "ACCEPTED_AT", "MISSING"];
    let mut out = if report.streams.is_empty() {
        "nothing is remembered of any stream\n".to_owned()
    } else {
        table(&header, &[], rows.collect())
    };
    if let Some(time) = report.highest_signed_time {
        out += &format!("highest signed time {time}\n");
    }
    out
}
