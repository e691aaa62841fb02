//! Appends to the memory, under locks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::head::Head;
use super::line::{LINE_BYTES_MAX, Line, REASON_BYTES_MAX};
use super::memory::{FILE, LINES_MAX};
use super::sent::Assigned;
use super::{Candidate, Channel, Entry, LogbookError, Memory, Numbers, Side, StreamReport, StreamVerdict};
use crate::chain::{Chain, ChainError, HeldLock};
use crate::clock::Clock;
use crate::format::statement::Crossing;
use crate::format::{BundleName, Label, Sum, Timestamp};

/// The folder with the locks, which the records of runs share.
const LOCKS: &str = "locks";

/// The lock that is held while lines are appended.
const LOCK: &str = "streams";

/// The memory of streams in a state folder, opened for writing.
#[derive(Clone, Debug)]
pub struct Logbook {
    folder: PathBuf,
}

impl Logbook {
    /// Opens the memory in a state folder, which is created if it does not exist.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn open(folder: &Path) -> Result<Logbook, LogbookError> {
        let locks = folder.join(LOCKS);
        fs::create_dir_all(&locks).map_err(|source| ChainError::io("make folder", &locks, source))?;
        Ok(Logbook { folder: folder.to_owned() })
    }

    /// Reads what is remembered.
    ///
    /// # Errors
    /// As [`Memory::read`].
    pub fn memory(&self) -> Result<Memory, LogbookError> {
        Memory::read(&self.folder)
    }

    /// Holds a stream, so that no other process gives out its numbers or accepts its bundles. Waits for others as long as
    /// `goes_on` says so.
    ///
    /// # Errors
    /// [`LogbookError::Busy`] if waiting was ended, and as [`Memory::read`].
    pub fn hold(&self, channel: &Channel, goes_on: &dyn Fn() -> bool) -> Result<Held, LogbookError> {
        let path = self.folder.join(LOCKS).join(channel.lock_name());
        let lock = HeldLock::wait(&path, goes_on)?;
        Ok(Held {
            logbook: self.clone(),
            channel: channel.clone(),
            memory: self.settled()?,
            lock: Some(lock),
        })
    }

    /// Reads what is remembered, and names the last line in its file, if a crash kept the program from that.
    fn settled(&self) -> Result<Memory, LogbookError> {
        let memory = self.memory()?;
        if !memory.is_ahead {
            return Ok(memory);
        }
        let _lock = self.lock()?;
        let memory = self.memory()?;
        if let Some(sum) = memory.head().filter(|_| memory.is_ahead) {
            Head { seq: memory.lines(), sum }.write(&self.folder)?;
        }
        Ok(memory)
    }

    /// Appends what an operator decided.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note(&self, entry: Entry, now: Timestamp) -> Result<(), LogbookError> {
        self.memory()?;
        self.append(entry, now)
    }

    /// The lock under which lines are appended and files are replaced.
    pub(super) fn lock(&self) -> Result<HeldLock, LogbookError> {
        Ok(HeldLock::wait(&self.folder.join(LOCKS).join(LOCK), &|| true)?)
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn append(&self, entry: Entry, now: Timestamp) -> Result<(), LogbookError> {
        let _lock = self.lock()?;
        let path = self.folder.join(FILE);
        let number = |line: &[u8]| Line::parse(line).map(|line| line.seq);
        let mut chain = Chain::open(&path, LINE_BYTES_MAX, &number)?;
        if chain.number() >= LINES_MAX {
            return Err(LogbookError::Full { path: path.display().to_string(), lines: LINES_MAX });
        }
        if Head::read(&self.folder)?.is_some_and(|head| head.seq > chain.number()) {
            let problem = format!("{} names a line that is not there", Head::FILE);
            return Err(ChainError::damaged(&path, problem).into());
        }
        let prev = chain.head().parse().expect("the sum of a line is a sum");
        chain.append(Line { seq: chain.number() + 1, prev, time: now, entry }.render())?;
        let sum = chain.head().parse().expect("the sum of a line is a sum");
        Head { seq: chain.number(), sum }.write(&self.folder)
    }
}

/// A stream that is held.
pub struct Held {
    logbook: Logbook,
    channel: Channel,
    memory: Memory,
    /// Absent if the stream is only looked at.
    lock: Option<HeldLock>,
}

impl Held {
    /// Looks at a stream without holding it, and writes nothing: what is recorded is lost.
    ///
    /// # Errors
    /// As [`Memory::read`].
    pub fn looking(folder: &Path, channel: &Channel) -> Result<Held, LogbookError> {
        let logbook = Logbook { folder: folder.to_owned() };
        Ok(Held { memory: logbook.memory()?, logbook, channel: channel.clone(), lock: None })
    }

    /// What is remembered.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Appends a line, and takes it up.
    fn note(&mut self, entry: &Entry, now: Timestamp) -> Result<(), LogbookError> {
        if self.lock.is_some() {
            self.logbook.append(entry.clone(), now)?;
        }
        self.memory.apply(entry, now);
        Ok(())
    }

