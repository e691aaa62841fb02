//! What happens during a run. The library reports it; the program shows it.

use schemars::JsonSchema;
use serde::Serialize;

/// One run of one verb. A service runs several at once and tells their events apart by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Unique among the runs of one observer.
    pub id: RunId,
    /// The verb that runs.
    pub verb: Verb,
}

/// Identifies a run. The caller chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verb {
    /// Packs artifacts into a bundle.
    Pack,
    /// Adds a release signature to a bundle.
    Sign,
    /// Checks a bundle.
    Verify,
    /// Lists the chunks to send again.
    Missing,
    /// Shows what a bundle holds.
    Inspect,
    /// Unpacks a bundle into a layout or an archive.
    Unpack,
    /// Pushes a bundle into a registry.
    Import,
    /// Computes sums of chunk files.
    Sums,
}

/// A part of a run that moves bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Blobs are packed into chunks.
    Pack,
    /// Chunk files are summed.
    Sums,
    /// Chunk files are hashed and compared.
    Verify,
    /// Blobs are written to the target.
    Unpack,
    /// Blobs are pushed into a registry.
    Import,
}

impl Phase {
    /// The word for it in progress lines.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Pack => "pack",
            Phase::Sums => "sums",
            Phase::Verify => "verify",
            Phase::Unpack => "unpack",
            Phase::Import => "import",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A phase begins.
    Started {
        /// Which.
        phase: Phase,
        /// Bytes that it will move.
        bytes: u64,
    },
    /// More bytes were moved.
    Moved {
        /// Bytes since the last such event of this worker.
        bytes: u64,
    },
    /// A chunk is finished, durable and under its name.
    ChunkFinished {
        /// Its number.
        number: u32,
        /// The highest number.
        last: u32,
        /// Its file.
        file: String,
        /// Whether it was there from an earlier run.
        kept: bool,
    },
    /// Something that the operator should know and that is no failure.
    Note {
        /// A sentence.
        text: String,
    },
    /// The phase is over, successful or not.
    Ended,
}

/// Receives events; from any thread, so it should be quick.
pub trait Observer: Send + Sync {
    /// Receives an event of a run. Returns nothing, so it cannot fail.
    fn on(&self, run: Run, event: Event);
}

/// Passes the events of one run to its observer.
#[derive(Clone, Copy)]
pub struct Monitor<'a>(Option<(&'a dyn Observer, Run)>);

impl<'a> Monitor<'a> {
    /// For the events of `run`.
    pub const fn new(observer: &'a dyn Observer, run: Run) -> Monitor<'a> {
        Monitor(Some((observer, run)))
    }

    /// Passes nothing on.
    pub const fn silent() -> Monitor<'static> {
        Monitor(None)
    }

    /// Does `work` as a phase that moves this many bytes: the events tell when it begins and ends.
    pub fn phase<T>(self, phase: Phase, bytes: u64, work: impl FnOnce() -> T) -> T {
        self.tell(Event::Started { phase, bytes });
        let done = work();
        self.tell(Event::Ended);
        done
    }

    /// Passes an event on.
    pub fn tell(self, event: Event) {
        if let Some((observer, run)) = self.0 {
            observer.on(run, event);
        }
    }
}
