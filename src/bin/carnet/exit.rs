//! Exit codes (docs/cli.md, "Exit codes").

use carnet::diagnosis::Failure;

/// Done, and intact.
pub(crate) const DONE: u8 = 0;
/// It could not be done.
pub(crate) const FAILED: u8 = 1;
/// Asked for in a way that makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Not trusted.
pub(crate) const UNTRUSTED: u8 = 3;
/// Damaged or incomplete.
pub(crate) const DAMAGED: u8 = 4;
/// Ended by a signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of a failure.
pub(crate) fn code(failure: Failure) -> u8 {
    match failure {
        Failure::Failed => FAILED,
        Failure::Usage => USAGE,
        Failure::Untrusted => UNTRUSTED,
        Failure::Damaged => DAMAGED,
        Failure::Interrupted => INTERRUPTED,
    }
}
