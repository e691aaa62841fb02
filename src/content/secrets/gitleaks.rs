//! Rules in the file format of Gitleaks: `[[rules]]` with `id`, `regex`, `path`, `keywords`, `entropy`, `secretGroup` and
//! allowlists. What has no meaning here or cannot be used is named, and the rest is used.

use regex::bytes::Regex;
use serde::Deserialize;

use super::{
    rule::{Allowed, Gate, Rule, RulesError, Target, expression},
    scan::SecretRules,
};

/// Maximum size of a file in bytes. That of Gitleaks 8 has 130 KiB.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Maximum number of rules. Gitleaks 8 has 220.
const RULES_MAX: usize = 2000;

/// The file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum GitleaksError {
    /// The file is too long.
    #[error("the file of secret rules has {found} bytes, {FILE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its size in bytes.
        found: usize,
    },
    /// The file is not TOML, or a known key has a value of the wrong type.
    #[error("the file of secret rules is not valid: {message}")]
    Syntax {
        /// What the TOML parser says.
        message: String,
    },
    /// There are too many rules.
    #[error("the file has {found} secret rules, {RULES_MAX} are allowed")]
    TooMany {
        /// Their number.
        found: usize,
    },
    /// The rules cannot be used together.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// The rules of a file, and what of it is not used.
#[derive(Debug)]
pub struct GitleaksFile {
    /// The rules.
    pub rules: SecretRules,
    /// What is not used, as sentences for people.
    pub not_used: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFile {
    #[serde(default)]
    rules: Vec<RawRule>,
    allowlist: Option<RawAllowlist>,
    #[serde(default)]
    allowlists: Vec<RawAllowlist>,
    extend: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRule {
    id: Option<String>,
    regex: Option<String>,
    path: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    entropy: Option<toml::Value>,
    secret_group: Option<usize>,
    allowlist: Option<RawAllowlist>,
    #[serde(default)]
    allowlists: Vec<RawAllowlist>,
    required: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAllowlist {
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(default)]
    commits: Vec<String>,
    regex_target: Option<String>,
    condition: Option<String>,
    target_rules: Option<toml::Value>,
}

impl GitleaksFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// If it is not TOML, or too large. A rule that cannot be used is not an error but a sentence in
    /// [`GitleaksFile::not_used`].
    pub fn parse(text: &str) -> Result<GitleaksFile, GitleaksError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(GitleaksError::TooLong { found: text.len() });
        }
        let raw: RawFile = toml::from_str(text)
            .map_err(|error| GitleaksError::Syntax { message: error.message().to_owned() })?;
        if raw.rules.len() > RULES_MAX {
            return Err(GitleaksError::TooMany { found: raw.rules.len() });
        }
        let mut not_used = Vec::new();
        if raw.extend.is_some() {
            not_used.push("extend is not used: pass each file of rules".to_owned());
        }
        let mut rules = Vec::new();
        for (index, raw) in raw.rules.into_iter().enumerate() {
            let id = raw.id.clone().unwrap_or_else(|| format!("number {}", index.saturating_add(1)));
            match rule(&id, raw, &mut not_used) {
                Ok(rule) => rules.push(rule),
                Err(why) => not_used.push(format!("rule {id:?} is not used: {why}")),
            }
        }
        let allowed = raw.allowlist.into_iter().chain(raw.allowlists);
        let allowed =
            allowed.filter_map(|raw| allowed_by("the global allowlist", raw, &mut not_used)).collect();
        Ok(GitleaksFile { rules: SecretRules::new(rules, allowed)?, not_used })
    }
}

fn rule(id: &str, raw: RawRule, not_used: &mut Vec<String>) -> Result<Rule, String> {
    if raw.required.is_some() {
        return Err("it needs the match of another rule, which is not supported".to_owned());
    }
    if raw.regex.is_none() && raw.path.is_none() {
        return Err("it has neither regex nor path".to_owned());
    }
    let compiled = |pattern: &String| expression(id, pattern).map_err(|error| error.to_string());
    let content = raw.regex.as_ref().map(compiled).transpose()?;
    let path = raw.path.as_ref().map(compiled).transpose()?;
    let entropy_milli = match raw.entropy {
        None => 0,
        Some(toml::Value::Integer(bits)) => u32::try_from(bits.clamp(0, 8)).unwrap_or(0) * 1000,
        Some(toml::Value::Float(bits)) if (0.0..=8.0).contains(&bits) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8,000")]
            let milli = (bits * 1000.0).round() as u32;
            milli
        }
        Some(other) => return Err(format!("its entropy is {other:?}, a number from 0 to 8 was expected")),
    };
    let group = raw.secret_group.filter(|group| *group > 0);
    let groups = content.as_ref().map_or(0, |regex| regex.captures_len().saturating_sub(1));
    if group.is_some_and(|group| group > groups) {
        return Err("secretGroup names a group that its regex does not have".to_owned());
    }
    let whose = format!("an allowlist of rule {id:?}");
    let allowed = raw.allowlist.into_iter().chain(raw.allowlists);
    let allowed = allowed.filter_map(|raw| allowed_by(&whose, raw, not_used)).collect();
    // Without keywords, the expression alone decides.
    let gate = (!raw.keywords.is_empty() && content.is_some()).then(|| {
        let words: Vec<String> = raw.keywords.iter().map(|word| regex::escape(word)).collect();
        format!("(?i:{})", words.join("|"))
    });
    // A gate that cannot be compiled would take all other rules with it.
    gate.as_ref().map(compiled).transpose()?;
    let gate = gate.map(|expression| Gate { expression, marks: &[] });
    Ok(Rule { id: id.to_owned(), path, content, gate, group, entropy_milli, allowed })
}

fn allowed_by(whose: &str, raw: RawAllowlist, not_used: &mut Vec<String>) -> Option<Allowed> {
    if raw.target_rules.is_some() {
        not_used.push(format!("{whose} is not used: targetRules is not supported"));
        return None;
    }
    if !raw.commits.is_empty() {
        not_used.push(format!("commits of {whose} are not used: a layer has no commits"));
    }
    let target = match raw.regex_target.as_deref() {
        None | Some("" | "secret") => Target::Secret,
        Some("match") => Target::Match,
        Some("line") => Target::Line,
        Some(other) => {
            not_used.push(format!("{whose} is not used: regexTarget is {other:?}"));
            return None;
        }
    };
    let mut compiled = |patterns: Vec<String>| -> Vec<Regex> {
        let mut regexes = Vec::new();
        for pattern in patterns {
            match expression(whose, &pattern) {
                Ok(regex) => regexes.push(regex),
                Err(error) => not_used.push(format!("an expression of {whose} is not used: {error}")),
            }
        }
        regexes
    };
    let needs_both = raw.condition.is_some_and(|condition| matches!(&*condition, "AND" | "and" | "&&"));
    let (asked_paths, asked_texts) = (raw.paths.len(), raw.regexes.len());
    let allowed = Allowed {
        paths: compiled(raw.paths),
        texts: compiled(raw.regexes),
        stopwords: raw.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        target,
        needs_both,
    };
    // Without one of its conditions, a list that needs all of them would allow more than it says.
    let is_complete = allowed.paths.len() == asked_paths && allowed.texts.len() == asked_texts;
    (is_complete || !needs_both).then_some(allowed)
}
