//! The last step: holds the report against the rules of policy files.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::error::AuditError;
use super::finding::{Finding, Severity};
use super::report::{
    AuditReport, AuditedArtifact, AuditedSignature, Denial, Ignored, Judgement, NamedSum, NotCounted,
    PolicyWarning, SignatureStatus,
};
use super::signatures::ATTESTATION;
use crate::advisories::scheme;
use crate::format::{Sum, Timestamp};
use crate::oci::Digest;
use crate::packages::Kind;
use crate::rulebook::{self, Facts, Ignores, RegoPolicy, RegoVerdict, Rulebook, Said, Signer, judge};

/// A policy file.
pub struct PolicyFile {
    /// Its name and sum.
    pub file: NamedSum,
    /// Its rules.
    pub rules: PolicyRules,
}

/// The rules of a policy file.
pub enum PolicyRules {
    /// The usual rules.
    Toml(Rulebook),
    /// Rules in Rego.
    Rego(RegoPolicy),
}

/// A file of denials that are accepted for some time.
pub struct IgnoreFile {
    /// Its name and sum.
    pub file: NamedSum,
    /// What it accepts.
    pub ignores: Ignores,
}

/// Judges a report by all policy files. What one of them denies is denied. The findings in `excused` do not count.
pub(super) fn judgement(
    report: &AuditReport,
    policies: &[PolicyFile],
    ignores: &[IgnoreFile],
    excused: &BTreeSet<Sum>,
) -> Result<Judgement, AuditError> {
    let (mut standing, warnings) = said(report, policies)?;
    let facts = facts(report, excused);
    let order = |kind: &str, a: &str, b: &str| -> Option<Ordering> {
        let kind: Kind = serde_json::from_value(serde_json::Value::String(kind.to_owned())).ok()?;
        crate::versions::compare(scheme(kind), a, b).ok()
    };
    for policy in policies {
        if let PolicyRules::Toml(rules) = &policy.rules {
            standing.extend(judge(rules, &facts, &order));
        }
    }
    let mut ignored = BTreeSet::new();
    for ignore in ignores.iter().flat_map(|file| &file.ignores.0) {
        // One at a time, so that each denial gets the reason that accepts it.
        let (stands, accepted) = Ignores(vec![ignore.clone()]).apply(standing, facts.at);
        standing = stands;
        ignored.extend(accepted.into_iter().map(|denial| Ignored {
            finding: denied(report, &denial),
            rule: denial.rule.into_owned(),
            place: denial.place,
            reason: ignore.reason.clone(),
            until: ignore.until,
        }));
    }
    let denials: BTreeSet<Denial> = standing
        .into_iter()
        .map(|denial| Denial {
            finding: denied(report, &denial),
            rule: denial.rule.into_owned(),
            place: denial.place,
            text: denial.text,
        })
        .collect();
    let not_counted = report.findings.iter().filter(|finding| excused.contains(&finding.id));
    let not_counted = not_counted.map(|finding| NotCounted {
        finding: finding.id,
        place: place_of(finding),
        text: finding.text.clone(),
    });
    Ok(Judgement {
        allowed: denials.is_empty(),
        denials: denials.into_iter().collect(),
        warnings: warnings.into_iter().collect(),
        ignored: ignored.into_iter().collect(),
        not_counted: not_counted.collect(),
    })
}

/// What the policies in Rego say of a report: what they deny, and what they warn of.
fn said(
    report: &AuditReport,
    policies: &[PolicyFile],
) -> Result<(Vec<rulebook::Denial>, BTreeSet<PolicyWarning>), AuditError> {
    let (mut denials, mut warnings) = (Vec::new(), BTreeSet::new());
    let mut input = None;
    for policy in policies {
        let PolicyRules::Rego(rules) = &policy.rules else { continue };
        let failed = |problem| AuditError::Policy { name: policy.file.name.clone(), problem };
        // Made once, and only if a policy asks for it.
        let input = input.get_or_insert_with(|| serde_json::to_string(report).unwrap_or_default());
        let RegoVerdict { denies, warns } = rules.ask(input).map_err(failed)?;
        denials.extend(denies.into_iter().map(|Said { rule, place, text }| rulebook::Denial {
            rule: rule.into(),
            place,
            text,
        }));
        warnings.extend(warns.into_iter().map(|Said { rule, place, text }| PolicyWarning {
            rule,
            place,
            text,
        }));
    }
    Ok((denials, warnings))
}

/// The finding that a denial is about, if it is about one.
fn denied(report: &AuditReport, denial: &rulebook::Denial) -> Option<Sum> {
    let is_it = |finding: &&Finding| place_of(finding) == denial.place && denial.text.contains(&finding.text);
    report.findings.iter().find(is_it).map(|finding| finding.id)
}

