//! Errors of run records.

use std::io;

use crate::chain::ChainError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::trust::SignerError;

/// An error of run records.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
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
    /// Something that only one may do at a time is under way.
    #[error("another process holds the lock {path}")]
    Busy {
        /// The path of the lock.
        path: String,
    },
    /// There is no run of this name.
    #[error("there is no run {name:?} in {path}")]
    NoSuchRun {
        /// The name of the run.
        name: String,
        /// The state folder.
        path: String,
    },
    /// Runs are named after their pipeline, in names of files.
    #[error(
        "the pipeline {name:?} needs a name of letters, digits, hyphens, underscores and dots, at most 100"
    )]
    PipelineName {
        /// The name of the pipeline.
        name: String,
    },
    /// A run that is not finished cannot be deleted.
    #[error("the run {name} is not finished")]
    StillRunning {
        /// The name of the run.
        name: String,
    },
    /// A record or a line of the chain is not what was written.
    #[error("{path}: {problem}")]
    Damaged {
        /// The path of the file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The station key cannot sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl From<ChainError> for RunsError {
    fn from(error: ChainError) -> RunsError {
        match error {
            ChainError::Io { what, path, source } => RunsError::Io { what, path, source },
            ChainError::Busy { path } => RunsError::Busy { path },
            ChainError::Damaged { path, problem } => RunsError::Damaged { path, problem },
        }
    }
}

impl Diagnose for RunsError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            RunsError::Io { source, .. } => Code::FileUnusable.with(Advice::of_io(source)),
            RunsError::Busy { .. } => Code::StateBusy.into(),
            RunsError::NoSuchRun { .. } => Code::NoSuchRun.into(),
            RunsError::PipelineName { .. } => Code::StationFile.into(),
            RunsError::StillRunning { .. } => Code::RunUnfinished.into(),
            RunsError::Damaged { .. } => Code::RunDamaged.into(),
            RunsError::Signer(error) => error.diagnosis(),
        }
    }
}
