//! The memory of streams: its options, and what the far side does with it before and after a bundle is used.

use std::path::PathBuf;
use std::time::Instant;

use carnet::arrival::{Arrivals, Bundle};
use carnet::clock::Clock;
use carnet::environment::Environment;
use carnet::format::statement::Crossing;
use carnet::format::{Sum, Timestamp};
use carnet::logbook::{
    Candidate, Held, Logbook, Memory, NotBefore, StreamRefused, StreamReport, StreamVerdict,
};
use carnet::trust::TrustPolicy;
use clap::Args;
use serde::Serialize;

use super::command_error::CommandError;
use super::screen::{Screen, say};

/// The options of the commands that use bundles.
#[derive(Args, Clone)]
pub(crate) struct MemoryArgs {
    /// Judge bundles by what DIR remembers of their streams, and remember there what was done
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Use a bundle although it is older than what was accepted of its stream
    #[arg(long, requires = "state")]
    pub(crate) allow_rollback: bool,
    #[command(flatten)]
    pub(crate) clock: ClockArgs,
}

/// The time, as an operator says it.
#[derive(Args, Clone)]
pub(crate) struct ClockArgs {
    /// The time now, e.g. 2026-11-27T12:00:00Z, for a machine without a clock
    #[arg(long = "clock", value_name = "TIME")]
    time: Option<Timestamp>,
}

/// A clock that was set when the program began.
struct SetClock {
    time: Timestamp,
    since: Instant,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.time.plus_seconds(self.since.elapsed().as_secs()).unwrap_or(self.time)
    }
}

impl ClockArgs {
    /// The clock that the operator set, if one did.
    pub(crate) fn clock(&self) -> Option<Box<dyn Clock>> {
        self.time.map(|time| Box::new(SetClock { time, since: Instant::now() }) as Box<dyn Clock>)
    }
}

/// What is remembered, and the clock, for the time of one command.
pub(crate) struct Recall {
    /// Whether there is a state folder.
    is_asked: bool,
    /// The memory opened for writing; absent in a dry run.
    logbook: Option<Logbook>,
    /// What is remembered; empty where it is read again under the lock.
    memory: Memory,
    latest: Option<Timestamp>,
    allow_rollback: bool,
    clock: Option<Box<dyn Clock>>,
}

impl MemoryArgs {
    /// Reads what is remembered. With `writes`, the state folder is created if it does not exist.
    pub(crate) fn recall(&self, writes: bool) -> Result<Recall, CommandError> {
        let (mut logbook, mut memory) = (None, Memory::default());
        if let Some(folder) = &self.state {
            if writes {
                logbook = Some(Logbook::open(folder)?);
            }
            memory = Memory::read(folder)?;
        }
        let latest = memory.latest();
        if writes {
            memory = Memory::default();
        }
        Ok(Recall {
            is_asked: self.state.is_some(),
            logbook,
            memory,
            latest,
            allow_rollback: self.allow_rollback,
            clock: self.clock.clock(),
        })
    }
}

impl Recall {
    /// Takes out what is remembered, to judge by it.
    pub(crate) fn take_memory(&mut self) -> Memory {
        std::mem::take(&mut self.memory)
    }

    /// The clock, held against the highest signed time. Says so if it is behind.
    pub(crate) fn clock<'a>(&'a self, clock: &'a dyn Clock) -> NotBefore<'a> {
        let clock = NotBefore::new(self.clock.as_deref().unwrap_or(clock), self.latest);
        if let Some((now, latest)) = clock.behind() {
            say(&format!(
                "warning: the clock is behind: it says {now}, but a bundle that was accepted here was signed at \
                 {latest}, so that time counts"
            ));
        }
        clock
    }

    /// Judges a bundle that will be used, and holds its stream until that is recorded. Without a state folder, or if the
    /// bundle is not released, there is nothing to judge.
    ///
    /// # Errors
    /// [`StreamRefused`], and if the memory cannot be used.
    pub(crate) fn judge(
        &self,
        bundle: &Bundle,
        others: &[Candidate],
        policy: &TrustPolicy,
        environment: &Environment<'_>,
    ) -> Result<Passage, CommandError> {
        let candidate = Candidate::of(bundle, policy).filter(|_| self.is_asked);
        let Some(candidate) = candidate else { return Ok(Passage::default()) };
        let goes_on = || !environment.workers.interrupted();
        let hold = |logbook: &Logbook| logbook.hold(&candidate.channel, &goes_on);
        let held = self.logbook.as_ref().map(hold).transpose()?;
        let memory = held.as_ref().map_or(&self.memory, Held::memory);
        let report = memory.judge(&candidate, others, self.allow_rollback);
        if let Some(report) = &report {
            if report.refused {
                let Candidate { bundle, crossing, .. } = candidate;
                return Err(StreamRefused { bundle, crossing, report: report.clone() }.into());
            }
            warn(&candidate.crossing, report);
        }
        let is_old = report.as_ref().is_some_and(StreamReport::is_old_replay) && !self.allow_rollback;
        Ok(Passage { report, is_old, candidate: Some(candidate), held })
    }
}

/// Says what an operator must know although the bundle is used.
pub(crate) fn warn(crossing: &Crossing, report: &StreamReport) {
    let is_told = match report.verdict {
        StreamVerdict::FirstContact | StreamVerdict::Gap => true,
        _ => report.permitted,
    };
    if is_told {
        say(&format!("warning[{}]: bundle {}: {}", report.verdict, crossing.name, report.sentence(crossing)));
    }
}

/// The bundles that arrived, as far as they can be judged.
pub(crate) fn candidates(arrivals: &Arrivals, policy: &TrustPolicy) -> Vec<Candidate> {
    arrivals.bundles.iter().filter_map(|bundle| Candidate::of(bundle, policy)).collect()
}

/// A bundle that may be used.
#[derive(Default)]
pub(crate) struct Passage {
    /// The verdict, if there is one.
    pub(crate) report: Option<StreamReport>,
    /// Whether it was used before, and newer ones since: there is nothing to do.
    pub(crate) is_old: bool,
    candidate: Option<Candidate>,
    /// Absent in a dry run.
    held: Option<Held>,
}

impl Passage {
    /// Records that the bundle was used.
    pub(crate) fn accept(&mut self, environment: &Environment<'_>) -> Result<(), CommandError> {
        if let (Some(held), Some(candidate)) = (&mut self.held, &self.candidate) {
            held.accept(candidate, self.report.as_ref(), environment.clock.now())?;
        }
        Ok(())
    }

    /// Whether there is nothing to do, because the bundle was used before, and newer ones since. Reports that.
    pub(crate) fn is_done(&self, screen: &Screen) -> bool {
        let (true, Some(candidate), Some(report)) = (self.is_old, &self.candidate, &self.report) else {
            return false;
        };
        let (bundle, crossing) = (candidate.bundle, candidate.crossing.clone());
        let skipped = SkippedReport { bundle, crossing, in_stream: report.clone() };
        screen.report(&skipped, || {
            let SkippedReport { crossing, in_stream, .. } = &skipped;
            format!("bundle {}: {}\nnothing is done\n", crossing.name, in_stream.sentence(crossing))
        });
        true
    }
}

/// The report on a bundle that was used before, and newer ones since: nothing was done.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct SkippedReport {
    /// The id of the bundle.
    bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    crossing: Crossing,
    /// The verdict on the bundle in its stream.
    in_stream: StreamReport,
}
