//! The judgement: each rule against each fact.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeSet, fmt};

use globset::GlobMatcher;

use super::{
    facts::{Artifact, Facts, Package, SignatureStatus, Signer},
    file::{Forbidden, RequiredSigner, Rulebook, pattern},
};
use crate::diagnosis::count;

/// How two versions of a kind of package stand; `None` if that is not known.
pub type VersionOrder<'a> = dyn Fn(&str, &str, &str) -> Option<Ordering> + 'a;

/// What a rule does not allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The key of the rule, e.g. `max-age-days`.
    pub rule: Cow<'static, str>,
    /// The artifact, layer, package or path.
    pub place: String,
    /// What is allowed, and what is there.
    pub text: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.place, self.text)
    }
}

/// Holds the facts against the rules. The denials are in order of rule, place and text, each once.
pub fn judge(book: &Rulebook, facts: &Facts, order: &VersionOrder<'_>) -> Vec<Denial> {
    let mut denials = Denials(Vec::new());
    for artifact in &facts.artifacts {
        names_and_types(book, artifact, &mut denials);
        age_and_proofs(book, artifact, facts, &mut denials);
    }
    packages(book, facts, order, &mut denials);
    findings(book, facts, &mut denials);
    if let Some(most) = book.max_bytes.filter(|most| facts.bytes > *most) {
        denials.add(
            "max-bytes",
            "all",
            format!("{}, at most {most} are allowed", count(facts.bytes, "byte", "bytes")),
        );
    }
    for (rule, is_allowed, sentences) in [
        ("allow-opaque", book.allow_opaque, &facts.opaque),
        ("allow-limits-hit", book.allow_limits_hit, &facts.limits_hit),
        ("allow-not-covered", book.allow_not_covered, &facts.not_covered),
    ] {
        for sentence in sentences.iter().filter(|_| !is_allowed) {
            denials.add(rule, "coverage", format!("not fully examined: {sentence}"));
        }
    }
    denials.0.sort();
    denials.0.dedup();
    denials.0
}

struct Denials(Vec<Denial>);

impl Denials {
    fn add(&mut self, rule: &'static str, place: &str, text: String) {
        self.0.push(Denial { rule: rule.into(), place: place.to_owned(), text });
    }
}

fn patterns(texts: &[String]) -> Vec<GlobMatcher> {
    texts.iter().filter_map(|text| pattern(text)).collect()
}

fn fits(patterns: &[GlobMatcher], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(text))
}

fn place(artifact: &Artifact) -> &str {
    artifact.names.first().unwrap_or(&artifact.digest)
}

fn names_and_types(book: &Rulebook, artifact: &Artifact, denials: &mut Denials) {
    let place = place(artifact);
    let lists = [
        ("allowed-artifacts", book.allowed_artifacts.as_ref(), &artifact.names),
        ("allowed-platforms", book.allowed_platforms.as_ref(), &artifact.platforms),
        ("allowed-media-types", book.allowed_media_types.as_ref(), &artifact.media_types),
    ];
    for (rule, allowed, found) in lists {
        let Some(allowed) = allowed else { continue };
        let patterns = patterns(allowed);
        for text in found.iter().filter(|text| !fits(&patterns, text)) {
            denials.add(rule, place, format!("{text:?} is not in the list"));
        }
        if rule == "allowed-artifacts" && found.is_empty() {
            denials.add(rule, place, "it has no name".to_owned());
        }
    }
    let lists = [
        ("denied-artifacts", &book.denied_artifacts, &artifact.names),
        ("denied-media-types", &book.denied_media_types, &artifact.media_types),
    ];
    for (rule, denied, found) in lists {
        let patterns = patterns(denied);
        for text in found.iter().filter(|text| fits(&patterns, text)) {
            denials.add(rule, place, format!("{text:?} is in the list"));
        }
    }
}

fn age_and_proofs(book: &Rulebook, artifact: &Artifact, facts: &Facts, denials: &mut Denials) {
    let place = place(artifact);
    if let Some(days) = book.max_age_days {
        let oldest = facts.at.and_then(|at| at.seconds_before(days.saturating_mul(86_400)));
        match (artifact.created, oldest) {
            (Some(created), Some(oldest)) if created >= oldest => {}
            (Some(created), Some(_)) => {
                let text = format!("made on {created}, at most {} are allowed", count(days, "day", "days"));
                denials.add("max-age-days", place, text);
            }
            (None, _) => denials.add("max-age-days", place, "it does not say when it was made".to_owned()),
            (_, None) => denials.add("max-age-days", place, "the time of the audit is not known".to_owned()),
        }
    }
    if let Some(most) = book.max_artifact_bytes.filter(|most| artifact.bytes > *most) {
        let text = format!("{}, at most {most} are allowed", count(artifact.bytes, "byte", "bytes"));
        denials.add("max-artifact-bytes", place, text);
    }
    let signers = signers(artifact);
    for rule in &book.required_signers {
        let is_meant = rule.artifacts.as_ref().is_none_or(|names| {
            let patterns = patterns(names);
            artifact.names.iter().any(|name| fits(&patterns, name))
        });
        if is_meant && !signers.iter().any(|signer| is_required(rule, signer)) {
            denials.add("required-signers", place, missing_signer(rule));
        }
    }
    for (rule, required, found, one, many) in [
        (
            "required-signatures",
            book.required_signatures,
            number_of(&signers),
            "valid signature",
            "valid signatures",
        ),
        ("required-boms", book.required_boms, artifact.boms, "SBOM", "SBOMs"),
    ] {
        if found < required {
            denials.add(rule, place, format!("{}, {required} required", count(found, one, many)));
        }
    }
}

