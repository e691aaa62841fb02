//! Why a key or certificate for signatures in the cargo cannot be used.

use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// A file of a key or of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct CargoKeyError {
    /// The file, as it was given.
    pub(super) file: String,
    /// What is wrong, as a sentence without its full stop.
    pub(super) problem: String,
}

impl CargoKeyError {
    pub(super) fn new(file: &str, problem: impl Into<String>) -> CargoKeyError {
        CargoKeyError { file: file.to_owned(), problem: problem.into() }
    }
}

impl Diagnose for CargoKeyError {
    fn diagnosis(&self) -> Diagnosis {
        Code::SignatureKeyUnusable.into()
    }
}
