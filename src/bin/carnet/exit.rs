//! Exit codes (docs/cli.md, "Exit codes").

use carnet::audit::{Audited, Rule};
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

/// The exit code for an audit. What is wrong with the files comes before what is in them.
pub(crate) fn of_audit(audited: &Audited) -> u8 {
    let Audited { report, unknown } = audited;
    if unknown.iter().any(|bundle| bundle.untrusted) {
        return UNTRUSTED;
    }
    if unknown.iter().any(|bundle| bundle.unreadable) {
        return FAILED;
    }
    let damaged = [Rule::BlobDamaged, Rule::BlobAbsent, Rule::DocumentUnreadable];
    let is_damaged = report.findings.iter().any(|finding| damaged.contains(&finding.rule));
    let is_incomplete = report.bundles.iter().any(|bundle| !bundle.missing.is_empty());
    // As `carnet guard` says it: within the limits, as far as it can be counted here.
    let is_unforeseen = report.guard.as_ref().is_some_and(|guard| guard.allowed && !guard.foreseen);
    if is_damaged || is_incomplete || is_unforeseen || !unknown.is_empty() {
        return DAMAGED;
    }
    let is_denied = report.policy.as_ref().is_some_and(|policy| !policy.allowed)
        || report.guard.as_ref().is_some_and(|guard| !guard.allowed);
    if is_denied { DENIED } else { DONE }
}
