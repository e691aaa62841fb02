//! Exit codes (docs/cli.md, "Exit codes").

use carnet::diagnosis::Failure;

/// Success, and everything is intact.
pub(crate) const DONE: u8 = 0;
/// The operation failed.
pub(crate) const FAILED: u8 = 1;
/// Usage error.
pub(crate) const USAGE: u8 = 2;
/// A signature, role, stream or release is missing or wrong.
pub(crate) const UNTRUSTED: u8 = 3;
/// Data is damaged, missing or malformed.
pub(crate) const DAMAGED: u8 = 4;
/// A policy denies it.
pub(crate) const DENIED: u8 = 5;
/// Interrupted by a signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit code for a kind of failure.
pub(crate) fn code(failure: Failure) -> u8 {
    match failure {
        Failure::Failed => FAILED,
        Failure::Usage => USAGE,
        Failure::Untrusted => UNTRUSTED,
        Failure::Damaged => DAMAGED,
        Failure::Denied => DENIED,
        Failure::Interrupted => INTERRUPTED,
    }
}
