//! What an operator needs beside an error's message: a stable code, what kind of failure it is, and
//! what to do next.

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

/// An error that can be acted on.
pub trait Diagnose: std::error::Error {
    /// A stable kebab-case word for scripts, as `blob-mismatch`.
    fn code(&self) -> &'static str;

    /// What kind of failure this is.
    fn failure(&self) -> Failure {
        Failure::Failed
    }

    /// The next step, a sentence for the operator; it is not part of the message.
    fn hint(&self) -> Option<String> {
        None
    }
}
