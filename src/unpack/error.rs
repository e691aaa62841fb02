//! Why a bundle is not unpacked.

use crate::arrival::BlobError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Diagnose, Failure};
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
    fn code(&self) -> &'static str {
        match self {
            UnpackError::Blob(error) => error.code(),
            UnpackError::Artifact(error) => error.code(),
            UnpackError::System(_) => "system",
            UnpackError::Interrupted => "interrupted",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            UnpackError::Blob(error) => error.failure(),
            UnpackError::Artifact(error) => error.failure(),
            UnpackError::System(_) => Failure::Failed,
            UnpackError::Interrupted => Failure::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            UnpackError::Blob(error) => error.hint(),
            UnpackError::Artifact(error) => error.hint(),
            UnpackError::Interrupted => {
                Some("run the same command again; nothing half-written was left".to_owned())
            }
            UnpackError::System(_) => None,
        }
    }
}
