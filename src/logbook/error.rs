//! Errors of the memory of streams.

use std::io;

use crate::chain::ChainError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};

/// An error of the memory of streams.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogbookError {
    /// A file of the state folder cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation that failed, e.g. `read` or `write`.
        what: &'static str,
        /// The path of the file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Another process uses the stream.
    #[error("another process uses the stream: it holds the lock {path}")]
    Busy {
        /// The path of the lock.
        path: String,
    },
    /// The memory is not what was written.
    #[error("the memory of streams is damaged: {path}: {problem}")]
    Damaged {
        /// The path of the file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The memory has as many lines as it may have.
    #[error("{path} has {lines} lines, as many as a memory of streams may have")]
    Full {
        /// The path of the file.
        path: String,
        /// The limit.
        lines: u64,
    },
    /// There is no higher number.
    #[error("the stream {channel} has used up its numbers: {number} is the highest")]
    NoNumber {
        /// The stream.
        channel: String,
        /// The highest number.
        number: u64,
    },
    /// A memory that is carried in would forget something.
    #[error(
        "{path} would take the memory of streams back: it lacks line {line} of {lines} that is remembered here"
    )]
    Backwards {
        /// The file that was carried in.
        path: String,
        /// The first line that it lacks.
        line: u64,
        /// How many lines are remembered here.
        lines: u64,
    },
}

impl From<ChainError> for LogbookError {
    fn from(error: ChainError) -> LogbookError {
        match error {
            ChainError::Io { what, path, source } => LogbookError::Io { what, path, source },
            ChainError::Busy { path } => LogbookError::Busy { path },
            ChainError::Damaged { path, problem } => LogbookError::Damaged { path, problem },
        }
    }
}

impl Diagnose for LogbookError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            LogbookError::Io { source, .. } => Code::FileUnusable.with(Advice::of_io(source)),
            LogbookError::Busy { .. } => Code::StateBusy.into(),
            LogbookError::Damaged { .. } => Code::StreamsDamaged.into(),
            LogbookError::Full { .. } | LogbookError::NoNumber { .. } => Code::StreamsFull.into(),
            LogbookError::Backwards { .. } => Code::StreamsBackwards.into(),
        }
    }
}
