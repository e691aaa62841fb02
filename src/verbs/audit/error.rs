//! Why an audit reached no result.

use crate::arrival::OpenError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Diagnose, Diagnosis};
use crate::stream::pump::Halted;

/// An audit reached no result. What is wrong with the content is no error: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The chunk files cannot be opened, or the audit was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A source cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl From<Halted> for AuditError {
    fn from(halted: Halted) -> AuditError {
        OpenError::from(halted).into()
    }
}

impl Diagnose for AuditError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            AuditError::Open(error) => error.diagnosis(),
            AuditError::Artifact(error) => error.diagnosis(),
        }
    }
}
