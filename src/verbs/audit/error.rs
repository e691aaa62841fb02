//! Why an audit reached no result.

use crate::advisories::AdvisoryError;
use crate::arrival::OpenError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// An audit reached no result. What is wrong with the content is no error: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The chunk files cannot be opened, or the audit was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A source cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// An advisory database cannot be used.
    #[error("advisory database {0}")]
    Advisories(#[from] AdvisoryError),
}

impl AuditError {
    /// The audit was interrupted.
    pub(super) fn interrupted() -> AuditError {
        OpenError::Interrupted.into()
    }
}

impl Diagnose for AuditError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            AuditError::Open(error) => error.diagnosis(),
            AuditError::Artifact(error) => error.diagnosis(),
            AuditError::Advisories(_) => Code::AdvisoriesUnusable.into(),
        }
    }
}
