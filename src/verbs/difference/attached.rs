//! What is attached to artifacts: signatures, SBOMs, attestations and other referrers.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{How, Matter};
use crate::oci::Digest;
use crate::verbs::audit::{AuditReport, AuditedArtifact, SignatureStatus};

/// A change of what is attached.
pub(super) struct AttachedChange {
    pub matter: Matter,
    pub how: How,
    pub what: String,
}

/// What is attached, by what it is and in words, with its digests.
type Attached = BTreeMap<(Matter, String), BTreeSet<Digest>>;

/// Compares what is attached to two artifacts. What only has another digest has changed.
pub(super) fn compare_attached(
    old: (&AuditReport, &AuditedArtifact),
    new: (&AuditReport, &AuditedArtifact),
) -> Vec<AttachedChange> {
    let (old, new) = (attached(old.0, old.1), attached(new.0, new.1));
    let none = BTreeSet::new();
    let keys: BTreeSet<&(Matter, String)> = old.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (before, after) = (old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none));
        let (mut gone, mut fresh) = (before.difference(after).count(), after.difference(before).count());
        let replaced = gone.min(fresh);
        gone -= replaced;
        fresh -= replaced;
        for (how, number) in [(How::Changed, replaced), (How::Gone, gone), (How::New, fresh)] {
            let times = if number > 1 { format!(" ({number} times)") } else { String::new() };
            if number > 0 {
                changes.push(AttachedChange { matter: key.0, how, what: format!("{}{times}", key.1) });
            }
        }
    }
    changes
}

fn attached(report: &AuditReport, artifact: &AuditedArtifact) -> Attached {
    let mut subjects: BTreeSet<Digest> = artifact.manifests.iter().map(|manifest| manifest.digest).collect();
    subjects.insert(artifact.digest);
    // A referrer may have referrers.
    subjects.extend(artifact.referrers.iter().map(|referrer| referrer.digest));
    let mut found = Attached::new();
    let mut add = |matter, what: String, digest| {
        found.entry((matter, what)).or_default().insert(digest);
    };
    for signature in report.signatures.iter().filter(|signature| subjects.contains(&signature.of)) {
        let status = match signature.status {
            SignatureStatus::Valid => "valid",
            SignatureStatus::Invalid => "invalid",
            SignatureStatus::Unverifiable => "unverifiable",
        };
        let by = signature.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        add(Matter::Signature, format!("{}, {status}{by}", signature.kind), signature.digest);
    }
    for bom in report.boms.iter().filter(|bom| subjects.contains(&bom.of)) {
        add(Matter::Sbom, bom.format.clone(), bom.digest);
    }
    for statement in report.statements.iter().filter(|statement| subjects.contains(&statement.of)) {
        add(Matter::Attestation, statement.predicate.clone(), statement.digest);
    }
    let known = ["signature", "sbom", "attestation"];
    for referrer in artifact.referrers.iter().filter(|referrer| !known.contains(&referrer.kind.as_str())) {
        add(Matter::Referrer, referrer.kind.clone(), referrer.digest);
    }
    found
}
