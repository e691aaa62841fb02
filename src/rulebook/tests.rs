use std::borrow::Cow;
use std::cmp::Ordering;

use super::*;

const PAGE: &str = include_str!("../../docs/policy.md");

fn order(_: &str, one: &str, two: &str) -> Option<Ordering> {
    (one != "odd").then(|| one.cmp(two))
}

fn facts() -> Facts {
    let time = |text: &str| Some(text.parse().unwrap());
    let text = |text: &str| text.to_owned();
    // Two certificates of one signer.
    let signature = |key: &str| {
        let signer = Signer { file: text("keys/ca.pem"), subject: Some(text("CN=team")), key: text(key) };
        Signature { status: SignatureStatus::Valid, signer: Some(signer) }
    };
    let artifact = Artifact {
        digest: text("sha256:00"),
        names: vec![text("r/app:1")],
        platforms: vec![text("linux/amd64")],
        created: time("2026-11-01T00:00:00Z"),
        media_types: vec![text("application/gzip")],
        bytes: 100,
        signatures: vec![signature("1"), signature("2")],
        boms: 1,
    };
    let package = Package {
        purl: text("pkg:deb/a@5"),
        kind: text("deb"),
        name: text("a"),
        version: text("5"),
        licences: vec![text("MIT OR GPL-2.0-only")],
        place: text("r/app:1"),
    };
    let finding =
        |rule: &str, severity| Finding { rule: text(rule), severity, place: text("bin/su"), text: text("x") };
    Facts {
        artifacts: vec![artifact],
        packages: vec![package],
        findings: vec![
            finding("setuid", Severity::Medium),
            finding("secret-jwt", Severity::Medium),
            finding("unopened-archive", Severity::Low),
        ],
        bytes: 100,
        opaque: vec![text("a layer")],
        limits_hit: vec![text("a limit")],
        not_covered: vec![text("chunk 2")],
        at: time("2026-11-26T00:00:00Z"),
    }
}

const LENIENT: &str = "version = 1\nallow-secrets = true\nallow-opaque = true\nallow-limits-hit = true\nallow-not-covered = true\n";

fn denied(rule: &str) -> Vec<Cow<'static, str>> {
    let lenient: String = LENIENT
        .lines()
        .filter(|line| line.split(' ').next() != rule.split(' ').next())
        .map(|line| format!("{line}\n"))
        .collect();
    let book = Rulebook::parse(&format!("{lenient}{rule}")).unwrap();
    judge(&book, &facts(), &order).into_iter().map(|denial| denial.rule).collect()
}

#[test]
fn every_rule_denies_and_allows() {
    for (rule, denies, allows) in [
        ("allowed-artifacts", "['x/*']", "['r/*']"),
        ("denied-artifacts", "['*:1']", "['x']"),
        ("allowed-platforms", "['linux/arm64']", "['linux/*']"),
        ("allowed-media-types", "['a/b']", "['application/*']"),
        ("denied-media-types", "['application/gzip']", "['a/b']"),
        ("allowed-licences", "['BSD-2-Clause']", "['MIT']"),
        ("denied-licences", "['MIT', 'GPL-2.0-only']", "['GPL-2.0-only']"),
        ("max-age-days", "24", "25"),
        ("max-artifact-bytes", "99", "100"),
        ("max-bytes", "99", "100"),
        ("required-signatures", "2", "1"),
        ("required-signers", "[{ keys = ['CN=team'] }]", "[{ keys = ['*/ca.pem'], subjects = ['CN=*'] }]"),
        (
            "required-signers",
            "[{ artifacts = ['r/*'], keys = ['3'] }]",
            "[{ artifacts = ['r/*'], keys = ['2'] }]",
        ),
        ("required-signers", "[{ subjects = ['keys/*'] }]", "[{ artifacts = ['x/*'], keys = ['3'] }, {}]"),
        ("required-boms", "2", "1"),
        ("forbidden-packages", "[{ name = 'a', from = '5', before = '6' }]", "[{ name = 'a', from = '6' }]"),
        ("denied-findings", "['set*']", "['x']"),
        ("denied-severity", "'medium'", "'high'"),
        ("allow-setuid", "false", "true"),
        ("allow-secrets", "false", "true"),
        ("allow-opaque", "false", "true"),
        ("allow-unopened-archives", "false", "true"),
        ("allow-limits-hit", "false", "true"),
        ("allow-not-covered", "false", "true"),
    ] {
        let found = denied(&format!("{rule} = {denies}"));
        assert!(!found.is_empty() && found.iter().all(|found| *found == rule), "{rule}: {found:?}");
        assert_eq!(denied(&format!("{rule} = {allows}")), [""; 0], "{rule}");
        assert!(PAGE.contains(rule), "{rule} is not in the page");
    }
}

#[test]
fn what_was_not_examined_is_denied_by_default() {
    let book = Rulebook::parse("version = 1").unwrap();
    let rules: Vec<_> = judge(&book, &facts(), &order).into_iter().map(|denial| denial.rule).collect();
    assert_eq!(rules, ["allow-limits-hit", "allow-not-covered", "allow-opaque", "allow-secrets"]);
}

#[test]
fn every_example_of_the_page_parses() {
    let examples: Vec<&str> =
        PAGE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        if example.contains("[[ignore]]") {
            Ignores::parse(example).unwrap();
        } else {
            Rulebook::parse(example).unwrap();
        }
    }
    assert!(
        Rulebook::parse("version = 1\nmax-agedays = 1")
            .unwrap_err()
            .to_string()
            .starts_with("line 2: unknown")
    );
}

#[test]
fn an_ignore_needs_a_reason_and_an_end_and_ends() {
    let entry = "version = 1\n[[ignore]]\nrule = 'allow-setuid'\nplace = 'bin/*'\nreason = 'r'\nuntil = '2026-11-26'\n";
    let ignores = Ignores::parse(entry).unwrap();
    let denials =
        || vec![Denial { rule: "allow-setuid".into(), place: "bin/su".to_owned(), text: String::new() }];
    let stand = |at: &str| ignores.apply(denials(), Some(at.parse().unwrap())).0.len();
    assert_eq!((stand("2026-11-26T23:59:59Z"), stand("2026-11-27T00:00:00Z")), (0, 1));
    assert_eq!(ignores.apply(denials(), None).0.len(), 1);
    for (from, to) in
        [("reason = 'r'\n", ""), ("until = '2026-11-26'\n", ""), ("'r'", "' '"), ("'2026-11-26'", "'soon'")]
    {
        assert!(Ignores::parse(&entry.replace(from, to)).is_err(), "{from}");
    }
}
