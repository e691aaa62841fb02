//! What an operator needs besides an error message: a stable code, the kind of failure, and advice on the next
//! step.
//!
//! - `code`: the table of all codes. A code has one exit class and one meaning, whichever verb reports it.
//! - `advice`: circumstances that change the next step beyond what the code implies.
//!
//! The program holds the text of the next step, because it names commands and options that the library does not
//! know.

mod advice;
mod code;
mod count;

pub use advice::Advice;
pub use code::Code;

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use count::count;

/// The kind of a failure. Each kind has its own exit code (docs/cli.md, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The operation failed, for example because of a file, a disk or a missing artifact.
    Failed,
    /// The request is invalid.
    Usage,
    /// A signature, role, stream or release is missing or wrong.
    Untrusted,
    /// Bytes are damaged, missing or malformed.
    Damaged,
    /// A policy forbids it.
    Denied,
    /// A signal interrupted the run.
    Interrupted,
}

/// The code of an error, and the circumstance that decides the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The stable code of the error.
    pub code: Code,
    /// The circumstance that changes the next step, if there is one.
    pub advice: Option<Advice>,
}

impl From<Code> for Diagnosis {
    fn from(code: Code) -> Diagnosis {
        Diagnosis { code, advice: None }
    }
}

/// An error with a code, and advice for the operator.
pub trait Diagnose: std::error::Error {
    /// Returns the code and the circumstance.
    fn diagnosis(&self) -> Diagnosis;

    /// Returns only the code.
    fn code(&self) -> Code {
        self.diagnosis().code
    }

    /// Returns the kind of failure.
    fn failure(&self) -> Failure {
        self.code().failure()
    }
}
