//! A line of the memory (docs/streams.md, "The file").

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Channel, StreamVerdict};
use crate::format::limits::SEQUENCE_MAX;
use crate::format::{BundleName, Sum, Timestamp};

/// Maximum size of a line in bytes.
pub(super) const LINE_BYTES_MAX: usize = 4096;

/// Maximum length of a reason in bytes.
pub const REASON_BYTES_MAX: usize = 1000;

/// What a line records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A number was taken for a bundle that will be sealed.
    Taken {
        /// The stream.
        channel: Channel,
        /// The number.
        sequence: u64,
        /// The id of the bundle.
        bundle: Sum,
        /// The id of the bundle before it, which the bundle names.
        previous: Option<Sum>,
        /// The name of the bundle.
        name: BundleName,
        /// What is packed: the same plan takes the same number again.
        plan: Sum,
    },
    /// A bundle was packed to its end.
    Sent {
        /// The stream.
        channel: Channel,
        /// The number of the bundle.
        sequence: u64,
        /// The id of the bundle.
        bundle: Sum,
    },
    /// A bundle was unpacked or imported.
    Accepted {
        /// The stream.
        channel: Channel,
        /// The number of the bundle.
        sequence: Option<u64>,
        /// The id of the bundle.
        bundle: Sum,
        /// The id of the bundle before it, as the bundle says.
        previous: Option<Sum>,
        /// The name of the bundle.
        name: BundleName,
        /// When its control chunk was sealed, as the packer says.
        created: Timestamp,
        /// The verdict at that time.
        verdict: StreamVerdict,
    },
    /// An operator lets a bundle pass, whatever the memory says, unless it is a fork.
    Permitted {
        /// The stream.
        channel: Channel,
        /// The id of the bundle.
        bundle: Sum,
        /// Why.
        reason: String,
    },
    /// An operator, or the records of a station, set the highest number.
    Set {
        /// The stream.
        channel: Channel,
        /// Which of its numbers.
        side: Side,
        /// The highest number from now on.
        sequence: u64,
        /// The id of the bundle with it.
        bundle: Option<Sum>,
        /// Why.
        reason: String,
    },
    /// An operator set the highest signed time.
    Clock {
        /// The highest signed time from now on.
        created: Timestamp,
        /// Why.
        reason: String,
    },
    /// The memory was replaced by one that does not continue it.
    Restored {
        /// The sum of the last line of the memory that was replaced.
        head: Sum,
        /// Why.
        reason: String,
    },
}

/// Which of the numbers of a stream are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those that were given out.
    Sent,
    /// Those that were accepted.
    Accepted,
    /// Both.
    Both,
}

impl Side {
    const ALL: [Side; 3] = [Side::Sent, Side::Accepted, Side::Both];

    /// The event of a line that sets them.
    const fn event(self) -> &'static str {
        match self {
            Side::Sent => "set-sent",
            Side::Accepted => "set-accepted",
            Side::Both => "set",
        }
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the line, from 1.
    pub seq: u64,
    /// The sum of the line before it; zeros for the first line.
    pub prev: Sum,
    /// When it was written.
    pub time: Timestamp,
    /// What it records.
    pub entry: Entry,
}

/// The members of a line, in their order.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    seq: u64,
    prev: String,
    time: String,
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<String>,
}

/// Reads the text of a member.
fn read<T: FromStr<Err = String>>(member: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|expected| format!("{member}: expected {expected}, found {text:?}"))
}

/// Reads a member that may be absent.
fn optional<T: FromStr<Err = String>>(member: &str, text: Option<&String>) -> Result<Option<T>, String> {
    text.map(|text| read(member, text)).transpose()
}

/// Reads a member that must be there.
fn required<T: FromStr<Err = String>>(member: &str, text: Option<&String>) -> Result<T, String> {
    optional(member, text)?.ok_or_else(|| format!("the member {member} is missing"))
}

impl Members {
    fn channel(&self) -> Result<Channel, String> {
        required("channel", self.channel.as_ref())
    }

    fn bundle(&self) -> Result<Sum, String> {
        required("bundle", self.bundle.as_ref())
    }

    fn number(&self) -> Result<Option<u64>, String> {
        match self.sequence {
            Some(number) if number > SEQUENCE_MAX => {
                Err(format!("sequence: expected at most {SEQUENCE_MAX}, found {number}"))
            }
            number => Ok(number),
        }
    }

    fn sequence(&self) -> Result<u64, String> {
        self.number()?.ok_or_else(|| "the member sequence is missing".to_owned())
    }

