//! What is remembered of streams: which numbers were given out on the low side, and which bundles were accepted on the far
//! side. From it follow the verdicts on a stream (docs/format.md, "Verdicts on a stream").
//!
//! A state folder holds one file of chained lines ([`crate::chain`]), `streams.jsonl`, and a small file with the number and
//! the sum of its last line. [`Memory`] is what the lines say; [`Logbook`] appends to them under a lock.
//! docs/streams.md describes the files.

mod accepted;
mod book;
mod candidate;
mod carry;
mod channel;
mod error;
mod head;
mod judge;
mod line;
mod memory;
mod not_before;
mod ranges;
mod sent;
mod show;
mod verdict;

pub use error::LogbookError;
pub use ranges::NumberRange;
pub use verdict::{StreamRefused, StreamReport, StreamVerdict};

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    book::{Held, Logbook, Naming, Numbering},
    candidate::Candidate,
    carry::{Carried, export, export_to, import},
    channel::Channel,
    judge::judge_all,
    line::{Entry, Line, REASON_BYTES_MAX, Side},
    memory::{ChannelMemory, Memory},
    not_before::NotBefore,
    sent::{Assigned, Numbers},
    show::{ChannelReport, MemoryReport, NumberReport},
};
