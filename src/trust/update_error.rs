//! Errors of changes of trust files.

use super::policy_error::PolicyError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::Sum;
use crate::format::error::FormatError;

/// A trust file cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The bytes are no update, or they were changed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The new trust file is not valid.
    #[error("the new trust file cannot be used: {0}")]
    Policy(#[source] PolicyError),
    /// The new trust file names a file of a key, which does not travel with it.
    #[error("the key of {holder:?} is in a public-key-file, which does not travel with the trust file")]
    NamesFile {
        /// The holder of the key.
        holder: String,
    },
    /// A trust file has no roots.
    #[error("the {which} trust file has no root-threshold, so no signed update can replace it")]
    NoRoots {
        /// Which of the two: `old` or `new`.
        which: &'static str,
    },
    /// The update is for another trust file.
    #[error(
        "the update makes number {is} of the trust file {previous}; here is number {was}{}",
        there.map(|sum| format!(", {sum}")).unwrap_or_default()
    )]
    Other {
        /// The number of the new file.
        is: u64,
        /// The sum of the file that the update is for.
        previous: Sum,
        /// The number of the file that is there.
        was: u64,
        /// The sum of the file that is there.
        there: Option<Sum>,
    },
}

impl Diagnose for UpdateError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            UpdateError::Format(_) => Code::TrustUpdateMalformed.into(),
            UpdateError::Policy(error) => error.diagnosis(),
            UpdateError::NamesFile { .. } => Code::TrustNamesFile.into(),
            UpdateError::NoRoots { .. } => Code::TrustNoRoots.into(),
            UpdateError::Other { .. } => Code::TrustUpdateOther.into(),
        }
    }
}
