//! The audit of what is about to move.

use super::error::GateError;
use super::rule_files::Rules;
use crate::diagnosis::Code;
use crate::environment::Environment;
use crate::format::plan::Carriage;
use crate::oci::Platform;
use crate::verbs::audit::{
    AuditRequest, DEPTH_MAX, Judgement, PackageScope, Rule, Subject, audit, layer_limits,
};

/// What of the content moves.
pub struct Moving<'a> {
    /// Where it is.
    pub subject: Subject<'a>,
    /// The names or digests of its artifacts; empty for all.
    pub artifacts: &'a [String],
    /// The platforms of indexes; empty for all.
    pub platforms: &'a [Platform],
    /// Whether referrers move, too.
    pub referrers: Carriage,
}

/// Audits what moves, and judges it by the rules. Without a policy there is no judgement, and nothing is audited.
///
/// # Errors
/// [`GateError`] if the audit reached no result, or if the content is damaged.
pub fn judged(
    rules: &Rules,
    moving: &Moving<'_>,
    environment: &Environment<'_>,
) -> Result<Option<Judgement>, GateError> {
    if rules.policies.is_empty() {
        return Ok(None);
    }
    let request = AuditRequest {
        subject: moving.subject,
        artifacts: moving.artifacts.to_vec(),
        platforms: moving.platforms.to_vec(),
        referrers: moving.referrers,
        scope: PackageScope::Squashed,
        limits: layer_limits(),
        secrets: Some(&rules.secrets),
        secret_rules: rules.secret_files.clone(),
        hash_files: false,
        depth_max: DEPTH_MAX,
        advisories: rules.advisories.clone(),
        vex: Some(&rules.vex),
        signature_keys: &rules.signature_keys,
        policies: &rules.policies,
        ignores: &rules.ignores,
        guard: None,
        files: None,
        at: environment.clock.now(),
        build: format!("carnet {}", env!("CARGO_PKG_VERSION")),
    };
    let report = audit(&request, environment)?.report;
    for finding in &report.findings {
        let code = match finding.rule {
            Rule::BlobDamaged => Code::BlobMismatch,
            Rule::BlobAbsent => Code::BlobMissing,
            Rule::DocumentUnreadable => Code::MalformedDocument,
            _ => continue,
        };
        return Err(GateError::Damaged { code, text: finding.text.clone() });
    }
    Ok(report.policy)
}
