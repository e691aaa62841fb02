//! Why a bundle is not unpacked.

use crate::arrival::BlobError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::stream::pump::Halted;

/// Why a bundle is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A blob cannot be had from the chunk files.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The target failed.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
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
            UnpackError::System(_) => Code::System.into(),
            UnpackError::Interrupted => Code::Interrupted.into(),
        }
    }
}
