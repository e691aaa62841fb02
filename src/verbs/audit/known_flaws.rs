//! Which packages have known flaws, as the databases say that the operator brought along.

use std::collections::{BTreeMap, BTreeSet};

use super::AuditError;
use super::finding::{Finding, Place, Rule, Severity};
use super::report::{AuditedAdvisory, AuditedImage, AuditedPackage, DatabaseReport};
use super::request::AuditRequest;
use crate::advisories::{Database, Level, Wanted};
use crate::format::Sum;
use crate::oci::Digest;
use crate::packages::Kind;

/// What the databases are.
pub(super) struct Databases {
    /// The databases.
    pub bases: Vec<DatabaseReport>,
    /// The kinds of packages that none of them covers.
    pub not_covered: Vec<Kind>,
}

/// Looks up all packages. Without a database there is no answer.
pub(super) fn find(
    request: &AuditRequest<'_>,
    packages: &[AuditedPackage],
    images: &[AuditedImage],
    releases: &BTreeMap<Digest, (String, String)>,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<AuditedAdvisory>, Option<Databases>), AuditError> {
    if request.advisories.is_empty() {
        return Ok((Vec::new(), None));
    }
    let wanted = Wanted::of(packages.iter().map(|located| &located.package));
    let database = Database::open(&request.advisories, &wanted)?;
    let known: BTreeSet<Digest> = images.iter().map(|image| image.digest).collect();
    for problem in database.problems() {
        let text = format!("an advisory cannot be read: {problem}");
        findings.push(Finding::new(Rule::AdvisoryUnreadable, Place::default(), problem, text));
    }
    let mut flaws = BTreeMap::new();
    let mut not_covered = BTreeSet::new();
    for located in packages {
        for image in located.images.iter().filter(|image| known.contains(*image)) {
            let release = releases.get(image).map(|(id, version)| (id.as_str(), version.as_str()));
            if !database.covers(&located.package, release) {
                not_covered.insert(located.package.kind);
            }
            for flaw in database.affecting(&located.package, release) {
                let severity = severity(flaw.level);
                let place = Place {
                    artifact: Some(*image),
                    layer: Some(located.layer),
                    path: Some(located.path.clone()),
                };
                let sure = flaw
                    .undetermined
                    .as_ref()
                    .map_or_else(String::new, |why| format!("; not certain: {why}"));
                let fixed = flaw
                    .fixed
                    .as_ref()
                    .map_or_else(|| "not fixed".to_owned(), |version| format!("fixed in {version}"));
                let text = format!("{} has {} ({fixed}{sure}): {}", located.purl, flaw.id, flaw.summary);
                let detail = format!("{} {}", located.purl, flaw.id);
                findings.push(Finding::graded(Rule::Advisory, severity, place, &detail, text));
                flaws.entry((flaw.id.clone(), located.purl.clone())).or_insert_with(|| AuditedAdvisory {
                    id: flaw.id,
                    aliases: flaw.aliases,
                    package: located.purl.clone(),
                    fixed: flaw.fixed,
                    severity,
                    summary: flaw.summary,
                    vex: None,
                });
            }
        }
    }
    let report = |basis: &crate::advisories::Basis| DatabaseReport {
        name: basis.name.clone(),
        sha256: match basis.sha256 {
            Digest::Sha256(sum) => Sum(sum),
            Digest::Sha512(_) => Sum([0; 32]),
        },
        newest: basis.newest.clone(),
        records: basis.records,
    };
    let bases = database.bases().iter().map(report).collect();
    let databases = Databases { bases, not_covered: not_covered.into_iter().collect() };
    Ok((flaws.into_values().collect(), Some(databases)))
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Unknown | Level::Medium => Severity::Medium,
        Level::Low => Severity::Low,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}
