//! The exit code of commands that audit (docs/cli.md, "Exit codes").

use carnet::audit::{Audited, Rule};

use super::exit::{DAMAGED, DENIED, DONE, FAILED, UNTRUSTED};

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
