//! What one step of a decoder gives.

use std::io::Error;

use super::error::InflateError;

/// What a decoder did.
pub(super) enum Step {
    /// It wrote so many bytes, at least one.
    Wrote(usize),
    /// The last member or frame is complete.
    Ended,
}

/// Why a decoder stopped.
pub(super) enum Failure {
    /// The source cannot be read.
    Source(Error),
    /// The stream is bad.
    Stream(InflateError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Source(error)
    }
}

impl From<InflateError> for Failure {
    fn from(error: InflateError) -> Self {
        Failure::Stream(error)
    }
}
