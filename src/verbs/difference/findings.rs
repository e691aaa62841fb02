//! Findings that are new or gone. Those of layers name the layer, which differs with everything in it, so that they are
//! compared by rule, path and words.

use std::collections::BTreeMap;

use crate::oci::Digest;
use crate::verbs::audit::{AuditReport, Finding, Rule};

/// Digests of a report, which do not count when words are compared.
pub(super) struct Digests(std::collections::BTreeSet<String>);

impl Digests {
    /// The digests of everything that a report tells of.
    pub(super) fn of(report: &AuditReport) -> Digests {
        let mut found: std::collections::BTreeSet<Digest> = std::collections::BTreeSet::new();
        for artifact in &report.artifacts {
            found.insert(artifact.digest);
            found.extend(artifact.referrers.iter().map(|referrer| referrer.digest));
            for manifest in &artifact.manifests {
                found.insert(manifest.digest);
                found.extend(&manifest.blobs);
            }
        }
        found.extend(report.layers.iter().filter_map(|layer| layer.diff_id));
        found.extend(report.boms.iter().map(|bom| bom.digest));
        found.extend(report.statements.iter().map(|statement| statement.digest));
        Digests(found.iter().map(ToString::to_string).collect())
    }

    /// A text without these digests.
    fn without(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            // A digest may stand before a colon.
            let known = self.0.contains(word.trim_end_matches(':'));
            out += if known { "…" } else { word };
            let other = after.find(is_part).unwrap_or(after.len());
            let (between, next) = after.split_at(other);
            out += between;
            rest = next;
        }
        out
    }
}

/// What two findings must share to be the same.
type Key<'a> = (Rule, Option<&'a str>, String);

/// Returns the findings that only one side has: those that are gone, and those that are new.
pub(super) fn compare_findings<'a>(
    old: (&[&'a Finding], &Digests),
    new: (&[&'a Finding], &Digests),
) -> (Vec<&'a Finding>, Vec<&'a Finding>) {
    let mut found: BTreeMap<Key<'a>, (Vec<&Finding>, Vec<&Finding>)> = BTreeMap::new();
    let key = |finding: &'a Finding, digests: &Digests| {
        (finding.rule, finding.path.as_deref(), digests.without(&finding.text))
    };
    for finding in old.0 {
        found.entry(key(finding, old.1)).or_default().0.push(finding);
    }
    for finding in new.0 {
        found.entry(key(finding, new.1)).or_default().1.push(finding);
    }
    let (mut gone, mut fresh) = (Vec::new(), Vec::new());
    for (old, new) in found.into_values() {
        let both = old.len().min(new.len());
        gone.extend(old.into_iter().skip(both));
        fresh.extend(new.into_iter().skip(both));
    }
    (gone, fresh)
}

/// A path as the merged file system has it.
pub(super) fn clean(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::audit::Place;

    #[test]
    fn digests_of_the_report_do_not_count_and_others_do() {
        let (known, other) = (Digest::sha256(b"known"), Digest::sha256(b"other"));
        let digests = Digests([known.to_string()].into());
        assert_eq!(
            digests.without(&format!("the layer {known}: has {other}.")),
            format!("the layer … has {other}.")
        );
        let finding = |digest: Digest, path: &[u8]| {
            Finding::new(Rule::Secret, Place::layer(digest).at(path), "", format!("in {digest}"))
        };
        let (a, b, c) = (finding(known, b"a"), finding(known, b"b"), finding(other, b"a"));
        let (gone, new) = compare_findings((&[&a, &b], &digests), (&[&a], &digests));
        assert_eq!((gone, new.len()), (vec![&b], 0));
        let (gone, new) = compare_findings((&[&a], &digests), (&[&c], &Digests([other.to_string()].into())));
        assert_eq!((gone.len(), new.len()), (0, 0), "only the digest of the layer differs");
        let (gone, new) = compare_findings((&[&a], &digests), (&[&c], &digests));
        assert_eq!((gone.len(), new.len()), (1, 1));
    }
}
