//! Errors of reshaping.

use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::verbs::pack::PackError;

/// An error that stops reshaping.
#[derive(Debug, thiserror::Error)]
pub enum ReshapeError {
    /// The new bundle cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Two bundles were packed with options that do not fit together.
    #[error("bundles {first} and {second} cannot be merged: they differ in {what}")]
    Differ {
        /// The name and id of the first bundle.
        first: String,
        /// The name and id of the second bundle.
        second: String,
        /// What they differ in.
        what: &'static str,
    },
}

impl Diagnose for ReshapeError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            ReshapeError::Pack(error) => error.diagnosis(),
            ReshapeError::Differ { .. } => Code::BundlesDiffer.into(),
        }
    }
}
