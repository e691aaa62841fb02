//! What is remembered, as a report.

use serde::Serialize;

use super::{Channel, Memory, NumberRange};
use crate::format::{Sum, Timestamp};

/// The highest number of a stream.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NumberReport {
    /// The number; absent if the bundles of the stream have none.
    pub number: Option<u64>,
    /// The id of the bundle, if it is known.
    pub bundle: Option<Sum>,
    /// When something was last recorded of it; absent if an operator set it.
    pub time: Option<Timestamp>,
}

/// What is remembered of a stream.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChannelReport {
    /// The stream; in the memory of a station that imports, PIPELINE/STREAM.
    pub stream: Channel,
    /// The last bundle that was packed to its end; absent if none was packed here.
    pub sent: Option<NumberReport>,
    /// The highest number that was given out, if its bundle was not packed to its end.
    pub open: Option<u64>,
    /// Numbers that were given out, and whose bundles were not packed to their end.
    pub given_up: Vec<NumberRange>,
    /// The highest number that was accepted; absent if no bundle was accepted here.
    pub accepted: Option<NumberReport>,
    /// The numbers of bundles that were not accepted, although newer ones were.
    pub missing: Vec<NumberRange>,
}

/// What is remembered of all streams.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MemoryReport {
    /// The number of lines.
    pub lines: u64,
    /// The sum of the last line. Noted elsewhere, it shows later whether the line is still there.
    pub head: Option<Sum>,
    /// The highest signed time of a bundle that was accepted.
    pub highest_signed_time: Option<Timestamp>,
    /// The streams, by name.
    pub streams: Vec<ChannelReport>,
}

impl MemoryReport {
    /// Reports what is remembered.
    pub fn of(memory: &Memory) -> MemoryReport {
        let streams = memory.channels.iter().filter(|(channel, _)| {
            // Bundles without a stream count for the highest signed time only.
            channel.stream.is_some() || memory.channels[*channel].sent.is_known()
        });
        let streams = streams.map(|(channel, known)| {
            let last = known.sent.last();
            let sent = last.map(|(number, bundle)| NumberReport {
                number: Some(number),
                bundle,
                time: known.times.0,
            });
            let highest = known.accepted.highest();
            let accepted = known.accepted.is_known().then(|| NumberReport {
                number: highest,
                bundle: highest
                    .and_then(|highest| known.accepted.with(highest))
                    .and_then(|known| known.bundle),
                time: known.times.1,
            });
            let open = known.sent.highest().filter(|highest| last.is_none_or(|(last, _)| last < *highest));
            ChannelReport {
                stream: channel.clone(),
                sent,
                open,
                given_up: known.sent.given_up(),
                accepted,
                missing: known.accepted.missing(),
            }
        });
        MemoryReport {
            lines: memory.lines(),
            head: memory.head(),
            highest_signed_time: memory.latest(),
            streams: streams.collect(),
        }
    }
}
