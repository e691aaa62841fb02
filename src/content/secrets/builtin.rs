//! The rules that the program brings along. The forms are what the issuers of the tokens document.

use super::rule::{Gate, Rule, RulesError, expression};

/// Name, marks, gate, expression, and the least entropy in thousandths of a bit per byte.
///
/// A gate is a short part that each match of the expression has: all files are searched for all gates at once, so these must
/// not be long, and not count far. Each match of a gate has one of the marks, of at least three bytes. Behind `~`, upper and
/// lower case make no difference. The rarer a mark, the better.
type Anywhere = (&'static str, &'static [&'static str], &'static str, &'static str, u32);

/// Rules for all files. The first group is the secret, if there is one.
const ANYWHERE: &[Anywhere] = &[
    (
        "aws-access-key-id",
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        "AKIA|ASIA|ABIA|ACCA",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        2500,
    ),
    (
        "aws-secret-access-key",
        &["~ws_s", "~wss"],
        "(?i:aws_?secret)",
        r#"(?i:aws_?secret_?(?:access_?)?key)["']?\s{0,8}[:=]\s{0,8}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)"#,
        3500,
    ),
    (
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        "gh[pousr]_[0-9A-Za-z]{4}",
        r"\bgh[pousr]_[0-9A-Za-z]{36,}",
        3000,
    ),
    ("github-fine-grained-token", &["github_pat_"], "github_pat_", r"\bgithub_pat_[0-9A-Za-z_]{82}", 3000),
    (
        "gitlab-token",
        &["glpat-", "gldt-", "glptt-", "glrt-", "glsoat-", "glft-", "glagent-", "glcbt-", "glimt-", "gloas-"],
        "gl(?:pat|dt|ptt|rt|soat|ft|agent|cbt|imt|oas)-[0-9A-Za-z_-]{4}",
        r"\bgl(?:pat|dt|ptt|rt|soat|ft|agent|cbt|imt|oas)-[0-9A-Za-z_-]{20,}",
        3000,
    ),
    ("slack-token", &["xox"], "xox[abeoprs]-[0-9]", r"\bxox[abeoprs]-[0-9]{8,}-[0-9A-Za-z-]{10,}", 2500),
    ("slack-app-token", &["xapp-"], "xapp-[0-9]", r"\bxapp-[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-[0-9a-f]{32,}", 2500),
    (
        "slack-webhook",
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{40,})",
        3000,
    ),
    ("google-api-key", &["AIza"], "AIza", r"\bAIza[0-9A-Za-z_-]{35}", 3000),
    ("google-oauth-secret", &["GOCSPX-"], "GOCSPX-", r"\bGOCSPX-[0-9A-Za-z_-]{28}", 3000),
    (
        "azure-storage-key",
        &["~ntk"],
        "(?i:AccountKey)",
        r"(?i:AccountKey)\s{0,4}=\s{0,4}([A-Za-z0-9+/]{86}==)",
        3500,
    ),
    ("azure-sas", &["sig="], "[?&;]sig=", r"[?&;]sig=([A-Za-z0-9%/+]{40,80}(?i:%3d))", 3500),
    (
        "azure-client-secret",
        &["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
        "[0-9]Q~",
        r"[^A-Za-z0-9_~.-]([A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})",
        3500,
    ),
    (
        "private-key",
        &["PRIVATE KEY"],
        "PRIVATE KEY",
        concat!(
            r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----",
            r"(?:[\s\\nr]{1,8}Proc-Type: 4,ENCRYPTED[\s\\nr]{1,8}DEK-Info: [A-Z0-9-]{1,40},[0-9A-F]{1,64})?",
            r"[A-Za-z0-9+/=\s\\]{64,}"
        ),
        3000,
    ),
    (
        "putty-private-key",
        &["PuTTY-User-Key-File-"],
        "PuTTY-User-Key-File-",
        r"PuTTY-User-Key-File-[0-9]: [\s\S]{10,400}?Private-Lines: [0-9]",
        0,
    ),
    (
        "age-secret-key",
        &["AGE-SECRET-KEY-1"],
        "AGE-SECRET-KEY-1",
        r"\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        3000,
    ),
    ("jwt", &[".eyJ"], r"\.eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}", 3500),
    ("npm-token", &["npm_"], "npm_[A-Za-z0-9]{8}", r"\bnpm_[A-Za-z0-9]{36}\b", 3000),
    ("pypi-token", &["pypi-AgEI"], "pypi-AgEI", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}", 3500),
    ("rubygems-token", &["rubygems_"], "rubygems_[0-9a-f]{4}", r"\brubygems_[0-9a-f]{48}\b", 2500),
    ("docker-hub-token", &["dckr_"], "dckr_", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}", 3000),
    (
        "kubeconfig-client-key",
        &["client-key-data:"],
        "client-key-data:",
        r"\bclient-key-data:\s{1,4}([A-Za-z0-9+/]{64,}={0,2})",
        3500,
    ),
    ("vault-token", &["hvs.", "hvb."], r"hv[sb]\.[A-Za-z0-9_-]{8}", r"\bhv[sb]\.[A-Za-z0-9_-]{90,}", 3500),
    (
        "terraform-cloud-token",
        &[".atlasv1."],
        r"\.atlasv1\.",
        r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}",
        3500,
    ),
    ("digitalocean-token", &["_v1_"], "do[opr]_v1_", r"\bdo[opr]_v1_[0-9a-f]{64}\b", 3000),
    ("stripe-key", &["k_live_"], "[rs]k_live_", r"\b[rs]k_live_[0-9A-Za-z]{20,}", 3000),
    ("sendgrid-key", &["SG."], r"SG\.[A-Za-z0-9_-]{8}", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", 3500),
    ("hugging-face-token", &["hf_"], "hf_[A-Za-z]{8}", r"\bhf_[A-Za-z]{34}\b", 3000),
    ("databricks-token", &["dapi"], "dapi[0-9a-f]{4}", r"\bdapi[0-9a-f]{32}\b", 3000),
];

/// Name, path and expression.
type InFile = (&'static str, &'static str, Option<&'static str>);

/// Rules for files of one name. What they hold has no form of its own, so the entropy says nothing.
const IN_FILE: &[InFile] = &[
    (
        "docker-auth",
        r"(?:^|/)(?:config\.json|\.dockercfg|\.dockerconfigjson|auth\.json)$",
        Some(r#""(?:auth|identitytoken)"\s{0,8}:\s{0,8}"([A-Za-z0-9+/._=-]{8,})""#),
    ),
    (
        "kubeconfig-token",
        r"(?:^|/)(?:kubeconfig|\.kube/config|(?:super-)?admin\.conf|kubelet\.conf)$",
        Some(r#"\btoken:\s{1,4}["']?([A-Za-z0-9._-]{16,})"#),
    ),
    ("netrc-password", r"(?:^|/)[._]netrc$", Some(r"\bpassword\s{1,8}(\S{1,256})")),
    (
        "pgpass-password",
        r"(?:^|/)\.pgpass$",
        Some(r"(?m)^[^#:\n]{1,256}:[^:\n]{0,64}:[^:\n]{0,256}:[^:\n]{0,256}:([^\n\r]{1,256})"),
    ),
    ("git-credentials", r"(?:^|/)\.git-credentials$", Some(r"https?://[^:/\s]{0,256}:([^@\s]{1,256})@")),
    (
        "npmrc-auth",
        r"(?:^|/)\.npmrc$",
        Some(r#"_(?:authToken|auth|password)\s{0,4}=\s{0,4}["']?([A-Za-z0-9+/=_-]{8,})"#),
    ),
    ("pypirc-password", r"(?:^|/)\.pypirc$", Some(r"(?m)^\s{0,8}password\s{0,8}[:=]\s{0,8}(\S{1,256})")),
    (
        "shadow-hash",
        r"(?:^|/)etc/g?shadow-?$",
        Some(r"(?m)^[^:\n]{1,64}:!{0,2}(\$[0-9a-z]{1,8}\$[^:\n]{8,256})"),
    ),
    (
        "htpasswd-hash",
        r"(?:^|/)\.?htpasswd$",
        Some(r"(?m)^[^:\n]{1,256}:(\$(?:apr1|2[aby]?|5|6)\$[^:\n\s]{8,256}|\{SHA\}[A-Za-z0-9+/=]{8,64})"),
    ),
    // The whole file is the secret: keys that are not in PEM, and key stores.
    ("ssh-private-key-file", r"(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$", None),
    ("key-store", r"\.(?:p12|pfx|jks|keystore|kdbx|ppk|bcfks)$", None),
];

pub(super) fn rules() -> Result<Vec<Rule>, RulesError> {
    let anywhere = ANYWHERE.iter().map(|(id, marks, gate, pattern, entropy_milli)| {
        Ok(Rule {
            id: (*id).to_owned(),
            path: None,
            content: Some(expression(id, pattern)?),
            gate: Some(Gate { expression: (*gate).to_owned(), marks }),
            group: None,
            entropy_milli: *entropy_milli,
            allowed: Vec::new(),
        })
    });
    let in_file = IN_FILE.iter().map(|(id, path, pattern)| {
        Ok(Rule {
            id: (*id).to_owned(),
            path: Some(expression(id, path)?),
            content: pattern.map(|pattern| expression(id, pattern)).transpose()?,
            gate: None,
            group: None,
            entropy_milli: 0,
            allowed: Vec::new(),
        })
    });
    anywhere.chain(in_file).collect()
}
