//! The audit: survey, read, merge, compare, report.

use std::sync::Arc;

use super::AuditError;
use super::attached;
use super::budget::Budget;
use super::carried::Carried;
use super::foreseen::foreseen;
use super::gathered::Gathered;
use super::image::{Merging, merge};
use super::judging::judgement;
use super::known_flaws::{self, KnownFlaws};
use super::layer_facts::nondistributable;
use super::read_layer::ReadLayer;
use super::read_options::ReadOptions;
use super::reading::read_all;
use super::report::{AuditReport, Basis, NamedSum, SCHEMA};
use super::request::AuditRequest;
use super::second_look::look_again;
use super::signatures::Checks;
use super::subjects::Subjects;
use super::survey::{Image, Scope, survey};
use crate::artifacts::Root;
use crate::environment::Environment;
use crate::oci::RefName;
use crate::verbs::report::UnknownBundle;

/// What an audit reached.
pub struct Audited {
    /// The report.
    pub report: AuditReport,
    /// The bundles whose contents cannot be shown.
    pub unknown: Vec<UnknownBundle>,
}

/// Audits bundles or sources.
///
/// # Errors
/// [`AuditError`] if nothing can be opened, if an advisory database cannot be read, or if the audit is interrupted. What is
/// wrong with the content is in the report.
pub fn audit(request: &AuditRequest<'_>, environment: &Environment<'_>) -> Result<Audited, AuditError> {
    let subjects = Subjects::open(&request.subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let is_wanted = |root: &Root| {
        let names = |wanted: &String| {
            root.name.as_ref().map(RefName::as_str) == Some(wanted)
                || root.descriptor.digest.to_string() == **wanted
        };
        request.artifacts.is_empty() || request.artifacts.iter().any(names)
    };
    let (platforms, referrers) = (request.platforms.as_slice(), request.referrers);
    let mut survey =
        survey(&all, Scope { wanted: &is_wanted, platforms, referrers, secrets: request.secrets });
    let budget = Arc::new(Budget::new(request.limits.entries_max));
    let options = ReadOptions {
        limits: request.limits,
        secrets: request.secrets,
        hash_files: request.hash_files,
        archives: true,
        depth_max: request.depth_max,
        budget: &budget,
        turns: &Arc::default(),
    };
    let mut layers = read_all(&survey, &all, &options, environment.workers, environment.monitor);
    let unfollowed =
        look_again(&survey, &all, &mut layers, &options, environment.workers, environment.monitor);
    if environment.workers.interrupted() {
        return Err(AuditError::interrupted());
    }
    let mut gathered = Gathered::with(std::mem::take(&mut survey.findings));
    gathered.findings.extend(unfollowed);
    let entries = |image: &Image| Merging::entries(image.layers.iter().map(|layer| &layer.digest), &layers);
    budget.begin_merging(survey.images.values().map(entries).max().unwrap_or_default());
    for (digest, image) in &mut survey.images {
        let merged = merge(*digest, image, &layers, request.scope, request.files, &budget);
        gathered.image(*digest, image, merged, &layers, &budget);
    }
    layers.values_mut().for_each(ReadLayer::forget_entries);
    gathered.layers(&survey, &mut layers);
    gathered.findings.extend(budget.more_findings());
    let packages = gathered.packages();
    let checks = Checks::new(request.signature_keys, request.at);
    let attached = attached::read(&survey, &all, &packages, checks, &mut gathered.findings);
    let KnownFlaws { flaws, databases, excused } =
        known_flaws::find(request, &packages, &gathered.images, &gathered.releases, &mut gathered.findings)?;
    let mut coverage = gathered.coverage(&survey, &attached, &layers, databases.is_some());
    if let Some(databases) = &databases {
        coverage.kinds_without_advisories.clone_from(&databases.not_covered);
        coverage.complete &= databases.not_covered.is_empty();
    }
    let totals = gathered.totals(&survey, &packages, &layers);
    let guard = foreseen(request, environment, &mut gathered.findings)?;
    gathered.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    gathered.findings.dedup();
    let mut report = AuditReport {
        schema: SCHEMA.to_owned(),
        basis: Basis {
            build: request.build.clone(),
            at: request.at,
            scope: request.scope,
            limits: request.limits_by_option(),
            policies: request.policies.iter().map(|policy| policy.file.clone()).collect(),
            ignores: request.ignores.iter().map(|ignores| ignores.file.clone()).collect(),
            advisories: databases.map(|databases| databases.bases).unwrap_or_default(),
            vex: request.vex.map(|vex| vex.files.clone()).unwrap_or_default(),
            secret_rules: request.secret_rules.clone(),
            keys: request.signature_keys.files.clone(),
            guard: request.guard.map(|guard| NamedSum { name: guard.name.clone(), sha256: guard.sha256 }),
        },
        bundles: subjects.bundles(),
        sources: subjects.sources(),
        coverage,
        totals,
        artifacts: survey.artifacts.clone(),
        images: gathered.images,
        layers: gathered.layers,
        packages,
        boms: attached.boms,
        statements: attached.statements,
        signatures: attached.signatures,
        findings: gathered.findings,
        advisories: flaws,
        policy: None,
        guard,
        nondistributable: nondistributable(&survey, &layers),
        omitted: subjects.omitted(),
    };
    if !request.policies.is_empty() {
        report.policy = Some(judgement(&report, request.policies, request.ignores, &excused)?);
    }
    Ok(Audited { report, unknown: subjects.unknown.clone() })
}
