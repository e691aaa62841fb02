//! Errors of unpacking.

use crate::arrival::BlobError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::stream::pump::Halted;
use crate::verbs::report::BaseMissing;

/// An error that stops unpacking.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// A blob cannot be read from the chunk files.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The target cannot be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The target lacks what the delta leaves out.
    #[error(transparent)]
    BaseMissing(#[from] BaseMissing),
    /// The system is out of memory or threads.
    #[error("out of memory or threads: {0}")]
    System(std::io::Error),
    /// The operation was interrupted by a signal.
    #[error("interrupted")]
    Interrupted,
}

impl From<Halted> for UnpackError {
    fn from(halted: Halted) -> UnpackError {
        match halted {
            Halted::System(source) => UnpackError::System(source),
            Halted::Interrupted => UnpackError::Interrupted,
        }
    }
}

impl Diagnose for UnpackError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            UnpackError::Blob(error) => error.diagnosis(),
            UnpackError::Artifact(error) => error.diagnosis(),
            UnpackError::BaseMissing(error) => error.diagnosis(),
            UnpackError::System(_) => Code::System.into(),
            UnpackError::Interrupted => Code::Interrupted.into(),
        }
    }
}
