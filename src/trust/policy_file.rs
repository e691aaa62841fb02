//! Trust files: trust policies in TOML.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use toml::{Spanned, Value, value::Datetime};

use super::{
    demand::Demand,
    judgement::Role,
    key::PublicKey,
    policy::{Rules, TrustPolicy, checked_holder},
    policy_error::{PolicyError, PolicyProblem},
    policy_key::{JUMP_MAX, NO_STREAM, PolicyKey, Revocation},
};
use crate::diagnosis::count;
use crate::format::limits::SEQUENCE_MAX;
use crate::format::{Profile, Sum};
use crate::small_file::{SmallFile, SmallFileError};

/// Maximum size of a trust file in bytes. 256 keys of ML-DSA-87 need about 950 KiB.
pub const POLICY_BYTES_MAX: u64 = 1024 * 1024;

/// Maximum size of a public key file in bytes. An Ed25519 key has 113 bytes.
const PUBLIC_KEY_BYTES_MAX: u64 = 64 * 1024;

/// Maximum number of streams of a key.
const STREAMS_MAX: usize = 256;

/// Maximum length of a stream name in characters.
const STREAM_CHARS_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPolicy {
    #[expect(
        dead_code,
        reason = "checked before the rest is parsed, so that another version gets its own error"
    )]
    version: i64,
    release_threshold: i64,
    root_threshold: Option<i64>,
    algorithms: Option<Vec<Value>>,
    profile: Option<String>,
    serial: Option<u64>,
    expires: Option<Value>,
    keys: Vec<Spanned<RawKey>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawKey {
    holder: String,
    public_key: Option<String>,
    public_key_file: Option<PathBuf>,
    roles: Vec<Role>,
    streams: Option<Vec<String>>,
    valid_from: Option<Value>,
    valid_until: Option<Value>,
    revoked: Option<Value>,
    max_jump: Option<u64>,
    verify_required: Option<bool>,
}

impl TrustPolicy {
    /// Reads a trust file and the key files that it names.
    ///
    /// # Errors
    /// A [`PolicyError`] that names the file.
    pub fn load(path: &Path) -> Result<TrustPolicy, PolicyError> {
        let at_path = |error| PolicyError { path: Some(path.to_owned()), ..error };
        let at_file = |error| at_path(PolicyProblem::from(error).into());
        let file = SmallFile::read_once(path, POLICY_BYTES_MAX).map_err(at_file)?;
        let text = file.text().map_err(at_file)?;
        let mut policy = TrustPolicy::from_text_at(path, text)?;
        policy.file_sum = Some(Sum::of(file.bytes()));
        Ok(policy)
    }

    /// Parses the text of the trust file at `path`, and reads the key files that it names.
    ///
    /// # Errors
    /// A [`PolicyError`] that names the file.
    pub(super) fn from_text_at(path: &Path, text: &str) -> Result<TrustPolicy, PolicyError> {
        let base_dir = path.parent().unwrap_or(Path::new(""));
        let load = |file: &Path| Ok(SmallFile::read(file, PUBLIC_KEY_BYTES_MAX)?.text()?.to_owned());
        let policy = TrustPolicy::from_toml(text, base_dir, &load);
        policy.map_err(|error| PolicyError { path: Some(path.to_owned()), ..error })
    }

    /// Parses a policy that names no files.
    ///
    /// # Errors
    /// As [`TrustPolicy::from_toml`]; [`PolicyProblem::KeyFile`] if it names one.
    pub fn from_text(text: &str) -> Result<TrustPolicy, PolicyError> {
        let alone = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        let mut policy = TrustPolicy::from_toml(text, Path::new(""), &alone)?;
        policy.file_sum = Some(Sum::of(text.as_bytes()));
        Ok(policy)
    }

