//! The search for secrets in one file.

use super::bounded::Bounded;
use super::finding::{Finding, Place, Rule};
use crate::content::secrets::SecretRules;

/// How many bytes of the head tell whether a file is a text.
const TEXT_HEAD_BYTES: usize = 512;

/// Whether a file is searched: a text, or one whose name alone tells that it is a secret.
pub(super) fn is_searched(rules: &SecretRules, path: &[u8], head: &[u8]) -> bool {
    !head.get(..TEXT_HEAD_BYTES).unwrap_or(head).contains(&0) || rules.concerns(path)
}

/// Searches a file for secrets, and notes each as a finding at `place`. `path` is its path in the layer, or in the archive that
/// it lies in. Returns what the first secret looks like, if there is any.
pub(super) fn search(
    rules: &SecretRules,
    path: &[u8],
    place: &Place,
    bytes: &[u8],
    findings: &mut Bounded,
) -> Option<String> {
    let mut first = None;
    for secret in rules.search(path, bytes).found {
        let detail = format!("{} {}", secret.rule, secret.digest);
        let text = format!(
            "line {}: looks like {}, {} bytes, {}",
            secret.line, secret.rule, secret.bytes, secret.digest
        );
        first.get_or_insert_with(|| text.clone());
        findings.push(Finding::new(Rule::Secret, place.clone(), &detail, text));
    }
    first
}
