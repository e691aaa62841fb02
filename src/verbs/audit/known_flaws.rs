//! Which packages have known flaws, as the databases say that the operator brought along.

use std::collections::{BTreeMap, BTreeSet};

use super::AuditError;
use super::finding::{Finding, Place, Rule, Severity};
use super::report::{AuditedAdvisory, AuditedImage, AuditedPackage, DatabaseReport};
use super::request::AuditRequest;
use crate::advisories::vex::{Vex, VexStatement, VexStatus};
use crate::advisories::{Affected, Database, Level, Wanted};
use crate::format::Sum;
use crate::oci::Digest;
use crate::packages::Kind;

/// What is known of the packages.
#[derive(Default)]
pub(super) struct KnownFlaws {
    /// The flaws.
    pub flaws: Vec<AuditedAdvisory>,
    /// The databases; `None` if there was none.
    pub databases: Option<Databases>,
    /// The findings that a policy does not count, because a VEX statement says that the flaw does no harm.
    pub excused: BTreeSet<Sum>,
}

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
) -> Result<KnownFlaws, AuditError> {
    if request.advisories.is_empty() {
        return Ok(KnownFlaws::default());
    }
    let statements = request.vex.map(|vex| vex.statements.as_slice()).unwrap_or_default();
    let mut excused = BTreeSet::new();
    let wanted = Wanted::of(packages.iter().map(|located| located.package.as_ref()));
    let database = Database::open(&request.advisories, &wanted)?;
    let known: BTreeSet<Digest> = images.iter().map(|image| image.digest).collect();
    for problem in database.problems() {
        let text = format!("an advisory cannot be read: {problem}");
        findings.push(Finding::new(Rule::AdvisoryUnreadable, Place::default(), problem, text));
    }
    let mut flaws = BTreeMap::new();
    let mut not_covered = BTreeSet::new();
    for located in packages {
        let images = located.images.iter().chain(located.hidden_in.iter());
        for image in images.filter(|image| known.contains(*image)) {
            let hidden = if located.images.contains(image) { "" } else { ", in a layer below" };
            let release = releases.get(image).map(|(id, version)| (id.as_str(), version.as_str()));
            if !database.covers(&located.package, release) {
                not_covered.insert(located.package.kind);
            }
            for flaw in database.affecting(&located.package, release) {
                let severity = severity(flaw.level);
                let place = Place {
                    artifact: Some(*image),
                    layer: Some(located.layer),
                    path: Some(located.path.to_string()),
                };
                let sure = flaw
                    .undetermined
                    .as_ref()
                    .map_or_else(String::new, |why| format!("; not certain: {why}"));
                let fixed = flaw
                    .fixed
                    .as_ref()
                    .map_or_else(|| "not fixed".to_owned(), |version| format!("fixed in {version}"));
                let statement = about(statements, &flaw, &located.purl, *image);
                let said = statement.map(sentence);
                let vex = said.as_ref().map_or_else(String::new, |said| format!("; VEX says {said}"));
                let text = format!(
                    "{}{hidden} has {} ({fixed}{sure}{vex}): {}",
                    located.purl, flaw.id, flaw.summary
                );
                let detail = format!("{} {}", located.purl, flaw.id);
                let finding = Finding::graded(Rule::Advisory, severity, place, &detail, text);
                let is_harmless = statement.is_some_and(|statement| {
                    matches!(statement.status, VexStatus::NotAffected | VexStatus::Fixed)
                });
                if is_harmless {
                    excused.insert(finding.id);
                }
                findings.push(finding);
                let entry = flaws.entry((flaw.id.clone(), located.purl.clone()));
                let known = entry.or_insert_with(|| Known {
                    advisory: AuditedAdvisory {
                        id: flaw.id,
                        aliases: flaw.aliases,
                        package: located.purl.clone(),
                        fixed: flaw.fixed,
                        severity,
                        summary: flaw.summary,
                        vex: None,
                    },
                    said: BTreeSet::new(),
                });
                known.said.extend(said);
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
    let flaws = flaws.into_values().map(|Known { advisory, said }| {
        let vex = (!said.is_empty()).then(|| said.into_iter().collect::<Vec<_>>().join("; "));
        AuditedAdvisory { vex, ..advisory }
    });
    Ok(KnownFlaws { flaws: flaws.collect(), databases: Some(databases), excused })
}

/// A flaw, and what is said of it. That may be different for each image.
struct Known {
    advisory: AuditedAdvisory,
    said: BTreeSet<String>,
}

/// The statement that counts for a flaw of a package in an image.
fn about<'a>(statements: &'a [Vex], flaw: &Affected, purl: &str, image: Digest) -> Option<&'a VexStatement> {
    let ids: Vec<&str> = flaw.aliases.iter().map(String::as_str).chain([flaw.id.as_str()]).collect();
    Vex::about(statements, &ids, purl, &[&image.to_string()])
}

fn sentence(statement: &VexStatement) -> String {
    let reason = statement.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{}{reason}", statement.status.label())
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Unknown | Level::Medium => Severity::Medium,
        Level::Low => Severity::Low,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}
