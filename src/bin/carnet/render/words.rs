//! The words that all forms of a report use for the same fact.

use carnet::audit::{AuditReport, AuditedBundle, AuditedSignature, Coverage, Severity, SignatureStatus};
use carnet::diagnosis::count;
use carnet::oci::Digest;
use carnet::packages::Kind;

use crate::byte_count::HumanBytes;

/// The severities, the gravest first.
pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// The digits of a digest that are shown where the whole digest stands elsewhere.
const DIGITS: usize = 12;

/// The first digits of a digest. Those of SHA-256 stand without the name of the algorithm.
pub(super) fn short(digest: &Digest) -> String {
    let digits: String = digest.hex().chars().take(DIGITS).collect();
    match digest {
        Digest::Sha256(_) => digits,
        Digest::Sha512(_) => format!("sha512:{digits}"),
    }
}

/// The first digits of a text that is long and whose end says nothing to a person, such as an id.
pub(super) fn short_text(text: &str) -> String {
    text.chars().take(DIGITS).collect()
}

/// A size for people, e.g. `4.20 MiB`.
pub(super) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// A number with a comma after each three digits.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with commas, and the singular or the plural.
pub(super) fn counted(many: u64, one: &str, more: &str) -> String {
    format!("{} {}", number(many), if many == 1 { one } else { more })
}

/// The number of things in a list.
pub(super) fn length<T>(list: &[T]) -> u64 {
    list.len() as u64
}

/// The name of a kind of packages.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Deb => "deb",
        Kind::Apk => "apk",
        Kind::Rpm => "rpm",
        Kind::Python => "python",
        Kind::Npm => "npm",
        Kind::Java => "java",
        Kind::Go => "go",
        Kind::Cargo => "cargo",
        Kind::Ruby => "ruby",
        Kind::Dotnet => "dotnet",
        _ => "other",
    }
}

/// The word for the result of checking a signature.
pub(super) fn status(status: SignatureStatus) -> &'static str {
    match status {
        SignatureStatus::Valid => "valid",
        SignatureStatus::Invalid => "INVALID",
        SignatureStatus::Unverifiable => "cannot be checked",
    }
}

/// Who made a signature, in words.
pub(super) fn signer(signature: &AuditedSignature) -> Option<String> {
    let by = signature.by.as_ref()?;
    Some(match &signature.subject {
        Some(subject) => format!("{by} ({subject})"),
        None => by.clone(),
    })
}

/// The number of signatures with each result that occurs.
pub(super) fn signatures(report: &AuditReport) -> String {
    let all = [SignatureStatus::Valid, SignatureStatus::Invalid, SignatureStatus::Unverifiable];
    let of = |result| report.signatures.iter().filter(|signature| signature.status == result).count();
    let counts = all.map(|result| (of(result), result)).into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> =
        counts.map(|(count, result)| format!("{} {}", number(count as u64), status(result))).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// The verdict in a few words.
pub(super) fn verdict(report: &AuditReport) -> &'static str {
    match &report.policy {
        None => "Not judged",
        Some(judgement) if judgement.allowed => "Allowed",
        Some(_) => "Denied",
    }
}

/// What the verdict rests on, in a sentence.
pub(super) fn verdict_reason(report: &AuditReport) -> String {
    let Some(judgement) = &report.policy else {
        return "No policy was given, so nothing was allowed or denied.".to_owned();
    };
    let mut out = match (judgement.allowed, length(&judgement.denials)) {
        (true, _) => "The policy has no objection.".to_owned(),
        (false, denials) => format!("The policy objects: {}.", count(denials, "reason", "reasons")),
    };
    if !judgement.warnings.is_empty() {
        out += &format!(" It gives {}.", count(length(&judgement.warnings), "warning", "warnings"));
    }
    if !judgement.ignored.is_empty() {
        let ignored = count(length(&judgement.ignored), "finding was", "findings were");
        out += &format!(" {ignored} ignored, as listed.");
    }
    out
}

/// Which chunks of a bundle are there.
pub(super) fn completeness(bundle: &AuditedBundle) -> String {
    let chunks = count(u64::from(bundle.chunks), "chunk", "chunks");
    if bundle.missing.is_empty() {
        return format!("complete: {chunks}");
    }
    // A list that fills a line is no help: `carnet missing` prints all of it.
    let mut numbers: Vec<String> = bundle.missing.iter().take(20).map(ToString::to_string).collect();
    if bundle.missing.len() > numbers.len() {
        numbers.push(format!("and {} more", bundle.missing.len() - numbers.len()));
    }
    format!("INCOMPLETE: of {chunks}, {} missing or damaged: {}", bundle.missing.len(), numbers.join(", "))
}

/// How much of the cargo was read, in a sentence.
pub(super) fn coverage(coverage: &Coverage) -> String {
    let read = format!(
        "{} of {} read to the end",
        number(coverage.layers_read),
        count(coverage.layers, "layer", "layers")
    );
    let archives = match coverage.unopened_archives {
        0 => String::new(),
        // Most images have some, so that this alone does not change the sentence.
        archives => {
            format!(" {} not opened.", count(archives, "archive in a layer was", "archives in layers were"))
        }
    };
    if coverage.complete && archives.is_empty() {
        return format!("Everything was examined: {read}.");
    }
    if coverage.complete {
        return format!("All blobs were examined: {read}.{archives}");
    }
    let mut parts = Vec::new();
    for (list, one, many) in [
        (
            length(&coverage.opaque),
            "blob is in a form that is not read",
            "blobs are in a form that is not read",
        ),
        (
            length(&coverage.unread),
            "blob is not there or was read in part",
            "blobs are not there or were read in part",
        ),
        (length(&coverage.limits_hit), "limit was hit", "limits were hit"),
        (
            length(&coverage.kinds_without_advisories),
            "kind of packages has no advisories",
            "kinds of packages have no advisories",
        ),
    ] {
        if list > 0 {
            parts.push(count(list, one, many));
        }
    }
    if parts.is_empty() {
        return format!("Not everything was examined: {read}.{archives}");
    }
    format!("Not everything was examined: {}; {read}.{archives}", parts.join(", "))
}

/// What was looked up about known flaws, in a sentence.
pub(super) fn advisory_basis(report: &AuditReport) -> &'static str {
    if report.coverage.has_advisories {
        "Known flaws were looked up in the databases named in the basis."
    } else {
        "No advisory database was given: known flaws were not looked up."
    }
}

/// The number of findings of a severity.
pub(super) fn findings_of(report: &AuditReport, severity: Severity) -> u64 {
    report.findings.iter().filter(|finding| finding.severity == severity).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        let words = [0, 7, 999, 1_000, 65_536, 1_432_000_000].map(number);
        assert_eq!(words, ["0", "7", "999", "1,000", "65,536", "1,432,000,000"]);
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(counted(1_500, "file", "files"), "1,500 files");
    }
}