    /// Parses a policy. `load` returns the text of a `public-key-file`, whose path is relative to `base_dir`. Unknown
    /// TOML keys are errors, and so are policies that no bundle could satisfy.
    ///
    /// # Errors
    /// A [`PolicyError`] with the line number if the problem is in one line.
    pub fn from_toml(
        text: &str,
        base_dir: &Path,
        load: &dyn Fn(&Path) -> Result<String, SmallFileError>,
    ) -> Result<TrustPolicy, PolicyError> {
        if text.len() as u64 > POLICY_BYTES_MAX {
            return Err(PolicyProblem::TooLong { limit: POLICY_BYTES_MAX }.into());
        }
        let syntax = |error: toml::de::Error| PolicyError {
            path: None,
            line: error.span().map(|span| line_of(text, &span)),
            problem: PolicyProblem::Syntax { message: error.message().to_owned() },
        };
        let table: toml::Table = toml::from_str(text).map_err(syntax)?;
        match table.get("version") {
            Some(Value::Integer(1)) => {}
            found => {
                let found = match found {
                    Some(Value::Integer(version)) => version.to_string(),
                    Some(other) => format!("a value of type {}", other.type_str()),
                    None => "missing".to_owned(),
                };
                return Err(PolicyProblem::Version { found }.into());
            }
        }
        let raw: RawPolicy = toml::from_str(text).map_err(syntax)?;
        let mut keys = Vec::with_capacity(raw.keys.len());
        for spanned in raw.keys {
            let line = line_of(text, &spanned.span());
            let key = read_key(spanned.into_inner(), line, base_dir, load)
                .map_err(|problem| PolicyError { path: None, line: Some(line), problem })?;
            keys.push(key);
        }
        let algorithms = raw.algorithms.as_deref().map(demand).transpose()?;
        let setting = |key, detail| PolicyProblem::Setting { key, detail };
        let algorithms = match raw.profile.map(|word| word.parse::<Profile>()) {
            None => algorithms,
            Some(profile) => {
                let profile =
                    profile.map_err(|expected| setting("profile", format!("expected {expected}")))?;
                Some(Demand::of_profile(profile, algorithms)?)
            }
        };
        if raw.serial.is_some_and(|serial| !(1..=SEQUENCE_MAX).contains(&serial)) {
            return Err(setting("serial", format!("expected a number from 1 to {SEQUENCE_MAX}")).into());
        }
        let expires = raw.expires.as_ref().map(timestamp).transpose();
        let rules = Rules {
            release_threshold: raw.release_threshold,
            algorithms,
            serial: raw.serial,
            root_threshold: raw.root_threshold,
            expires: expires.map_err(|detail| setting("expires", detail))?,
        };
        Ok(TrustPolicy::new(rules, keys)?)
    }
}

/// What a trust file wants of each holder: names of algorithms, and lists of those of which one is enough.
fn demand(list: &[Value]) -> Result<Demand, PolicyProblem> {
    let name = |value: &Value| match value {
        Value::String(name) => Ok(name.clone()),
        other => Err(PolicyProblem::Algorithms { found: format!("a value of type {}", other.type_str()) }),
    };
    let names = |value: &Value| match value {
        Value::Array(names) => names.iter().map(name).collect(),
        one => Ok(vec![name(one)?]),
    };
    Demand::new(&list.iter().map(names).collect::<Result<Vec<_>, _>>()?)
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
}

fn read_key(
    raw: RawKey,
    line: usize,
    base_dir: &Path,
    load: &dyn Fn(&Path) -> Result<String, SmallFileError>,
) -> Result<PolicyKey, PolicyProblem> {
    let holder = checked_holder(&raw.holder)?;
    let key = match (raw.public_key, raw.public_key_file) {
        (Some(text), None) if is_key_text(&text) => PublicKey::from_text(&text),
        (Some(text), None) => PublicKey::from_base64_der(&text),
        (None, Some(file)) => {
            let file = base_dir.join(file);
            match load(&file) {
                Ok(text) => PublicKey::from_text(&text),
                Err(source) => return Err(PolicyProblem::KeyFile { holder, file, source }),
            }
        }
        _ => return Err(PolicyProblem::KeySource { holder }),
    }
    .map_err(|error| PolicyProblem::key(&holder, error))?;

    let mut roles = raw.roles;
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(PolicyProblem::NoRole { holder });
    }
    let streams = raw.streams.map(|streams| checked_streams(&holder, streams)).transpose()?;
    let time = |key, value: Option<Value>| {
        value.map(|value| timestamp(&value)).transpose().map_err(|detail| PolicyProblem::Time {
            holder: holder.clone(),
            key,
            detail,
        })
    };
    let valid_from = time("valid-from", raw.valid_from)?;
    let valid_until = time("valid-until", raw.valid_until)?;
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        let detail = "it is not after valid-from".to_owned();
        return Err(PolicyProblem::Time { holder, key: "valid-until", detail });
    }
    let revoked = match raw.revoked {
        None | Some(Value::Boolean(false)) => None,
        Some(Value::Boolean(true)) => Some(Revocation::Undated),
        Some(Value::Table(table)) => Some(revoked_from(&holder, &table, streams.as_deref())?),
        dated => time("revoked", dated)?.map(Revocation::At),
    };
    let jump_max = raw.max_jump.unwrap_or(JUMP_MAX);
    if !(1..=SEQUENCE_MAX).contains(&jump_max) {
        return Err(PolicyProblem::Jump { holder, found: jump_max });
    }
    let verify_required = raw.verify_required.unwrap_or(false);
    if verify_required && !key.is_in_fido_token() {
        let detail = format!("the key of {holder:?} is not one of a FIDO token, which alone can show that");
        return Err(PolicyProblem::Setting { key: "verify-required", detail });
    }
    Ok(PolicyKey {
        key,
        holder,
        roles,
        streams,
        valid_from,
        valid_until,
        revoked,
        jump_max,
        verify_required,
        line,
    })
}

