//! `carnet stream accept`: records what an operator decided.

use carnet::format::limits::SEQUENCE_MAX;
use carnet::format::{Sum, Timestamp};
use carnet::logbook::{Channel, Entry, Logbook, Memory, MemoryReport, Side};
use clap::Args;

use super::{channel, reason};
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::state_args::StateArgs;

/// Record what you decided about a stream: its highest number, or a bundle that may pass
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("decision").args(["sequence", "bundle", "time"]).required(true).multiple(true)),
    after_help = "With --sequence, the next bundle must be newer than this number; use it before the first contact, after\n\
    the memory was lost, or after a jump that should not have been. With --bundle alone, this bundle may\npass once it \
    arrives, although it is older, jumps, or names another bundle before it. A fork never passes.\n\nExamples:\n  \
    carnet stream accept north --sequence 41 --reason 'first contact, told by phone' --state state\n  \
    carnet stream accept north --bundle c3d09ea29c363cadbf3949916ed499810d77b7f716c8c34d5f131822e24760b7 \\\n    \
    --reason 'wanted back' --state state\n  \
    carnet stream accept north --time 2026-11-27T00:00:00Z --reason 'the packer had a wrong clock' --state state"
)]
pub(super) struct Accept {
    /// The stream; for an import pipeline of a station, PIPELINE/STREAM
    #[arg(value_name = "STREAM", value_parser = channel)]
    stream: Channel,
    /// The highest number of the stream from now on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=SEQUENCE_MAX))]
    sequence: Option<u64>,
    /// The id of the bundle with that number; alone, of a bundle that may pass
    #[arg(long, value_name = "ID")]
    bundle: Option<Sum>,
    /// The highest signed time of all streams from now on
    #[arg(long, value_name = "TIME", conflicts_with_all = ["sequence", "bundle"])]
    time: Option<Timestamp>,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    #[command(flatten)]
    state: StateArgs,
}

impl Accept {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let logbook = Logbook::open(&self.state.folder())?;
        let workers = context.environment.workers;
        // No bundle is judged, and no number is given out, while this changes.
        let held = logbook.hold(&self.stream, &|| !workers.interrupted())?;
        let known = held.memory().channel(&self.stream);
        let (channel, reason) = (self.stream, self.reason);
        let entry = match (self.sequence, self.bundle, self.time) {
            (Some(sequence), bundle, _) => {
                let side = known.map_or(Side::Both, carnet::logbook::ChannelMemory::side);
                Entry::Set { channel, side, sequence, bundle, reason }
            }
            (None, Some(bundle), _) => Entry::Permitted { channel, bundle, reason },
            (None, None, Some(created)) => Entry::Clock { created, reason },
            (None, None, None) => unreachable!("one of them is required"),
        };
        logbook.note(entry, context.environment.clock.now())?;
        let memory: Memory = logbook.memory()?;
        let report = MemoryReport::of(&memory);
        context
            .screen
            .report(&report, || "recorded; `carnet stream show` shows what is remembered now\n".to_owned());
        Ok(exit::DONE)
    }
}