fn place_of(finding: &Finding) -> String {
    let digest = finding.artifact.or(finding.layer).map(|digest| digest.to_string());
    [digest, finding.path.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn facts(report: &AuditReport, excused: &BTreeSet<Sum>) -> Facts {
    let coverage = &report.coverage;
    let sentence = |unseen: &super::report::Unseen| format!("{}: {}", unseen.digest, unseen.why);
    let mut not_covered: Vec<String> = coverage.unread.iter().map(sentence).collect();
    for bundle in report.bundles.iter().filter(|bundle| !bundle.missing.is_empty()) {
        not_covered.push(format!("bundle {}: chunks are missing", bundle.summary.crossing.name));
    }
    not_covered.extend(
        coverage
            .kinds_without_advisories
            .iter()
            .map(|kind| format!("no advisory database covers packages of the kind {}", word(*kind))),
    );
    let finding = |finding: &Finding| rulebook::Finding {
        rule: finding.rule.code().to_owned(),
        severity: match finding.severity {
            Severity::Info | Severity::Low => rulebook::Severity::Low,
            Severity::Medium => rulebook::Severity::Medium,
            Severity::High => rulebook::Severity::High,
            Severity::Critical => rulebook::Severity::Critical,
        },
        place: place_of(finding),
        text: finding.text.clone(),
    };
    let package = |located: &super::report::AuditedPackage| rulebook::Package {
        purl: located.purl.clone(),
        kind: word(located.package.kind),
        name: located.package.name.clone(),
        version: located.package.version.clone(),
        licences: located.package.licences.clone(),
        place: format!("{} {}", located.layer, located.path),
    };
    let counted = report.findings.iter().filter(|finding| !excused.contains(&finding.id));
    Facts {
        artifacts: report.artifacts.iter().map(|artifact| self::artifact(report, artifact)).collect(),
        packages: report.packages.iter().map(package).collect(),
        findings: counted.map(finding).collect(),
        bytes: report.bundles.iter().map(|bundle| bundle.payload_bytes).sum::<u64>().max(report.totals.bytes),
        opaque: coverage.opaque.iter().map(sentence).collect(),
        limits_hit: coverage.limits_hit.iter().map(|hit| format!("{}: {}", hit.limit, hit.place)).collect(),
        not_covered,
        at: Some(report.basis.at),
    }
}

fn artifact(report: &AuditReport, artifact: &AuditedArtifact) -> rulebook::Artifact {
    let manifests: BTreeSet<Digest> =
        artifact.manifests.iter().map(|manifest| manifest.digest).chain([artifact.digest]).collect();
    let images = || report.images.iter().filter(|image| manifests.contains(&image.digest));
    let layers: BTreeSet<Digest> =
        artifact.manifests.iter().flat_map(|manifest| manifest.blobs.clone()).collect();
    let layers = || report.layers.iter().filter(|layer| layers.contains(&layer.digest));
    // The oldest image of an index decides its age.
    let created = images().map(|image| image.config.created.as_deref().and_then(|text| text.parse().ok()));
    let created: Option<Vec<Timestamp>> = created.collect();
    let mut media_types: BTreeSet<String> = layers().map(|layer| layer.media_type.to_string()).collect();
    media_types.insert(artifact.media_type.to_string());
    rulebook::Artifact {
        digest: artifact.digest.to_string(),
        names: artifact.name.iter().map(ToString::to_string).collect(),
        platforms: images().map(|image| image.platform.clone()).collect(),
        created: created.and_then(|times| times.into_iter().min()),
        media_types: media_types.into_iter().collect(),
        bytes: layers().map(|layer| layer.bytes).sum(),
        signatures: signatures(report, artifact),
        boms: report.boms.iter().filter(|bom| manifests.contains(&bom.of)).count() as u64,
    }
}

/// The valid signatures of an artifact: those of the artifact itself, and those of one signer on each of its images. One on some
/// images says nothing of the others. A signed attestation is no signature of what it is about.
fn signatures(report: &AuditReport, artifact: &AuditedArtifact) -> Vec<rulebook::Signature> {
    let mut signed: BTreeMap<Signer, BTreeSet<Digest>> = BTreeMap::new();
    for signature in &report.signatures {
        let AuditedSignature { status, by, subject, key, of, kind, .. } = signature;
        if let (SignatureStatus::Valid, Some(file), Some(key)) = (status, by, key)
            && kind != ATTESTATION
        {
            let signer = Signer { file: file.clone(), subject: subject.clone(), key: key.to_string() };
            signed.entry(signer).or_default().insert(*of);
        }
    }
    let carried: BTreeSet<Digest> = artifact
        .manifests
        .iter()
        .filter(|manifest| manifest.carried)
        .map(|manifest| manifest.digest)
        .collect();
    signed
        .into_iter()
        .filter(|(_, of)| of.contains(&artifact.digest) || (!carried.is_empty() && of.is_superset(&carried)))
        .map(|(signer, _)| rulebook::Signature {
            status: rulebook::SignatureStatus::Valid,
            signer: Some(signer),
        })
        .collect()
}

/// The word for a kind, as in JSON.
fn word(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