    fn reason(&self) -> Result<String, String> {
        match &self.reason {
            Some(reason) if reason.len() > REASON_BYTES_MAX => {
                Err(format!("reason: expected at most {REASON_BYTES_MAX} bytes, found {}", reason.len()))
            }
            Some(reason) => Ok(reason.clone()),
            None => Err("the member reason is missing".to_owned()),
        }
    }

    fn entry(&self) -> Result<Entry, String> {
        Ok(match self.event.as_str() {
            "taken" => Entry::Taken {
                channel: self.channel()?,
                sequence: self.sequence()?,
                bundle: self.bundle()?,
                previous: optional("previous", self.previous.as_ref())?,
                name: required("name", self.name.as_ref())?,
                plan: required("plan", self.plan.as_ref())?,
            },
            "sent" => {
                Entry::Sent { channel: self.channel()?, sequence: self.sequence()?, bundle: self.bundle()? }
            }
            "accepted" => Entry::Accepted {
                channel: self.channel()?,
                sequence: self.number()?,
                bundle: self.bundle()?,
                previous: optional("previous", self.previous.as_ref())?,
                name: required("name", self.name.as_ref())?,
                created: required("created", self.created.as_ref())?,
                verdict: required("verdict", self.verdict.as_ref())?,
            },
            "permitted" => {
                Entry::Permitted { channel: self.channel()?, bundle: self.bundle()?, reason: self.reason()? }
            }
            "clock" => {
                Entry::Clock { created: required("created", self.created.as_ref())?, reason: self.reason()? }
            }
            "restored" => {
                Entry::Restored { head: required("head", self.head.as_ref())?, reason: self.reason()? }
            }
            event => match Side::ALL.into_iter().find(|side| side.event() == event) {
                Some(side) => Entry::Set {
                    channel: self.channel()?,
                    side,
                    sequence: self.sequence()?,
                    bundle: optional("bundle", self.bundle.as_ref())?,
                    reason: self.reason()?,
                },
                None => return Err(format!("the event {event:?} is unknown")),
            },
        })
    }

    fn of(line: &Line) -> Members {
        let mut members = Members {
            seq: line.seq,
            prev: line.prev.to_string(),
            time: line.time.to_string(),
            ..Members::default()
        };
        let text = |sum: &Option<Sum>| sum.as_ref().map(Sum::to_string);
        let (event, channel) = match &line.entry {
            Entry::Taken { channel, sequence, bundle, previous, name, plan } => {
                (members.sequence, members.bundle) = (Some(*sequence), Some(bundle.to_string()));
                (members.previous, members.name) = (text(previous), Some(name.to_string()));
                members.plan = Some(plan.to_string());
                ("taken", Some(channel))
            }
            Entry::Sent { channel, sequence, bundle } => {
                (members.sequence, members.bundle) = (Some(*sequence), Some(bundle.to_string()));
                ("sent", Some(channel))
            }
            Entry::Accepted { channel, sequence, bundle, previous, name, created, verdict } => {
                (members.sequence, members.bundle) = (*sequence, Some(bundle.to_string()));
                (members.previous, members.name) = (text(previous), Some(name.to_string()));
                members.created = Some(created.to_string());
                members.verdict = Some(verdict.word().to_owned());
                ("accepted", Some(channel))
            }
            Entry::Permitted { channel, bundle, reason } => {
                (members.bundle, members.reason) = (Some(bundle.to_string()), Some(reason.clone()));
                ("permitted", Some(channel))
            }
            Entry::Set { channel, side, sequence, bundle, reason } => {
                (members.sequence, members.bundle) = (Some(*sequence), text(bundle));
                members.reason = Some(reason.clone());
                (side.event(), Some(channel))
            }
            Entry::Clock { created, reason } => {
                (members.created, members.reason) = (Some(created.to_string()), Some(reason.clone()));
                ("clock", None)
            }
            Entry::Restored { head, reason } => {
                (members.head, members.reason) = (Some(head.to_string()), Some(reason.clone()));
                ("restored", None)
            }
        };
        event.clone_into(&mut members.event);
        members.channel = channel.map(Channel::to_string);
        members
    }
}

impl Line {
    /// Parses a line, without its line feed. It must be exactly what would be written for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Line, String> {
        if text.len() > LINE_BYTES_MAX {
            return Err(format!("it has more than {LINE_BYTES_MAX} bytes"));
        }
        let members: Members = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let line = Line {
            seq: members.seq,
            prev: read("prev", &members.prev)?,
            time: read("time", &members.time)?,
            entry: members.entry()?,
        };
        if line.render() == text { Ok(line) } else { Err("it is not written as lines are".to_owned()) }
    }

    /// Returns the bytes of the line, without a line feed.
    pub fn render(&self) -> Vec<u8> {
        serde_json::to_vec(&Members::of(self)).expect("a line serialises")
    }
}