/// Who signed an artifact.
fn signers(artifact: &Artifact) -> BTreeSet<&Signer> {
    let valid = artifact.signatures.iter().filter(|signature| signature.status == SignatureStatus::Valid);
    valid.filter_map(|signature| signature.signer.as_ref()).collect()
}

/// How many signers these are. One with several certificates of the same subject counts once.
fn number_of(signers: &BTreeSet<&Signer>) -> u64 {
    signers.iter().map(|signer| (&signer.file, &signer.subject)).collect::<BTreeSet<_>>().len() as u64
}

fn is_required(rule: &RequiredSigner, signer: &Signer) -> bool {
    let has_key = rule
        .keys
        .as_ref()
        .is_none_or(|keys| keys.contains(&signer.key) || fits(&patterns(keys), &signer.file));
    // The author of a certificate chooses its subject, so it never stands for a key.
    let has_subject = rule.subjects.as_ref().is_none_or(|subjects| {
        let patterns = patterns(subjects);
        signer.subject.as_ref().is_some_and(|subject| fits(&patterns, subject))
    });
    has_key && has_subject
}

fn missing_signer(rule: &RequiredSigner) -> String {
    let named = |word: &str, list: &Option<Vec<String>>| {
        list.as_ref().map_or_else(String::new, |list| format!(" {word} {}", list.join(", ")))
    };
    format!("no valid signature{}{}", named("by", &rule.keys), named("of", &rule.subjects))
}

fn packages(book: &Rulebook, facts: &Facts, order: &VersionOrder<'_>, denials: &mut Denials) {
    let forbidden: Vec<_> =
        book.forbidden_packages.iter().filter_map(|rule| Some((rule, pattern(&rule.name)?))).collect();
    for package in &facts.packages {
        let place = format!("{} {}", package.place, package.purl);
        if let Some(allowed) = &book.allowed_licences {
            if package.licences.is_empty() {
                denials.add("allowed-licences", &place, "it declares no licence".to_owned());
            }
            for licence in package.licences.iter().filter(|licence| !is_allowed(licence, allowed)) {
                denials.add("allowed-licences", &place, format!("{licence:?} is not in the list"));
            }
        }
        for licence in &package.licences {
            let one_is_free = is_satisfied(licence, &|word| !names(&book.denied_licences, word));
            if !book.denied_licences.is_empty() && !one_is_free {
                denials.add("denied-licences", &place, format!("{licence:?} is in the list"));
            }
        }
        for (rule, name) in &forbidden {
            if rule.kind.as_ref().is_some_and(|kind| *kind != package.kind) || !name.is_match(&package.name) {
                continue;
            }
            if let Some(why) = in_range(rule, package, order) {
                let reason = rule.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                denials.add("forbidden-packages", &place, format!("{why}{reason}"));
            }
        }
    }
}

/// Why a package is in the range of a rule. A version that cannot be compared is in it.
fn in_range(rule: &Forbidden, package: &Package, order: &VersionOrder<'_>) -> Option<String> {
    for (bound, is_from) in [(&rule.from, true), (&rule.before, false)] {
        let Some(bound) = bound else { continue };
        match order(&package.kind, &package.version, bound) {
            None => return Some(format!("version {} cannot be compared with {bound}", package.version)),
            Some(Ordering::Less) if is_from => return None,
            Some(Ordering::Equal | Ordering::Greater) if !is_from => return None,
            Some(_) => {}
        }
    }
    Some(format!("version {} is forbidden", package.version))
}

fn names(list: &[String], word: &str) -> bool {
    list.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    names(allowed, licence) || is_satisfied(licence, &|word| names(allowed, word))
}

/// Whether a licence expression can be met with licences that `is_free` knows: one side of each OR, all of each AND. With
/// parentheses, all licences must be known, which is stricter.
fn is_satisfied(expression: &str, is_free: &dyn Fn(&str) -> bool) -> bool {
    let words: Vec<&str> = expression
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
        .filter(|word| !word.is_empty())
        .collect();
    let is_nested = expression.contains('(');
    let all = |words: &[&str]| {
        let mut licences = words.iter().filter(|word| !matches!(**word, "AND" | "OR" | "WITH")).peekable();
        licences.peek().is_some() && licences.all(|word| is_free(word))
    };
    if is_nested { all(&words) } else { words.split(|word| *word == "OR").any(all) }
}

fn findings(book: &Rulebook, facts: &Facts, denials: &mut Denials) {
    let denied = patterns(&book.denied_findings);
    for finding in &facts.findings {
        let text = || format!("{}: {}", finding.rule, finding.text);
        if fits(&denied, &finding.rule) {
            denials.add("denied-findings", &finding.place, text());
        }
        if book.denied_severity.is_some_and(|least| finding.severity >= least) {
            denials.add("denied-severity", &finding.place, text());
        }
        if !book.allow_setuid && finding.rule.starts_with("setuid") {
            denials.add("allow-setuid", &finding.place, text());
        }
        if !book.allow_unopened_archives && finding.rule == "unopened-archive" {
            denials.add("allow-unopened-archives", &finding.place, text());
        }
        if !book.allow_secrets && finding.rule.starts_with("secret") {
            denials.add("allow-secrets", &finding.place, text());
        }
    }
}