    /// Records that a bundle was used, after it was. What adds nothing to the memory leaves no line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn accept(
        &mut self,
        candidate: &Candidate,
        report: Option<&StreamReport>,
        now: Timestamp,
    ) -> Result<(), LogbookError> {
        let verdict = match report {
            Some(report) if report.verdict == StreamVerdict::Replay && report.latest => return Ok(()),
            Some(report) => report.verdict,
            // Without a stream, only the time counts.
            None if self.memory.latest() >= Some(candidate.created) => return Ok(()),
            None => StreamVerdict::New,
        };
        self.note(&candidate.accepted(verdict), now)
    }

    /// Raises the highest number that was given out, or accepted, to one that other records know. Returns whether it was
    /// lower.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn raise(
        &mut self,
        side: Side,
        number: u64,
        bundle: Option<Sum>,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, LogbookError> {
        let known = self.memory.channel(&self.channel).and_then(|channel| match side {
            Side::Sent => channel.highest_sent(),
            Side::Accepted => channel.highest_accepted(),
            Side::Both => channel.highest_sent().max(channel.highest_accepted()),
        });
        if known.is_some_and(|known| known >= number) {
            return Ok(false);
        }
        debug_assert!(reason.len() <= REASON_BYTES_MAX, "a reason is a name of a run in a sentence");
        let reason = reason.to_owned();
        let channel = self.channel.clone();
        self.note(&Entry::Set { channel, side, sequence: number, bundle, reason }, now)?;
        Ok(true)
    }
}

/// How a bundle is named.
#[derive(Clone, Debug)]
pub enum Naming {
    /// Always alike.
    Fixed(BundleName),
    /// By this and the number.
    Numbered(BundleName),
}

/// Gives out the numbers of a stream that is held.
pub struct Numbering<'a> {
    held: Mutex<Held>,
    clock: &'a dyn Clock,
    naming: Naming,
    label: Option<Label>,
    /// Whether the last bundle, packed again, takes the same number again.
    sent_again: bool,
}

impl<'a> Numbering<'a> {
    /// Gives out the numbers of `held`.
    pub fn new(
        held: Held,
        clock: &'a dyn Clock,
        naming: Naming,
        label: Option<Label>,
        sent_again: bool,
    ) -> Numbering<'a> {
        Numbering { held: Mutex::new(held), clock, naming, label, sent_again }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        // Every line is taken up as a whole, even if a thread panicked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbers for Numbering<'_> {
    fn assign(&self, plan: &Sum) -> Result<Assigned, LogbookError> {
        let held = self.held();
        let channel = &held.channel;
        let label = self.label.as_ref().map_or("-", Label::as_str);
        // Two names for one content are two bundles, and must not have one number.
        let name = match &self.naming {
            Naming::Fixed(name) => format!("name {name}"),
            Naming::Numbered(begin) => format!("begin {begin}"),
        };
        let plan = Sum::of(format!("{plan}\n{name}\n{label}\n").as_bytes());
        let empty = super::ChannelMemory::default();
        let sent = &held.memory.channel(channel).unwrap_or(&empty).sent;
        let numbered = sent.next(&plan, self.sent_again);
        let no_number = || LogbookError::NoNumber {
            channel: channel.to_string(),
            number: sent.highest().unwrap_or_default(),
        };
        let numbered = numbered.ok_or_else(no_number)?;
        let name = match &self.naming {
            Naming::Fixed(name) => name.clone(),
            Naming::Numbered(begin) => {
                format!("{begin}{:06}", numbered.number).parse().map_err(|_| no_number())?
            }
        };
        let stream = channel.stream.clone();
        let crossing = Crossing {
            name,
            sequence: stream.is_some().then_some(numbered.number),
            previous: numbered.previous.filter(|_| stream.is_some()),
            stream,
            label: self.label.clone(),
        };
        Ok(Assigned { number: numbered.number, crossing, plan, previous: numbered.previous })
    }

    fn take(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError> {
        let mut held = self.held();
        let known = held.memory.channel(&held.channel);
        match known.and_then(|channel| channel.sent.taken_for(assigned.number)) {
            Some(taken) if taken == *bundle => return Ok(()),
            Some(taken) => {
                let path = held.logbook.folder.join(FILE);
                let problem = format!("number {} was taken for the bundle {taken}", assigned.number);
                return Err(ChainError::damaged(&path, problem).into());
            }
            None => {}
        }
        let entry = Entry::Taken {
            channel: held.channel.clone(),
            sequence: assigned.number,
            bundle: *bundle,
            previous: assigned.previous,
            name: assigned.crossing.name.clone(),
            plan: assigned.plan,
        };
        held.note(&entry, self.clock.now())
    }

    fn sent(&self, assigned: &Assigned, bundle: &Sum) -> Result<(), LogbookError> {
        let mut held = self.held();
        let known = held.memory.channel(&held.channel);
        if known.is_some_and(|channel| channel.sent.is_sent(assigned.number, bundle)) {
            return Ok(());
        }
        let channel = held.channel.clone();
        let entry = Entry::Sent { channel, sequence: assigned.number, bundle: *bundle };
        held.note(&entry, self.clock.now())
    }
}
