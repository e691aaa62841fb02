//! What the lines say.

use std::collections::BTreeMap;
use std::path::Path;

use super::accepted::AcceptedNumbers;
use super::head::Head;
use super::line::{LINE_BYTES_MAX, Line, Side};
use super::sent::SentNumbers;
use super::{Channel, Entry, LogbookError};
use crate::chain::{ChainError, Lines};
use crate::format::{Sum, Timestamp};

/// The file with the lines.
pub(super) const FILE: &str = "streams.jsonl";

/// Maximum number of lines: one every ten minutes for almost ten years. What is remembered of them needs 160 MiB.
pub(super) const LINES_MAX: u64 = 500_000;

/// What is remembered of a stream.
#[derive(Clone, Debug, Default)]
pub struct ChannelMemory {
    pub(super) sent: SentNumbers,
    pub(super) accepted: AcceptedNumbers,
    /// When the last number was taken, and when the last bundle was accepted.
    pub(super) times: (Option<Timestamp>, Option<Timestamp>),
}

/// What is remembered of all streams.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub(super) channels: BTreeMap<Channel, ChannelMemory>,
    /// The highest signed time.
    latest: Option<Timestamp>,
    /// The number and the sum of the last line.
    head: (u64, Option<Sum>),
    /// Whether the file beside the lines names an earlier one: a crash came between.
    pub(super) is_ahead: bool,
}

impl Memory {
    /// Reads the memory in a state folder. One that does not exist remembers nothing. Needs no lock.
    ///
    /// # Errors
    /// [`LogbookError::Damaged`] if a line is not what was written, or lines are gone.
    pub fn read(folder: &Path) -> Result<Memory, LogbookError> {
        // While a memory is replaced, its two files do not fit each other for a moment.
        Memory::read_once(folder).or_else(|_| Memory::read_once(folder))
    }

    fn read_once(folder: &Path) -> Result<Memory, LogbookError> {
        let path = folder.join(FILE);
        let damaged = |problem: String| LogbookError::from(ChainError::damaged(&path, problem));
        // The head is written after its line, so it is read before.
        let head = Head::read(folder)?;
        let mut at_head = None;
        let mut memory = Memory::of_lines(&path, &mut |seq, sum| {
            if head.is_some_and(|head| head.seq == seq) {
                at_head = Some(sum);
            }
        })?;
        let lines = memory.head.0;
        memory.is_ahead = head.map_or(0, |head| head.seq) < lines;
        match head {
            None if lines > 1 => Err(damaged(format!("{} beside it is missing", Head::FILE))),
            Some(head) if head.seq > lines => Err(damaged(format!(
                "it has {lines} lines, and {} names line {}: its end was cut off, or an older copy was put there",
                Head::FILE,
                head.seq
            ))),
            Some(head) if at_head != Some(head.sum) => {
                let problem = format!("line {} is not the one that {} names", head.seq, Head::FILE);
                Err(damaged(problem))
            }
            None | Some(_) => Ok(memory),
        }
    }

    /// Whether a line of the memory in a state folder has this sum.
    ///
    /// # Errors
    /// As [`Memory::read`].
    pub fn has_line(folder: &Path, sum: &Sum) -> Result<bool, LogbookError> {
        let mut is_there = false;
        Memory::of_lines(&folder.join(FILE), &mut |_, found| is_there |= found == *sum)?;
        Ok(is_there)
    }

    /// Reads a file of lines. `each` is told the number and the sum of each line.
    pub(super) fn of_lines(path: &Path, each: &mut dyn FnMut(u64, Sum)) -> Result<Memory, LogbookError> {
        let mut memory = Memory::default();
        for text in Lines::open(path, LINE_BYTES_MAX)? {
            let text = text?;
            let seq = memory.head.0 + 1;
            let damaged = |problem: String| {
                LogbookError::from(ChainError::damaged(path, format!("line {seq}: {problem}")))
            };
            let line = Line::parse(&text).map_err(damaged)?;
            if line.seq != seq || line.prev != memory.head.1.unwrap_or(Sum([0; 32])) {
                return Err(damaged("it does not follow the line before it".to_owned()));
            }
            if seq > LINES_MAX {
                return Err(LogbookError::Full { path: path.display().to_string(), lines: LINES_MAX });
            }
            let sum = Sum::of(&text);
            memory.apply(&line.entry, line.time);
            memory.head = (seq, Some(sum));
            each(seq, sum);
        }
        Ok(memory)
    }

    /// Takes up what a line says.
    pub(super) fn apply(&mut self, entry: &Entry, time: Timestamp) {
        match entry {
            Entry::Taken { channel, sequence, bundle, previous, plan, .. } => {
                let channel = self.channels.entry(channel.clone()).or_default();
                channel.sent.take(*sequence, *bundle, *previous, *plan);
                channel.times.0 = Some(time);
            }
            Entry::Sent { channel, sequence, bundle } => {
                self.channels.entry(channel.clone()).or_default().sent.send(*sequence, bundle);
            }
            Entry::Accepted { channel, sequence, bundle, previous, created, .. } => {
                self.latest = self.latest.max(Some(*created));
                let channel = self.channels.entry(channel.clone()).or_default();
                channel.accepted.accept(*sequence, *bundle, *previous);
                channel.times.1 = Some(time);
            }
            Entry::Permitted { channel, bundle, .. } => {
                self.channels.entry(channel.clone()).or_default().accepted.permit(*bundle);
            }
            Entry::Set { channel, side, sequence, bundle, .. } => {
                let channel = self.channels.entry(channel.clone()).or_default();
                if *side != Side::Accepted {
                    channel.sent.set(*sequence, *bundle);
                }
                if *side != Side::Sent {
                    channel.accepted.set(*sequence, *bundle);
                }
            }
            Entry::Clock { created, .. } => self.latest = Some(*created),
            Entry::Restored { .. } => {}
        }
    }

    /// What is remembered of a stream.
    pub fn channel(&self, channel: &Channel) -> Option<&ChannelMemory> {
        self.channels.get(channel)
    }

    /// The highest signed time of a bundle that was accepted.
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// How many lines there are.
    pub fn lines(&self) -> u64 {
        self.head.0
    }

    /// The sum of the last line; absent if there is none.
    pub fn head(&self) -> Option<Sum> {
        self.head.1
    }
}

impl ChannelMemory {
    /// The numbers of which something is remembered.
    pub fn side(&self) -> Side {
        match (self.sent.is_known(), self.accepted.is_known()) {
            (true, false) => Side::Sent,
            (false, true) => Side::Accepted,
            _ => Side::Both,
        }
    }

    /// The highest number that was given out.
    pub fn highest_sent(&self) -> Option<u64> {
        self.sent.highest()
    }

    /// The highest number that was accepted.
    pub fn highest_accepted(&self) -> Option<u64> {
        self.accepted.highest()
    }
}
