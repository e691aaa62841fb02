//! What happens while a verb works. The library tells; the binary shows it.

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// So many bytes will be moved, in all.
    Started {
        /// What is done: `pack`, `verify`, …
        verb: &'static str,
        /// Bytes to be moved.
        bytes: u64,
    },
    /// So many more bytes were moved.
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
        /// Its file, escaped.
        file: String,
        /// Whether it was there from an earlier run.
        kept: bool,
    },
    /// Something that the operator should know and that is no failure.
    Note {
        /// A sentence.
        text: String,
    },
    /// The moving is over, well or not.
    Ended,
}

/// Is told what happens; from any thread, so it should be quick.
pub trait Observer: Send + Sync {
    /// Takes note.
    fn on(&self, event: Event);
}

/// Takes no note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _: Event) {}
}
