//! Errors of chains and locks.

use std::io;
use std::path::Path;

/// An error of a chain or a lock.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation that failed, e.g. `read` or `write`.
        what: &'static str,
        /// The path of the file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Something that only one may do at a time is under way.
    #[error("another process holds the lock {path}")]
    Busy {
        /// The path of the lock.
        path: String,
    },
    /// A line is not what was written.
    #[error("{path}: {problem}")]
    Damaged {
        /// The path of the file.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

impl ChainError {
    /// An error of the system.
    pub fn io(what: &'static str, path: &Path, source: io::Error) -> ChainError {
        ChainError::Io { what, path: path.display().to_string(), source }
    }

    /// An error in the content of a file.
    pub fn damaged(path: &Path, problem: impl Into<String>) -> ChainError {
        ChainError::Damaged { path: path.display().to_string(), problem: problem.into() }
    }
}
