//! Events of a run: the library reports them, and the program shows them.

use serde::Serialize;

/// One run of one verb. A service that runs several at once distinguishes their events by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Unique among the runs of one observer.
    pub id: RunId,
    /// The verb of this run.
    pub verb: Verb,
}

/// Identifies a run. The caller chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// The operation that a run performs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verb {
    /// Packs artifacts into a bundle.
    Pack,
    /// Adds a release signature to a bundle.
    Sign,
    /// Verifies the signatures and the content of a bundle.
    Verify,
    /// Lists the chunks to send again.
    Missing,
    /// Lists the contents of a bundle.
    Inspect,
    /// Unpacks a bundle into a layout or an archive.
    Unpack,
    /// Pushes a bundle into a registry.
    Import,
    /// Computes checksums of chunk files.
    Sums,
    /// Looks into the content of a bundle or source.
    Audit,
    /// Counts what a guard will count.
    Guard,
    /// Copies the chunks that are to be sent again.
    Resend,
    /// Makes parity files for a bundle.
    Parity,
    /// Writes lost and damaged chunks again.
    Repair,
    /// Makes a new bundle of verified ones.
    Reshape,
}

/// A part of a run that moves bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Blobs are packed into chunks.
    Pack,
    /// Checksums of chunk files are computed.
    Sums,
    /// Chunk files are hashed and compared.
    Verify,
    /// Layers are looked into.
    Audit,
    /// Chunk files are counted as a guard counts them.
    Guard,
    /// Blobs are written to the target.
    Unpack,
    /// Blobs are pushed into a registry.
    Import,
    /// Chunk files are copied.
    Resend,
    /// Parity is computed.
    Parity,
    /// Chunks are computed from parity.
    Repair,
}

impl Phase {
    /// Returns the name of the phase for progress lines.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Pack => "pack",
            Phase::Sums => "sums",
            Phase::Verify => "verify",
            Phase::Audit => "audit",
            Phase::Guard => "guard",
            Phase::Unpack => "unpack",
            Phase::Import => "import",
            Phase::Resend => "resend",
            Phase::Parity => "parity",
            Phase::Repair => "repair",
        }
    }
}

/// An event of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A phase begins.
    Started {
        /// The phase that begins.
        phase: Phase,
        /// The number of bytes that the phase will move.
        bytes: u64,
    },
    /// More bytes were moved.
    Moved {
        /// The number of bytes since the previous event of this worker.
        bytes: u64,
    },
    /// A chunk is finished: durable and visible under its name.
    ChunkFinished {
        /// The number of the chunk.
        number: u32,
        /// The highest chunk number of the bundle.
        last: u32,
        /// The name of the chunk file.
        file: String,
        /// Whether the chunk was kept from an earlier run.
        kept: bool,
    },
    /// Information for the operator that is not an error.
    Note {
        /// The text of the note, one sentence.
        text: String,
    },
    /// The phase has ended, successfully or not.
    Ended,
}

/// Receives events. Any thread may call it, so it should return quickly.
pub trait Observer: Send + Sync {
    /// Receives an event of a run. It cannot fail.
    fn on(&self, run: Run, event: Event);
}

/// Passes the events of one run to its observer.
#[derive(Clone, Copy)]
pub struct Monitor<'a>(Option<(&'a dyn Observer, Run)>);

impl<'a> Monitor<'a> {
    /// Creates a monitor that passes the events of `run` to `observer`.
    pub const fn new(observer: &'a dyn Observer, run: Run) -> Monitor<'a> {
        Monitor(Some((observer, run)))
    }

    /// Creates a monitor that discards all events.
    pub const fn silent() -> Monitor<'static> {
        Monitor(None)
    }

    /// Runs `work` as a phase that moves this many bytes, and reports when it begins and ends.
    pub fn phase<T>(self, phase: Phase, bytes: u64, work: impl FnOnce() -> T) -> T {
        self.tell(Event::Started { phase, bytes });
        let done = work();
        self.tell(Event::Ended);
        done
    }

    /// Passes an event to the observer.
    pub fn tell(self, event: Event) {
        if let Some((observer, run)) = self.0 {
            observer.on(run, event);
        }
    }
}
