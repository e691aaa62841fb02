use std::sync::LazyLock;

use proptest::prelude::*;

use super::{GitleaksFile, SEARCHED_BYTES_MAX, SECRETS_MAX, SecretRules};
use crate::oci::Digest;

/// Letters and digits without order. Tokens are put together at run time, so that this file has none.
const MIXED: &str =
    "q7Zk2LmX9vBc4RtY8wNp3HsD6gFj1KuTe5QaVxWyUo0iPzSrEnMbCdAhGlJf7Kq2Zt9Xw4Lm8Vc3Np6Rb1Ys5Hg0DqWk7e";
const HEX: &str = "3f9a1c7e5b0d8264af13c9e7512b8d06f4a7c3e9105d2b86";

fn found(path: &str, content: &str) -> Vec<(String, u64, u64)> {
    let rules = SecretRules::builtin().unwrap();
    let found = rules.search(path.as_bytes(), content.as_bytes()).found;
    found.into_iter().map(|secret| (secret.rule, secret.line, secret.bytes)).collect()
}

fn mixed(bytes: usize) -> String {
    MIXED.chars().cycle().take(bytes).collect()
}

/// One file for each rule: rule, path, text before the secret, secret, text after it.
fn examples() -> Vec<(&'static str, &'static str, String, String, &'static str)> {
    let upper: String = MIXED.to_uppercase().replace(['0', '1', '8', '9'], "");
    let letters: String = MIXED.chars().filter(char::is_ascii_alphabetic).cycle().take(34).collect();
    let bech: String =
        MIXED.to_uppercase().chars().filter(|c| "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".contains(*c)).collect();
    let hex = |bytes: usize| HEX.chars().cycle().take(bytes).collect::<String>();
    let text = |text: &str| text.to_owned();
    let row = |rule, before: &str, secret: String, after| (rule, "etc/app.conf", text(before), secret, after);
    let pem =
        |label: &str| format!("-----BEGIN {label}PRIVATE KEY-----\n{}\n{}\n", mixed(64), &mixed(90)[26..]);
    vec![
        row("aws-access-key-id", "id = ", format!("{}{}", "AKIA", &upper[..16]), "\n"),
        row("aws-secret-access-key", "aws_secret_access_key = ", mixed(40), "\n"),
        row("github-token", "token: ", format!("{}{}", "ghp_", mixed(36)), "\n"),
        row("github-fine-grained-token", "", format!("github{}{}", "_pat_", mixed(82)), ""),
        row("gitlab-token", "", format!("{}{}", "glpat-", mixed(20)), "\n"),
        row("slack-token", "", format!("{}{}{}", "xoxb-", "2817304956-", mixed(24)), "\n"),
        row("slack-app-token", "", format!("{}-1-A02B{}-2817304956-{}", "xapp", "3C4D5E", hex(64)), "\n"),
        row(
            "slack-webhook",
            "https://hooks.slack.com/services/",
            format!("T02AB3CD4/B05EF6GH7/{}", mixed(24)),
            "\n",
        ),
        row("google-api-key", "key=", format!("{}{}", "AIza", mixed(35)), "\n"),
        row("google-oauth-secret", "", format!("{}{}", "GOCSPX-", mixed(28)), "\n"),
        row("azure-storage-key", "AccountName=a;AccountKey=", format!("{}==", mixed(86)), ";End"),
        row("azure-sas", "https://a/b?sv=2024-01-01&sig=", format!("{}%3D", mixed(43)), "\n"),
        row("azure-client-secret", "secret=", format!("{}8Q~{}", "aB3", mixed(34)), "\n"),
        row("private-key", "", pem("RSA "), "-----END"),
        row(
            "putty-private-key",
            "",
            format!("PuTTY-User-Key-File-3: ssh-rsa\nComment: {}\nPrivate-Lines: 8", "a"),
            "\n",
        ),
        row(
            "age-secret-key",
            "",
            format!("{}{}", "AGE-SECRET-KEY-1", bech.chars().cycle().take(58).collect::<String>()),
            "\n",
        ),
        row("jwt", "Bearer ", format!("eyJ{}.eyJ{}.{}", mixed(20), mixed(30), mixed(43)), "\n"),
        row("npm-token", "", format!("{}{}", "npm_", mixed(36)), "\n"),
        row("pypi-token", "", format!("pypi-{}{}", "AgEIcHlwaS5vcmc", mixed(60)), "\n"),
        row("rubygems-token", "", format!("{}{}", "rubygems_", hex(48)), "\n"),
        row("docker-hub-token", "", format!("{}{}", "dckr_pat_", mixed(27)), "\n"),
        row("kubeconfig-client-key", "    client-key-data: ", mixed(88), "\n"),
        row("vault-token", "", format!("{}.{}", "hvs", mixed(92)), "\n"),
        row("terraform-cloud-token", "", format!("{}.{}.{}", mixed(14), "atlasv1", mixed(64)), "\n"),
        row("digitalocean-token", "", format!("{}{}", "dop_v1_", hex(64)), "\n"),
        row("stripe-key", "", format!("{}{}", "sk_live_", mixed(24)), "\n"),
        row("sendgrid-key", "", format!("{}.{}.{}", "SG", mixed(22), mixed(43)), "\n"),
        row("hugging-face-token", "", format!("{}{}", "hf_", letters), "\n"),
        row("databricks-token", "", format!("{}{}", "dapi", hex(32)), "\n"),
        ("docker-auth", "root/.docker/config.json", text(r#"{"auths":{"r":{"auth":""#), mixed(24), "\"}}}"),
        ("kubeconfig-token", "root/.kube/config", text("    token: "), mixed(32), "\n"),
        ("netrc-password", "root/.netrc", text("machine h login u password "), text("pw1"), "\n"),
        ("pgpass-password", "root/.pgpass", text("h:5432:*:u:"), text("pw1"), "\n"),
        ("git-credentials", "root/.git-credentials", text("https://u:"), text("pw1"), "@h\n"),
        ("npmrc-auth", "root/.npmrc", text("//r/:_authToken="), mixed(36), "\n"),
        ("pypirc-password", "root/.pypirc", text("[pypi]\npassword = "), text("pw1"), "\n"),
        ("shadow-hash", "etc/shadow", text("root:"), format!("$6$ab$abcd$y{}", "x1"), ":19000:0\n"),
        ("htpasswd-hash", "etc/nginx/.htpasswd", text("u:"), format!("$apr1$ab$abcd{}", "x1"), "\n"),
        ("ssh-private-key-file", "root/.ssh/id_ed25519", text(""), text("\x01\x02"), ""),
        ("key-store", "app/tls.p12", text(""), text("\x01\x02"), ""),
    ]
}

#[test]
fn every_rule_finds_its_example_and_tells_only_where_it_is() {
    let rules = SecretRules::builtin().unwrap();
    let examples = examples();
    for (rule, path, before, secret, after) in &examples {
        let content = format!("\n{before}{secret}{after}");
        let content = content
            .strip_prefix('\n')
            .filter(|_| path.contains("id_") || path.ends_with("p12"))
            .unwrap_or(&content);
        let found = rules.search(path.as_bytes(), content.as_bytes());
        let secrets: Vec<_> = found.found.iter().filter(|found| found.rule == *rule).collect();
        let [one] = &secrets[..] else { panic!("{rule}: {found:?}") };
        let at = content.find(secret.as_str()).unwrap() as u64;
        let line = content[..usize::try_from(at).unwrap()].matches('\n').count() as u64 + 1;
        assert_eq!((one.offset, one.line, one.bytes), (at, line, secret.len() as u64), "{rule}");
        assert_eq!(one.digest, Digest::sha256(secret.as_bytes()), "{rule}");
        assert!(!format!("{found:?}").contains(secret.as_str()), "{rule}");
    }
    let names: Vec<&str> = examples.iter().map(|example| example.0).collect();
    assert_eq!(rules.names().collect::<Vec<_>>(), names, "each rule has an example");
}

#[test]
fn each_gate_of_the_own_rules_is_short_and_has_marks() {
    for rule in super::builtin::rules().unwrap() {
        let Some(gate) = rule.gate else { continue };
        assert!(!gate.marks.is_empty(), "{}", rule.id);
        assert!(gate.marks.iter().all(|mark| mark.trim_start_matches('~').len() >= 3), "{}", rule.id);
        // Without repetitions, a gate is no longer than its expression, up to a `{8}` at its end.
        assert!(!gate.expression.contains(['*', '+', ',']) && gate.expression.len() < 80, "{}", rule.id);
    }
}

#[test]
fn values_of_documents_and_placeholders_are_not_reported() {
    let id = format!("AKIA{}EXAMPLE", "IOSFODNN7");
    let key = format!("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY{}", "EXAMPLEKEY");
    for text in [
        id,
        key,
        format!("{}{}", "ghp_", "x".repeat(36)),
        format!("-----BEGIN {}KEY-----\n...\n", "PRIVATE "),
    ] {
        assert_eq!(found("a", &text), [], "{text}");
    }
}

#[test]
fn names_of_files_count_only_where_a_rule_says_so() {
    let text = "machine h login u password pw1\n";
    assert_eq!(found("root/.netrc", text), [("netrc-password".to_owned(), 1, 3)]);
    assert_eq!(found("root/netrc.txt", text), []);
    let rules = SecretRules::builtin().unwrap();
    assert!(rules.concerns(b"root/.ssh/id_rsa") && !rules.concerns(b"root/.ssh/id_rsa.pub"));
}

#[test]
fn limits_are_told() {
    let token = format!("{}{} ", "glpat-", mixed(20));
    let rules = SecretRules::builtin().unwrap();
    let many: String = (0..=SECRETS_MAX).map(|_| token.as_str()).collect();
    let secrets = rules.search(b"a", many.as_bytes());
    assert_eq!((secrets.found.len(), secrets.left_out.rules), (SECRETS_MAX, 1));
    let mut long = vec![b'\n'; SEARCHED_BYTES_MAX];
    long.extend(token.as_bytes());
    let secrets = rules.search(b"a", &long);
    assert_eq!((secrets.found.len(), secrets.left_out.bytes), (0, token.len() as u64));
}

const RULES_FILE: &str = r#"
title = "own"
[extend]
useDefault = true
[[rules]]
id = "acme-token"
description = "x"
regex = '''(?i)acme[_-]?token\s*=\s*"([a-z0-9]{8})"'''
keywords = ["acme"]
entropy = 2.5
tags = ["a"]
[[rules.allowlists]]
stopwords = ["dummy"]
commits = ["1"]
[[rules]]
id = "licence-file"
path = '''(^|/)acme\.lic$'''
[[rules]]
id = "look-ahead"
regex = '''(?!a)b'''
[[rules]]
id = "composite"
regex = "a"
[[rules.required]]
id = "b"
[allowlist]
paths = ['''^usr/share/doc/''']
"#;

#[test]
fn a_gitleaks_file_is_used_as_far_as_it_can_be() {
    let file = GitleaksFile::parse(RULES_FILE).unwrap();
    let count = |path: &str, text: &str| file.rules.search(path.as_bytes(), text.as_bytes()).found.len();
    assert_eq!(count("a", "ACME_TOKEN = \"a1b2c3d4\""), 1);
    assert_eq!(count("a", "ACME_TOKEN = \"aaaabbbb\""), 0, "too even");
    assert_eq!(count("a", "ACME_TOKEN = \"dummy1x2\""), 0, "a stop word");
    assert_eq!(count("usr/share/doc/a", "ACME_TOKEN = \"a1b2c3d4\""), 0, "an allowed path");
    assert_eq!((count("opt/acme.lic", "x"), count("opt/acme.txt", "x")), (1, 0));
    let not_used = file.not_used.join("\n");
    for word in ["extend", "commits", "look-ahead", "composite"] {
        assert!(not_used.contains(word), "{word} in {not_used}");
    }
    assert_eq!(file.not_used.len(), 4);
    let both = SecretRules::builtin().unwrap().and(file.rules).unwrap();
    assert_eq!(both.names().count(), examples().len() + 2);
    assert!(GitleaksFile::parse("rules = 1").is_err());
}

/// Pieces of a text: examples of secrets, whole and cut, marks of gates in both cases, and bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] =
        &["AWS_sec", "awsSECRET", "accountkey", "AccountKEY=", "3Q~", "sig=", "hf_", "SG.", ".eyJ", "a"];
    static EXAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
        examples()
            .into_iter()
            .map(|(_, _, before, secret, after)| format!("{before}{secret}{after}"))
            .collect()
    });
    let example = (0..EXAMPLES.len(), 0..300_usize, 0..300_usize).prop_map(|(at, start, bytes)| {
        let example = EXAMPLES[at].as_bytes();
        // Every second one is whole.
        let start = if start % 2 == 0 { 0 } else { start.min(example.len()) };
        let end = if bytes % 2 == 0 { example.len() } else { (start + bytes).min(example.len()) };
        example[start..end].to_vec()
    });
    let word = proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec());
    let noise = proptest::collection::vec(any::<u8>(), 0..100);
    let letters = proptest::collection::vec(proptest::sample::select(MIXED.as_bytes()), 0..100);
    proptest::collection::vec(prop_oneof![example, word, noise, letters], 0..8).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn marks_change_no_finding(text in pieces()) {
        static BOTH: LazyLock<[SecretRules; 2]> = LazyLock::new(|| {
            let both = || SecretRules::builtin().unwrap().and(GitleaksFile::parse(RULES_FILE).unwrap().rules);
            [both().unwrap(), both().unwrap().without_marks()]
        });
        static RULES: LazyLock<SecretRules> = LazyLock::new(|| SecretRules::builtin().unwrap());
        static WITHOUT: LazyLock<SecretRules> = LazyLock::new(|| SecretRules::builtin().unwrap().without_marks());
        for path in [&b"etc/app.conf"[..], b"root/.netrc"] {
            prop_assert_eq!(RULES.search(path, &text), WITHOUT.search(path, &text));
        }
        // Rules of a file, which have no marks, beside them.
        let text = [b"acme_token = \"a1b2c3d4\"".as_slice(), &text].concat();
        prop_assert_eq!(BOTH[0].search(b"a", &text), BOTH[1].search(b"a", &text));
    }

    #[test]
    fn any_bytes_can_be_searched(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        static RULES: LazyLock<SecretRules> = LazyLock::new(|| SecretRules::builtin().unwrap());
        for secret in RULES.search(b"root/.netrc", &bytes).found {
            prop_assert!(secret.offset + secret.bytes <= bytes.len() as u64);
        }
    }
}
