//! Verdicts on a stream (docs/format.md, "Verdicts on a stream").

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::NumberRange;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::Sum;
use crate::format::lines::or_dash;
use crate::format::statement::Crossing;

/// Where a bundle stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StreamVerdict {
    /// It follows what was accepted.
    New,
    /// It was accepted before.
    Replay,
    /// It is newer than what was accepted, and bundles between are missing.
    Gap,
    /// Nothing is remembered of the stream, so it cannot be compared with anything.
    FirstContact,
    /// It has no number, although bundles of the stream have one.
    Unnumbered,
    /// Its number is further above the highest one than the trust file allows the key.
    Jump,
    /// It is older than what was accepted.
    Rollback,
    /// It names another bundle before it than the one that was accepted.
    OtherPrevious,
    /// Another bundle has its number.
    Fork,
}

impl StreamVerdict {
    /// All verdicts.
    pub const ALL: [StreamVerdict; 9] = [
        StreamVerdict::New,
        StreamVerdict::Replay,
        StreamVerdict::Gap,
        StreamVerdict::FirstContact,
        StreamVerdict::Unnumbered,
        StreamVerdict::Jump,
        StreamVerdict::Rollback,
        StreamVerdict::OtherPrevious,
        StreamVerdict::Fork,
    ];

    /// Returns the word in files and reports.
    pub const fn word(self) -> &'static str {
        match self {
            StreamVerdict::New => "new",
            StreamVerdict::Replay => "replay",
            StreamVerdict::Gap => "gap",
            StreamVerdict::FirstContact => "first-contact",
            StreamVerdict::Unnumbered => "unnumbered",
            StreamVerdict::Jump => "jump",
            StreamVerdict::Rollback => "rollback",
            StreamVerdict::OtherPrevious => "other-previous",
            StreamVerdict::Fork => "fork",
        }
    }
}

impl fmt::Display for StreamVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for StreamVerdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = StreamVerdict::ALL.into_iter().find(|verdict| verdict.word() == text);
        found.ok_or_else(|| "a verdict on a stream, e.g. new".to_owned())
    }
}

/// The verdict on a bundle in its stream, and what it follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct StreamReport {
    /// The verdict.
    pub verdict: StreamVerdict,
    /// Whether the bundle may not be used for it.
    pub refused: bool,
    /// Whether an operator lets it pass.
    pub permitted: bool,
    /// The highest number that was accepted before.
    pub highest: Option<u64>,
    /// Whether it is the bundle with the highest number, or a newer one.
    pub latest: bool,
    /// The other bundle: the one that has the number, or the one that was accepted before it.
    pub other: Option<Sum>,
    /// The numbers of bundles that were not accepted.
    pub missing: Vec<NumberRange>,
    /// How far above the highest number it may be, if it is further.
    pub jump_max: Option<u64>,
}

impl StreamReport {
    /// Whether the bundle was used before, and newer ones since: using it again would go backwards.
    pub fn is_old_replay(&self) -> bool {
        self.verdict == StreamVerdict::Replay && !self.latest
    }

    /// Says the verdict in a sentence without a full stop. `crossing` is that of the bundle.
    pub fn sentence(&self, crossing: &Crossing) -> String {
        let (stream, number) = (or_dash(crossing.stream.as_ref()), or_dash(crossing.sequence.as_ref()));
        let (highest, other) = (or_dash(self.highest.as_ref()), or_dash(self.other.as_ref()));
        let permitted = if self.permitted { "; an operator lets it pass" } else { "" };
        let text = match self.verdict {
            StreamVerdict::New => format!("new in the stream {stream}, number {number}"),
            StreamVerdict::Replay if self.latest => {
                format!("a replay: this bundle, number {number} of the stream {stream}, was accepted before")
            }
            StreamVerdict::Replay => format!(
                "a replay: this bundle, number {number} of the stream {stream}, was accepted before, and newer ones \
                 since, up to number {highest}"
            ),
            StreamVerdict::Gap => format!(
                "new in the stream {stream}, number {number}; never accepted: {}",
                NumberRange::list(&self.missing)
            ),
            StreamVerdict::FirstContact => format!(
                "FIRST CONTACT with the stream {stream}: nothing is remembered of it, so whether number {number} is \
                 old, repeated or forked cannot be told"
            ),
            StreamVerdict::Unnumbered => {
                format!("without a number, although bundles of the stream {stream} have one, up to {highest}")
            }
            StreamVerdict::Jump => format!(
                "number {number} of the stream {stream} is further above {highest}, the highest number accepted, than \
                 the {} that the trust file allows its key",
                or_dash(self.jump_max.as_ref())
            ),
            StreamVerdict::Rollback => format!(
                "not newer than what was accepted: number {number} of the stream {stream}, and number {highest} was accepted"
            ),
            StreamVerdict::OtherPrevious => format!(
                "number {number} of the stream {stream} names another bundle before it ({}) than was accepted ({other})",
                or_dash(crossing.previous.as_ref())
            ),
            StreamVerdict::Fork => {
                format!("a FORK of the stream {stream}: number {number} is also that of the bundle {other}")
            }
        };
        text + permitted
    }

    /// The code of the reason for which the bundle is refused.
    pub fn code(&self) -> Option<Code> {
        if !self.refused {
            return None;
        }
        match self.verdict {
            StreamVerdict::Fork => Some(Code::StreamForked),
            StreamVerdict::OtherPrevious => Some(Code::StreamPrevious),
            StreamVerdict::Rollback => Some(Code::StreamRollback),
            StreamVerdict::Jump => Some(Code::StreamJump),
            StreamVerdict::Unnumbered => Some(Code::StreamUnnumbered),
            StreamVerdict::New | StreamVerdict::Replay | StreamVerdict::Gap | StreamVerdict::FirstContact => {
                None
            }
        }
    }
}

/// A bundle is refused because of what is remembered of its stream.
#[derive(Clone, Debug, thiserror::Error)]
#[error("bundle {} ({bundle}): {}", crossing.name, report.sentence(crossing))]
pub struct StreamRefused {
    /// The id of the bundle.
    pub bundle: Sum,
    /// Its name, stream and number.
    pub crossing: Crossing,
    /// The verdict.
    pub report: StreamReport,
}

impl Diagnose for StreamRefused {
    fn diagnosis(&self) -> Diagnosis {
        self.report.code().unwrap_or(Code::StreamRollback).into()
    }
}
