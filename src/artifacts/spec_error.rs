//! The error of a text that is not a source or destination.

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};

/// A text is not a valid source or destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}")]
pub struct SpecError {
    /// The text that was given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    /// The syntax that was expected.
    syntax: Advice,
}

impl SpecError {
    /// The error for a `text` that does not have the expected `syntax`.
    pub(super) fn new(text: &str, problem: String, syntax: Advice) -> SpecError {
        SpecError { text: text.to_owned(), problem, syntax }
    }
}

impl Diagnose for SpecError {
    fn diagnosis(&self) -> Diagnosis {
        Code::BadPlace.with(self.syntax.clone())
    }
}
