//! The artifacts with everything that refers to them, without reading layers.

use schemars::JsonSchema;
use serde::Serialize;

use super::AuditError;
use super::carried::Carried;
use super::finding::Finding;
use super::report::{AuditedArtifact, AuditedBundle};
use super::subjects::{Subject, Subjects};
use super::survey::{Scope, survey};
use crate::environment::Environment;
use crate::verbs::report::UnknownBundle;

/// The report of `tree`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TreeReport {
    /// The bundles, in the order of their names. Empty for sources.
    pub bundles: Vec<AuditedBundle>,
    /// The sources, if sources were given instead of bundles.
    pub sources: Vec<String>,
    /// The artifacts with their manifests and referrers.
    pub artifacts: Vec<AuditedArtifact>,
    /// Documents that cannot be read.
    pub findings: Vec<Finding>,
    /// Whether the list is complete; it is cut if there are millions of references.
    pub all_said: bool,
    /// The bundles whose contents cannot be shown.
    pub unknown: Vec<UnknownBundle>,
}

/// Lists the artifacts of bundles or sources, and everything that refers to them.
///
/// # Errors
/// [`AuditError`] if nothing can be opened.
pub fn tree(subject: &Subject<'_>, environment: &Environment<'_>) -> Result<TreeReport, AuditError> {
    let subjects = Subjects::open(subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let survey = survey(&all, Scope::ALL);
    Ok(TreeReport {
        bundles: subjects.bundles(),
        sources: subjects.sources(),
        artifacts: survey.artifacts,
        findings: survey.findings,
        all_said: !survey.is_cut,
        unknown: subjects.unknown.clone(),
    })
}
