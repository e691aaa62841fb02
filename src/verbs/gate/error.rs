//! Why content was not judged.

use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::small_file::SmallFileError;
use crate::trust::cargo::CargoKeyError;
use crate::verbs::audit::AuditError;

/// A file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        error: SmallFileError,
    },
    /// What is in it cannot be used.
    #[error("{path}: {problem}")]
    Unusable {
        /// Its path.
        path: String,
        /// What is wrong.
        problem: String,
        /// The code for files of its kind.
        code: Code,
    },
    /// A key or certificate for signatures in the cargo.
    #[error(transparent)]
    Key(#[from] CargoKeyError),
    /// The rules of the program itself.
    #[error("{0}")]
    Builtin(String),
}

impl Diagnose for RuleFileError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            RuleFileError::Unreadable { error, .. } => Code::FileUnusable.with(error.advice()),
            RuleFileError::Unusable { code, .. } => (*code).into(),
            RuleFileError::Key(error) => error.diagnosis(),
            RuleFileError::Builtin(_) => Code::System.into(),
        }
    }
}

/// There is no judgement.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The audit reached no result.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The content is damaged or not whole. It is not judged, and would not move either.
    #[error("{text}")]
    Damaged {
        /// The code for such damage.
        code: Code,
        /// What was found.
        text: String,
    },
}

impl Diagnose for GateError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            GateError::Audit(error) => error.diagnosis(),
            GateError::Damaged { code, .. } => (*code).into(),
        }
    }
}
