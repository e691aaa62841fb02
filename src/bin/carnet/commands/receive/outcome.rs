//! What became of a bundle that is complete, and what the exit code tells of it.

use carnet::diagnosis::Code;

use crate::command_error::CommandError;
use crate::exit;

/// Why a bundle was not used.
pub(super) enum NotUsed {
    /// Chunks are damaged or still arriving: it waits for them.
    Waits,
    /// Anything else.
    Failed(CommandError),
}

impl<E: Into<CommandError>> From<E> for NotUsed {
    fn from(error: E) -> Self {
        NotUsed::Failed(error.into())
    }
}

/// Which of two ends is told by the exit code: a step that failed, then what is not trusted, then what is incomplete.
pub(super) fn graver(one: u8, other: u8) -> u8 {
    let rank = |code: u8| match code {
        exit::DONE => 0,
        exit::DAMAGED => 1,
        exit::UNTRUSTED => 2,
        exit::INTERRUPTED => 4,
        _ => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// An error while files are copied.
pub(super) struct Shelving(pub(super) CommandError);

impl From<std::io::Error> for Shelving {
    fn from(error: std::io::Error) -> Self {
        let code = Code::FileUnusable;
        Shelving(CommandError::new(code, format!("cannot copy the chunk files: {error}")))
    }
}
