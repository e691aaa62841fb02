//! What an operator needs beside an error's message: a stable code, what kind of failure it is, and
//! what changes the next step.
//!
//! - `code`: the table of all codes. A code has one exit class and one meaning, wherever it comes from.
//! - `advice`: circumstances that change the next step beyond what the code says.
//!
//! The words of the next step, with commands and options in them, are the program's: a library does not know
//! how it is called.

mod advice;
mod code;
mod count;

pub use advice::Advice;
pub use code::Code;
pub use count::count;

/// What kind of failure; each has an exit code of its own (docs/cli.md, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// It could not be done: a file, a disk, a missing artifact.
    Failed,
    /// It was asked for in a way that makes no sense.
    Usage,
    /// A signature, a role, a stream or a release is missing or wrong.
    Untrusted,
    /// Bytes are damaged, missing or malformed.
    Damaged,
    /// A signal ended it.
    Interrupted,
}

/// What an error is called, and what beside that decides the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The code.
    pub code: Code,
    /// The circumstance, where there is one.
    pub advice: Option<Advice>,
}

impl From<Code> for Diagnosis {
    fn from(code: Code) -> Diagnosis {
        Diagnosis { code, advice: None }
    }
}

/// An error that can be acted on.
pub trait Diagnose: std::error::Error {
    /// Its code, and the circumstances.
    fn diagnosis(&self) -> Diagnosis;

    /// The code alone.
    fn code(&self) -> Code {
        self.diagnosis().code
    }

    /// What kind of failure this is.
    fn failure(&self) -> Failure {
        self.code().failure()
    }
}