/// Whether a text is more than the base64 line of a PEM block, which has no space and no dash.
fn is_key_text(text: &str) -> bool {
    text.trim_ascii().contains([' ', '-'])
}

fn checked_streams(holder: &str, mut streams: Vec<String>) -> Result<Vec<String>, PolicyProblem> {
    let wrong = |detail: String| PolicyProblem::Streams { holder: holder.to_owned(), detail };
    if !(1..=STREAMS_MAX).contains(&streams.len()) {
        return Err(wrong(format!(
            "the list has {}, 1 to {STREAMS_MAX} are allowed",
            count(streams.len() as u64, "entry", "entries")
        )));
    }
    for stream in &streams {
        let graphic = stream.bytes().all(|b| b.is_ascii_graphic());
        if stream != NO_STREAM && !(graphic && (1..=STREAM_CHARS_MAX).contains(&stream.len())) {
            let shown: String = stream.chars().take(80).collect();
            return Err(wrong(format!(
                "{shown:?} is not valid: a name has 1 to {STREAM_CHARS_MAX} printable ASCII characters without spaces"
            )));
        }
    }
    streams.sort_unstable();
    streams.dedup();
    Ok(streams)
}

/// Reads `revoked = { created-from = TIME }` and `revoked = { sequence-from = N }`.
fn revoked_from(
    holder: &str,
    table: &toml::Table,
    streams: Option<&[String]>,
) -> Result<Revocation, PolicyProblem> {
    let wrong = |detail: String| PolicyProblem::Time { holder: holder.to_owned(), key: "revoked", detail };
    let mut entries = table.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(wrong("expected one of created-from and sequence-from".to_owned()));
    };
    match (key.as_str(), value) {
        ("created-from", value) => timestamp(value).map(Revocation::CreatedFrom).map_err(wrong),
        ("sequence-from", Value::Integer(from)) if *from >= 1 => {
            let is_one = streams.is_some_and(|streams| streams.len() == 1 && streams[0] != NO_STREAM);
            if !is_one {
                return Err(wrong(
                    "sequence-from needs `streams` with one stream: numbers are those of a stream".to_owned(),
                ));
            }
            Ok(Revocation::SequenceFrom(u64::try_from(*from).expect("positive")))
        }
        ("sequence-from", _) => Err(wrong("sequence-from: expected a number from 1 on".to_owned())),
        (other, _) => Err(wrong(format!(
            "expected created-from or sequence-from, found {:?}",
            other.chars().take(40).collect::<String>()
        ))),
    }
}

/// Parses a time: a TOML date-time or a string, with date, time and offset.
fn timestamp(value: &Value) -> Result<Timestamp, String> {
    let datetime = match value {
        Value::Datetime(datetime) => *datetime,
        // The TOML parser is used, so that both forms accept the same texts.
        Value::String(text) => text.parse::<Datetime>().map_err(|error| error.to_string())?,
        other => return Err(format!("expected a time, found a value of type {}", other.type_str())),
    };
    if datetime.date.is_none() || datetime.time.is_none() || datetime.offset.is_none() {
        return Err(format!("{datetime} lacks a date, a time of day or an offset from UTC"));
    }
    datetime.to_string().parse().map_err(|error: jiff::Error| error.to_string())
}

#[cfg(test)]
mod tests;
