//! Lists of signers of `ssh-keygen` (ssh-keygen(1), "ALLOWED SIGNERS"), as keys for a trust file.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::judgement::Role;
use super::key::PublicKey;
use super::key_error::KeyProblem;
use super::policy::checked_holder;
use super::ssh::is_line;
use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// Maximum length of what a message repeats of a line, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// A key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AllowedSigner {
    /// The line in the list, from 1 on.
    pub line: usize,
    /// The principal, who becomes the holder.
    pub holder: String,
    /// The key, as one line of base64 (SubjectPublicKeyInfo, DER).
    pub public_key: String,
    /// The id of the key.
    pub key: String,
    /// The time from which the key is valid, in RFC 3339.
    pub valid_from: Option<String>,
    /// The time until which the key is valid, in RFC 3339.
    pub valid_until: Option<String>,
}

/// A line that a trust file cannot express.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PassedOver {
    /// The line in the list, from 1 on.
    pub line: usize,
    /// Why it was passed over.
    pub reason: String,
}

/// The keys of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AllowedSigners {
    /// The keys.
    pub keys: Vec<AllowedSigner>,
    /// The lines that were passed over.
    pub passed_over: Vec<PassedOver>,
}

/// A line that is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct AllowedSignersError {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Diagnose for AllowedSignersError {
    fn diagnosis(&self) -> Diagnosis {
        Code::SignerListMalformed.into()
    }
}

/// What becomes of a line.
enum Outcome {
    Key(AllowedSigner),
    PassedOver(String),
}

impl AllowedSigners {
    /// Reads a list. A line that says more, less or something else than a trust file can say is passed over, with the
    /// reason: nothing is imported with other rights than it has in the list.
    ///
    /// # Errors
    /// [`AllowedSignersError`] for a line that is malformed.
    pub fn parse(text: &str) -> Result<AllowedSigners, AllowedSignersError> {
        let mut found = AllowedSigners { keys: Vec::new(), passed_over: Vec::new() };
        let mut lines: HashMap<String, usize> = HashMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim_ascii();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let outcome = read_line(line, text).map_err(|problem| AllowedSignersError { line, problem })?;
            let outcome = match outcome {
                Outcome::Key(key) => match lines.get(&key.key) {
                    Some(first) => Outcome::PassedOver(format!("it has the same key as line {first}")),
                    None => Outcome::Key(key),
                },
                passed_over @ Outcome::PassedOver(_) => passed_over,
            };
            match outcome {
                Outcome::Key(key) => {
                    lines.insert(key.key.clone(), line);
                    found.keys.push(key);
                }
                Outcome::PassedOver(reason) => found.passed_over.push(PassedOver { line, reason }),
            }
        }
        Ok(found)
    }

    /// The keys as tables of a trust file, each with these roles.
    pub fn to_toml(&self, roles: &[Role]) -> String {
        let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
        let mut out = String::new();
        for key in &self.keys {
            // A holder is printable ASCII, for which both languages escape alike.
            out += &format!("# line {}, key id {}\n[[keys]]\nholder = {:?}\n", key.line, key.key, key.holder);
            out += &format!("public-key = \"{}\"\nroles = [{}]\n", key.public_key, roles.join(", "));
            for (name, time) in [("valid-from", &key.valid_from), ("valid-until", &key.valid_until)] {
                if let Some(time) = time {
                    out += &format!("{name} = {time}\n");
                }
            }
            out += "\n";
        }
        out
    }
}

fn read_line(line: usize, text: &str) -> Result<Outcome, String> {
    let (principals, rest) = word(text)?;
    let (options, rest) = if is_line(rest) { ("", rest) } else { word(rest)? };
    if !is_line(rest) {
        return Err(format!("expected principals, options and a key, found {:?}", shown(text)));
    }
    let mut valid_from = None;
    let mut valid_until = None;
    for option in split(options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "cert-authority" => {
                return Ok(Outcome::PassedOver(
                    "it is an authority for certificates, which carnet does not read".into(),
                ));
            }
            "namespaces" => {
                let reason = format!("its key is only for the namespaces {:?} of ssh-keygen", shown(value));
                return Ok(Outcome::PassedOver(reason));
            }
            "valid-after" | "valid-before" if !value.ends_with('Z') => {
                let reason = format!(
                    "{name} {:?} is in the local time of some machine: write it with Z",
                    shown(value)
                );
                return Ok(Outcome::PassedOver(reason));
            }
            "valid-after" => valid_from = Some(time(value)?),
            "valid-before" => valid_until = Some(time(value)?),
            _ => return Err(format!("the option {:?} is unknown", shown(name))),
        }
    }
    if valid_from.as_ref().zip(valid_until.as_ref()).is_some_and(|(from, until)| from >= until) {
        return Err("valid-before is not after valid-after".to_owned());
    }
    let principals = principals.trim_matches('"');
    if principals.contains([',', '*', '?', '!']) {
        let reason =
            format!("{:?} is a pattern or several names, and a key has one holder", shown(principals));
        return Ok(Outcome::PassedOver(reason));
    }
    let Ok(holder) = checked_holder(principals) else {
        let reason =
            format!("{:?} is no name of a holder: 1 to 64 printable ASCII characters", shown(principals));
        return Ok(Outcome::PassedOver(reason));
    };
    let key = match PublicKey::from_text(rest) {
        Ok(key) => key,
        Err(error) => match error.problem() {
            KeyProblem::Algorithm { .. } => {
                return Ok(Outcome::PassedOver(format!("its key {}", error.problem())));
            }
            problem => return Err(format!("its key {problem}")),
        },
    };
    let text = |time: Timestamp| time.to_string();
    Ok(Outcome::Key(AllowedSigner {
        line,
        holder,
        public_key: key.to_word(),
        key: key.id().to_string(),
        valid_from: valid_from.map(text),
        valid_until: valid_until.map(text),
    }))
}

/// The first word, which ends at a space outside of quotes, and the rest behind the spaces.
fn word(text: &str) -> Result<(&str, &str), String> {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return Ok((&text[..at], text[at..].trim_ascii_start())),
            _ => {}
        }
    }
    if is_quoted { Err("a quotation mark is missing".to_owned()) } else { Ok((text, "")) }
}

/// The options, which are separated by commas outside of quotes.
fn split(options: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let separates = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    options.split(separates).filter(|option| !option.is_empty())
}

/// Reads `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`.
fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("expected a time as YYYYMMDDHHMMSSZ, found {:?}", shown(text));
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let digits = digits.filter(|digits| matches!(digits.len(), 8 | 12 | 14)).ok_or_else(wrong)?;
    let part = |from: usize| digits.get(from..from + 2).unwrap_or("00");
    let date = format!("{}-{}-{}", &digits[..4], part(4), part(6));
    format!("{date}T{}:{}:{}Z", part(8), part(10), part(12)).parse().map_err(|_| wrong())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
