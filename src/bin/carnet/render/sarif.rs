//! The findings as SARIF 2.1.0, for tools that collect the results of analyses.

use std::collections::{BTreeMap, BTreeSet};

use carnet::audit::{AuditReport, Denial, Finding, Ignored, Rule, Severity};
use carnet::format::Sum;
use serde_json::{Value, json};

/// The identifier of the schema, as SARIF 2.1.0 names it (section 3.13.3).
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// What the names of the rules of policies begin with. Those of findings have no slash.
const POLICY: &str = "policy/";

/// The findings as a document, and what a policy denies. It has only the rules that found something. A denial that is about a
/// finding is a property of that.
pub(crate) fn document(report: &AuditReport) -> Value {
    let rules: BTreeSet<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
    let index: BTreeMap<Rule, usize> = rules.iter().enumerate().map(|(at, rule)| (*rule, at)).collect();
    let ignored: BTreeMap<Sum, &Ignored> = report
        .policy
        .iter()
        .flat_map(|policy| &policy.ignored)
        .filter_map(|ignored| Some((ignored.finding?, ignored)))
        .collect();
    let mut denied: BTreeMap<Sum, BTreeSet<&str>> = BTreeMap::new();
    let mut others: Vec<&Denial> = Vec::new();
    for denial in report.policy.iter().flat_map(|policy| &policy.denials) {
        match denial.finding {
            Some(finding) => {
                denied.entry(finding).or_default().insert(denial.rule.as_str());
            }
            None => others.push(denial),
        }
    }
    let found = report.findings.iter().map(|finding| {
        let at = index.get(&finding.rule).copied().unwrap_or(0);
        result(finding, at, ignored.get(&finding.id).copied(), denied.get(&finding.id))
    });
    let policy_rules: BTreeSet<&str> = others.iter().map(|denial| denial.rule.as_str()).collect();
    let policy_index: BTreeMap<&str, usize> = policy_rules.iter().copied().zip(rules.len()..).collect();
    let denials = others.iter().map(|denial| {
        let at = policy_index.get(denial.rule.as_str()).copied().unwrap_or(0);
        denial_result(denial, at)
    });
    let results: Vec<Value> = found.chain(denials).collect();
    let described = rules.iter().map(|&rule| described(rule));
    let described: Vec<Value> = described.chain(policy_rules.into_iter().map(described_policy)).collect();
    let (name, version) = report.basis.build.split_once(' ').unwrap_or((&report.basis.build, ""));
    let mut driver = json!({ "name": name, "rules": described });
    if let (Some(driver), false) = (driver.as_object_mut(), version.is_empty()) {
        driver.insert("version".to_owned(), version.into());
    }
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            // Paths are those of root file systems and layers, which are nowhere on this machine.
            "originalUriBaseIds": { "IMAGE": { "description": { "text": "The root file system of an image." } } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn described(rule: Rule) -> Value {
    json!({
        "id": rule.code(),
        "shortDescription": { "text": rule.meaning() },
        "defaultConfiguration": { "level": level(rule.severity()) },
        "properties": { "security-severity": score(rule.severity()), "tags": ["security"] },
    })
}

fn described_policy(rule: &str) -> Value {
    json!({
        "id": format!("{POLICY}{rule}"),
        "shortDescription": { "text": format!("The rule {rule} of the policy denies it.") },
        "defaultConfiguration": { "level": "error" },
        "properties": { "security-severity": score(Severity::High), "tags": ["security"] },
    })
}

/// What a policy denies, but no finding is about: a licence, a signature that is missing, an artifact.
fn denial_result(denial: &Denial, rule: usize) -> Value {
    let id = Sum::of([&denial.rule, &denial.place, &denial.text].map(String::as_str).join("\0").as_bytes());
    json!({
        "ruleId": format!("{POLICY}{}", denial.rule),
        "ruleIndex": rule,
        "level": "error",
        "message": { "text": format!("{}: {}", denial.place, denial.text) },
        "locations": [{ "logicalLocations": [{ "fullyQualifiedName": denial.place }] }],
        "partialFingerprints": { "carnetDenial/v1": id.to_string() },
        "properties": {
            "denied-by": [denial.rule],
            "severity": Severity::High.word(),
            "security-severity": score(Severity::High),
        },
    })
}

fn result(
    finding: &Finding,
    rule: usize,
    ignored: Option<&Ignored>,
    denied_by: Option<&BTreeSet<&str>>,
) -> Value {
    let mut location = serde_json::Map::new();
    if let Some(path) = &finding.path {
        let artifact = json!({ "uri": uri(path), "uriBaseId": "IMAGE" });
        location.insert("physicalLocation".to_owned(), json!({ "artifactLocation": artifact }));
    }
    let mut places = Vec::new();
    for (kind, digest) in [("artifact", &finding.artifact), ("layer", &finding.layer)] {
        if let Some(digest) = digest {
            places.push(json!({ "fullyQualifiedName": digest.to_string(), "kind": kind }));
        }
    }
    if !places.is_empty() {
        location.insert("logicalLocations".to_owned(), places.into());
    }
    let mut result = json!({
        "ruleId": finding.rule.code(),
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": finding.text },
        "locations": if location.is_empty() { json!([]) } else { json!([location]) },
        "partialFingerprints": { "carnetFinding/v1": finding.id.to_string() },
        "properties": { "severity": finding.severity.word(), "security-severity": score(finding.severity) },
    });
    if let Some(rules) = denied_by {
        result["level"] = "error".into();
        result["properties"]["denied-by"] = json!(rules);
    }
    if let (Some(ignored), Some(result)) = (ignored, result.as_object_mut()) {
        let justification = format!("{} (until {})", ignored.reason, ignored.until);
        result.insert(
            "suppressions".to_owned(),
            json!([{ "kind": "external", "status": "accepted", "justification": justification }]),
        );
    }
    result
}

/// The level of a severity (section 3.27.10).
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of the range that collectors give to a severity.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

/// A path as a relative reference (RFC 3986): everything but its unreserved characters and slashes is encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example::{HOSTILE, report};

    #[test]
    fn findings_have_rule_place_and_id() {
        let report = report();
        let document = document(&report);
        let run = &document["runs"][0];
        assert_eq!(run["tool"]["driver"]["version"], "1.2.3");
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        for (result, finding) in results.iter().zip(&report.findings) {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
            assert_eq!(result["partialFingerprints"]["carnetFinding/v1"], finding.id.to_string());
        }
        assert_eq!(results[0]["level"], "error");
        assert_eq!(results[0].get("suppressions"), None);
        assert_eq!(results[1]["level"], "note");
        assert_eq!(
            results[1]["suppressions"][0]["justification"],
            "It is a test. (until 2027-01-01T00:00:00Z)"
        );
        let artifact = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
        let uri = artifact["uri"].as_str().unwrap();
        assert!(
            uri.starts_with("etc/%3D%3Cscript") && uri.is_ascii() && !uri.contains([' ', '\n', '"']),
            "{uri}"
        );
        assert!(results[0]["message"]["text"].as_str().unwrap().contains(HOSTILE));
    }

    #[test]
    fn paths_become_relative_references() {
        assert_eq!(uri("etc/passwd"), "etc/passwd");
        assert_eq!(uri("//a b:c#\u{202e}\n"), "a%20b%3Ac%23%E2%80%AE%0A");
    }
}
