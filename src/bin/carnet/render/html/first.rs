//! The first screen of the page: what a person must know before anything else.

use carnet::audit::{AuditReport, AuditedBundle, Finding};
use carnet::diagnosis::count;
use carnet::oci::Digest;
use carnet::report::SignerReport;

use super::Change;
use super::grid::{Cell, Grid};
use super::island::Space;
use crate::render::words;

/// The findings on the first screen.
const GRAVEST: usize = 10;
/// The lines of each list on the first screen.
const LINES: usize = 8;

/// The first screen.
pub(super) struct First {
    /// The bundles, or the sources.
    pub(super) bundles: Vec<Bundle>,
    /// The sources, if there are no bundles.
    pub(super) sources: Vec<String>,
    /// The class of the verdict: `good`, `bad` or `open`.
    pub(super) class: &'static str,
    /// The verdict, in a few words.
    pub(super) verdict: &'static str,
    /// What it rests on.
    pub(super) reason: String,
    /// The first reasons for a denial: rule, sentence, and place.
    pub(super) denials: Vec<(String, String, String)>,
    /// The reasons that are further below.
    pub(super) more_denials: usize,
    /// The policies, with their sums.
    pub(super) policies: Vec<(String, String)>,
    /// Whether everything was examined.
    pub(super) complete: bool,
    /// How much was examined.
    pub(super) coverage: String,
    /// What was not seen.
    pub(super) unseen: Vec<(String, String)>,
    /// What was not seen and is further below.
    pub(super) more_unseen: usize,
    /// Whether and where known flaws were looked up.
    pub(super) advisories: &'static str,
    /// How much comes in.
    pub(super) totals: Vec<(String, &'static str)>,
    /// The number of findings of each severity.
    pub(super) counts: Vec<(&'static str, String)>,
    /// The gravest findings.
    pub(super) gravest: Option<Grid>,
    /// The number of all findings.
    pub(super) findings: usize,
    /// What has changed since the last bundle, in a sentence.
    pub(super) changes: Option<String>,
    /// What the audit is based on.
    pub(super) basis: Vec<(String, String)>,
}

/// A bundle on the first screen.
pub(super) struct Bundle {
    pub(super) name: String,
    pub(super) verified: bool,
    pub(super) complete: bool,
    pub(super) facts: Vec<(&'static str, String)>,
}

impl First {
    /// Takes what the first screen needs from a report.
    pub(super) fn of(
        report: &AuditReport,
        changes: Option<&(Vec<String>, &[Change])>,
        space: &mut Space,
    ) -> First {
        let judgement = report.policy.as_ref();
        let denials = judgement.map_or(&[][..], |judgement| &judgement.denials);
        let unseen = unseen(report);
        let gravest: Vec<Vec<Cell>> = report.findings.iter().take(GRAVEST).map(finding_row).collect();
        First {
            bundles: report.bundles.iter().map(bundle).collect(),
            sources: report.sources.clone(),
            class: match judgement {
                None => "open",
                Some(judgement) if judgement.allowed => "good",
                Some(_) => "bad",
            },
            verdict: words::verdict(report),
            reason: words::verdict_reason(report),
            denials: denials
                .iter()
                .take(LINES)
                .map(|denial| (denial.rule.clone(), denial.text.clone(), short_place(&denial.place)))
                .collect(),
            more_denials: denials.len().saturating_sub(LINES),
            policies: report
                .basis
                .policies
                .iter()
                .map(|policy| (policy.name.clone(), policy.sha256.to_string()))
                .collect(),
            complete: report.coverage.complete,
            coverage: words::coverage(&report.coverage),
            more_unseen: unseen.len().saturating_sub(LINES),
            unseen: unseen.into_iter().take(LINES).collect(),
            advisories: words::advisory_basis(report),
            totals: totals(report),
            counts: words::SEVERITIES
                .iter()
                .map(|&severity| (severity.word(), words::number(words::findings_of(report, severity))))
                .collect(),
            gravest: (!gravest.is_empty()).then(|| {
                Grid::new(
                    "gravest",
                    "The gravest findings",
                    &["Severity", "Rule", "Finding", "Where"],
                    gravest,
                    space,
                )
            }),
            findings: report.findings.len(),
            changes: changes.map(|(_, changes)| change_words(changes)),
            basis: basis(report),
        }
    }
}

/// The place of a denial without the digest of the layer or artifact, if a path follows that.
fn short_place(place: &str) -> String {
    match place.split_once(' ') {
        Some((digest, path)) if digest.starts_with("sha256:") => path.to_owned(),
        _ => place.to_owned(),
    }
}

fn signers(signers: &[SignerReport]) -> String {
    if signers.is_empty() {
        return "no one".to_owned();
    }
    let signers: Vec<String> = signers
        .iter()
        .map(|signer| format!("{} (key {})", signer.holder, words::short_text(&signer.key)))
        .collect();
    signers.join(", ")
}

fn bundle(bundle: &AuditedBundle) -> Bundle {
    let mut facts = vec![("Id", bundle.summary.bundle.to_string())];
    if let Some(stream) = &bundle.summary.crossing.stream {
        let number =
            bundle.summary.crossing.sequence.map_or_else(|| "–".to_owned(), |number| number.to_string());
        facts.push(("Stream", format!("{stream}, number {number}")));
    }
    if let Some(label) = &bundle.summary.crossing.label {
        facts.push(("Label", label.to_string()));
    }
    let packed = if bundle.summary.verified {
        signers(&bundle.summary.packed_by)
    } else {
        "not known: no signature was accepted".to_owned()
    };
    facts.push(("Packed by", packed));
    facts.push((
        "Released by",
        match bundle.summary.released {
            Some(true) => signers(&bundle.summary.released_by),
            Some(false) => {
                format!(
                    "NOT RELEASED: too few signatures; signed by {}",
                    signers(&bundle.summary.released_by)
                )
            }
            None => "not checked: no trust policy was given".to_owned(),
        },
    ));
    facts.push(("Sealed", bundle.summary.created.to_string()));
    facts.push((
        "Expires",
        bundle.summary.expires.map_or_else(|| "never".to_owned(), |time| time.to_string()),
    ));
    facts.push(("Chunks", words::completeness(bundle)));
    facts.push(("Size", words::size(bundle.payload_bytes)));
    Bundle {
        name: bundle.summary.crossing.name.to_string(),
        verified: bundle.summary.verified,
        complete: bundle.missing.is_empty(),
        facts,
    }
}

/// What was not seen: where, and why.
fn unseen(report: &AuditReport) -> Vec<(String, String)> {
    let coverage = &report.coverage;
    let blobs = coverage.opaque.iter().chain(&coverage.unread);
    let mut out: Vec<(String, String)> =
        blobs.map(|blob| (words::short(&blob.digest), blob.why.clone())).collect();
    out.extend(coverage.limits_hit.iter().map(|hit| (hit.limit.clone(), hit.place.clone())));
    for kind in &coverage.kinds_without_advisories {
        out.push((words::kind(*kind).to_owned(), "No advisory database covers these packages.".to_owned()));
    }
    out
}

fn totals(report: &AuditReport) -> Vec<(String, &'static str)> {
    let totals = &report.totals;
    let plural = |number: u64, one: &'static str, many: &'static str| {
        (words::number(number), if number == 1 { one } else { many })
    };
    vec![
        plural(totals.artifacts, "artifact", "artifacts"),
        plural(totals.images, "image", "images"),
        plural(totals.layers, "layer", "layers"),
        plural(totals.entries, "file", "files"),
        plural(totals.packages, "package", "packages"),
        plural(words::length(&report.boms), "SBOM", "SBOMs"),
        plural(words::length(&report.signatures), "signature", "signatures"),
        (words::size(totals.bytes), "carried"),
        (words::size(totals.expanded), "expanded"),
    ]
}

fn change_words(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "Nothing has changed.".to_owned();
    }
    let mut counts: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for change in changes {
        *counts.entry(&change.how).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(how, number)| format!("{} {how}", words::number(*number))).collect();
    format!("{}: {}.", count(changes.len() as u64, "change", "changes"), counts.join(", "))
}

fn basis(report: &AuditReport) -> Vec<(String, String)> {
    let basis = &report.basis;
    let mut out =
        vec![("Made by".to_owned(), basis.build.clone()), ("As of".to_owned(), basis.at.to_string())];
    let files = [
        ("Policy", &basis.policies),
        ("Ignored findings", &basis.ignores),
        ("VEX", &basis.vex),
        ("Key or certificate", &basis.keys),
    ];
    for (what, files) in files {
        for file in files {
            out.push((what.to_owned(), format!("{}, SHA-256 {}", file.name, file.sha256)));
        }
    }
    for database in &basis.advisories {
        let newest =
            database.newest.as_ref().map_or_else(String::new, |newest| format!(", newest of {newest}"));
        let records = count(database.records, "record", "records");
        out.push((
            "Advisories".to_owned(),
            format!("{}, {records}{newest}, SHA-256 {}", database.name, database.sha256),
        ));
    }
    if let Some(guard) = &basis.guard {
        out.push(("Guard".to_owned(), format!("{}, SHA-256 {}", guard.name, guard.sha256)));
    }
    if !basis.limits.is_empty() {
        let limits: Vec<String> =
            basis.limits.iter().map(|(name, limit)| format!("{name} {}", words::number(*limit))).collect();
        out.push(("Limits".to_owned(), limits.join(", ")));
    }
    out
}

/// A finding as a row: severity, rule, text, place.
pub(super) fn finding_row(finding: &Finding) -> Vec<Cell> {
    vec![
        Cell::severity(finding.severity),
        Cell::code(finding.rule.code()),
        Cell::text(&finding.text),
        place(finding.artifact.as_ref(), finding.layer.as_ref(), finding.path.as_deref()),
    ]
}

/// A place as a cell: the path, and the layer or artifact below it.
pub(super) fn place(artifact: Option<&Digest>, layer: Option<&Digest>, path: Option<&str>) -> Cell {
    let (words, link) = match (layer, artifact) {
        (Some(layer), _) => (format!("layer {}", words::short(layer)), format!("l-{}", layer.hex())),
        (None, Some(artifact)) => {
            (format!("artifact {}", words::short(artifact)), format!("a-{}", artifact.hex()))
        }
        (None, None) => (String::new(), String::new()),
    };
    match path {
        Some(path) if words.is_empty() => Cell::code(path),
        Some(path) => Cell::code(path).with(&words).to(link),
        None if words.is_empty() => Cell::none(),
        None => Cell::code(&words).to(link),
    }
}
