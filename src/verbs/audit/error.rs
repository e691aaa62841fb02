//! Why an audit reached no result.

use crate::advisories::AdvisoryError;
use crate::arrival::OpenError;
use crate::artifacts::ArtifactError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::rulebook::RegoError;
use crate::verbs::forecast::ForecastError;

/// An audit reached no result. What is wrong with the content is no error: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The chunk files cannot be opened, or the audit was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A source cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// What was asked for is not there, or cannot be read.
    #[error("{0}")]
    Absent(String),
    /// The chunk files cannot be counted as the guard counts them.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// An advisory database cannot be used.
    #[error("advisory database {0}")]
    Advisories(#[from] AdvisoryError),
    /// A policy in Rego says nothing.
    #[error("policy {name}: {problem}")]
    Policy {
        /// The file of the policy.
        name: String,
        /// Why.
        problem: RegoError,
    },
}

impl AuditError {
    /// What was asked for is not there, or cannot be read.
    pub(super) fn absent(why: String) -> AuditError {
        AuditError::Absent(why)
    }

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
            AuditError::Forecast(error) => error.diagnosis(),
            AuditError::Absent(_) => Code::NotInContent.into(),
            AuditError::Policy { .. } => Code::PolicyFailed.into(),
            AuditError::Advisories(_) => Code::AdvisoriesUnusable.into(),
        }
    }
}
