//! What a guard will count in the chunk files, and its findings.

use super::error::AuditError;
use super::finding::{Finding, Place, Rule};
use super::request::AuditRequest;
use super::subjects::Subject;
use crate::environment::Environment;
use crate::verbs::forecast::{ForecastRequest, GuardReport, forecast};

/// Counts what the guard will count, if a profile was given. Each place over a limit is a finding.
pub(super) fn foreseen(
    request: &AuditRequest<'_>,
    environment: &Environment<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Option<GuardReport>, AuditError> {
    let (Some(profile), Subject::Chunks { files, .. }) = (request.guard, request.subject) else {
        return Ok(None);
    };
    let report = forecast(&ForecastRequest { files, profile }, environment)?;
    for file in &report.files {
        findings.extend(file.problems.iter().map(|problem| {
            let place = Place::default().at(file.name.as_bytes());
            Finding::new(Rule::Guard, place, problem, problem.clone())
        }));
    }
    Ok(Some(report))
}
