//! Trust files: trust policies in TOML.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use toml::{Spanned, Value, value::Datetime};

use super::{
    key::PublicKey,
    policy::{NO_STREAM, PolicyKey, Revocation, Role, TrustPolicy, checked_holder},
    policy_error::{PolicyError, PolicyProblem},
};
use crate::diagnosis::count;

/// Maximum size of a trust file in bytes. 256 keys need about 100 KiB.
const POLICY_BYTES_MAX: u64 = 1024 * 1024;

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
}

impl TrustPolicy {
    /// Reads a trust file and the key files that it names.
    ///
    /// # Errors
    /// A [`PolicyError`] that names the file.
    pub fn load(path: &Path) -> Result<TrustPolicy, PolicyError> {
        let at_path = |error| PolicyError { path: Some(path.to_owned()), ..error };
        // One extra byte detects a file that is too long.
        let text = read_bounded(path, POLICY_BYTES_MAX + 1)
            .map_err(|error| at_path(PolicyProblem::Read(error).into()))?;
        let base_dir = path.parent().unwrap_or(Path::new(""));
        let load = |file: &Path| {
            let text = read_bounded(file, PUBLIC_KEY_BYTES_MAX + 1)?;
            if text.len() as u64 > PUBLIC_KEY_BYTES_MAX {
                let limit = format!("the file is longer than {PUBLIC_KEY_BYTES_MAX} bytes");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, limit));
            }
            Ok(text)
        };
        TrustPolicy::from_toml(&text, base_dir, &load).map_err(at_path)
    }

    /// Parses a policy. `load` returns the text of a `public-key-file`, whose path is relative to `base_dir`. Unknown
    /// TOML keys are errors, and so are policies that no bundle could satisfy.
    ///
    /// # Errors
    /// A [`PolicyError`] with the line number if the problem is in one line.
    pub fn from_toml(
        text: &str,
        base_dir: &Path,
        load: &dyn Fn(&Path) -> io::Result<String>,
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
            let key = read_key(spanned.into_inner(), base_dir, load).map_err(|problem| PolicyError {
                path: None,
                line: Some(line),
                problem,
            })?;
            keys.push(key);
        }
        Ok(TrustPolicy::new(raw.release_threshold, keys)?)
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
}

fn read_bounded(path: &Path, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

fn read_key(
    raw: RawKey,
    base_dir: &Path,
    load: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<PolicyKey, PolicyProblem> {
    let holder = checked_holder(&raw.holder)?;
    let key = match (raw.public_key, raw.public_key_file) {
        (Some(text), None) if text.trim_start().starts_with("-----") => PublicKey::from_pem(&text),
        (Some(text), None) => PublicKey::from_base64_der(&text),
        (None, Some(file)) => {
            let file = base_dir.join(file);
            match load(&file) {
                Ok(text) => PublicKey::from_pem(&text),
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
        dated => time("revoked", dated)?.map(Revocation::At),
    };
    Ok(PolicyKey { key, holder, roles, streams, valid_from, valid_until, revoked })
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
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        diagnosis::{Code, Diagnose as _, Failure},
        trust::{KeyFile, Signer as _},
    };

    const HEAD: &str = "version = 1\nrelease-threshold = 1\n";

    fn public(seed: u8) -> PublicKey {
        KeyFile::from_seed(&[seed; 32]).public_key().clone()
    }

    fn line(seed: u8) -> String {
        public(seed).to_base64_der()
    }

    fn read(text: &str) -> Result<TrustPolicy, PolicyError> {
        TrustPolicy::from_toml(text, Path::new("/trust"), &|path| {
            if path == Path::new("/trust/bob.pub.pem") {
                Ok(public(2).to_pem())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        })
    }

    /// A policy with one key, and `more` from line 7 on.
    fn with(more: &str) -> Result<TrustPolicy, PolicyError> {
        let key = line(1);
        read(&format!(
            "{HEAD}[[keys]]\nholder = \"alice\"\npublic-key = \"{key}\"\nroles = [\"packer\", \"releaser\"]\n{more}\n"
        ))
    }

    #[test]
    fn reads_all_settings_of_a_key() {
        let text = format!(
            r#"
            version = 1
            release-threshold = 2
            [[keys]]
            holder = "alice"
            public-key = "{}"
            roles = ["packer", "releaser"]
            streams = ["-", "corp-to-high"]
            valid-from = 2026-01-01T00:00:00+01:00
            valid-until = "2027-01-01T00:00:00Z"
            [[keys]]
            holder = "bob"
            public-key-file = "bob.pub.pem"
            roles = ["releaser"]
            [[keys]]
            holder = "carol"
            public-key = """
{}"""
            roles = ["packer"]
            revoked = "2026-05-01T00:00:00Z"
            "#,
            line(1),
            public(3).to_pem()
        );
        let policy = read(&text).unwrap();
        assert_eq!(policy.release_threshold(), 2);
        let [alice, bob, carol] = policy.keys() else { panic!("{policy:?}") };
        assert_eq!((alice.key(), alice.holder()), (&public(1), "alice"));
        assert_eq!(alice.roles(), [Role::Packer, Role::Releaser]);
        assert_eq!(alice.streams().unwrap(), ["-", "corp-to-high"]);
        assert_eq!(alice.valid_from().unwrap().to_string(), "2025-12-31T23:00:00Z");
        assert_eq!(alice.valid_until().unwrap().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!((alice.revoked(), bob.streams(), bob.valid_from()), (None, None, None));
        assert_eq!(bob.key(), &public(2));
        assert_eq!(carol.key(), &public(3));
        assert_eq!(carol.revoked(), Some(Revocation::At("2026-05-01T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn a_key_with_any_revocation_time_is_revoked() {
        // The only key is revoked, so no key may pack.
        for value in ["true", "2026-05-01T00:00:00Z", "\"2999-05-01T00:00:00Z\""] {
            let error = with(&format!("revoked = {value}")).unwrap_err();
            assert!(matches!(error.problem(), PolicyProblem::NoPacker), "{value}: {error}");
        }
        assert!(with("revoked = false").is_ok());
        assert_eq!(with("revoked = \"true\"").unwrap_err().code(), Code::PolicyTime);
        assert_eq!(with("revoked = 1").unwrap_err().code(), Code::PolicyTime);
    }

    #[test]
    fn refuses_unknown_and_invalid_settings() {
        for (more, expected) in [
            ("comment = 1", "line 7: unknown field `comment`"),
            ("revokd = true", "line 7: unknown field `revokd`"),
            ("holder = \"bob\"", "line 7: duplicate key"),
            (
                "streams = []",
                "line 3: streams of the key of \"alice\": the list has 0 entries, 1 to 256 are allowed",
            ),
            (
                "streams = [\"\"]",
                "is not valid: a name has 1 to 64 printable ASCII characters without spaces",
            ),
            (
                "streams = [\"a b\"]",
                "is not valid: a name has 1 to 64 printable ASCII characters without spaces",
            ),
            ("streams = \"a\"", "line 7: invalid type"),
            ("public-key-file = \"a.pem\"", "needs exactly one of public-key and public-key-file"),
            ("[other]", "line 7: unknown field `other`"),
        ] {
            let error = with(more).unwrap_err();
            assert!(error.to_string().contains(expected), "{more}: {error}");
            assert_eq!(error.failure(), Failure::Usage);
        }
    }

    #[test]
    fn times_need_date_time_and_offset() {
        for text in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01 00:00:00+05:30"] {
            for value in [text.to_owned(), format!("\"{text}\"")] {
                assert!(with(&format!("valid-until = {value}")).is_ok(), "{value}");
            }
        }
        for value in [
            "2026-01-01",
            "2026-01-01T00:00:00",
            "00:00:00",
            "\"2026-01-01T00:00:00\"",
            "\"2026-01-01T00:00:00+00:00[UTC]\"",
            "\"2026-02-30T00:00:00Z\"",
            "\"tomorrow\"",
            "\"\"",
            "1",
            "true",
            "[]",
        ] {
            let error = with(&format!("valid-until = {value}")).unwrap_err();
            assert_eq!((error.code(), error.line()), (Code::PolicyTime, Some(3)), "{value}: {error}");
            let message = error.to_string();
            assert!(
                message.starts_with("trust policy, line 3: valid-until of the key of \"alice\": "),
                "{message}"
            );
        }
        let empty = "valid-from = 2026-01-01T00:00:00Z\nvalid-until = 2026-01-01T01:00:00+01:00";
        let error = with(empty).unwrap_err().to_string();
        assert!(
            error.ends_with("valid-until of the key of \"alice\": it is not after valid-from"),
            "{error}"
        );
    }

    #[test]
    fn refuses_other_versions_and_unknown_top_level_keys() {
        let key = line(1);
        let keys = format!("[[keys]]\nholder = \"a\"\npublic-key = \"{key}\"\nroles = [\"packer\"]\n");
        for (head, expected) in [
            ("", "trust policy: version is missing, but this release supports only version 1"),
            (
                "version = 2\nnew = 1\n",
                "trust policy: version is 2, but this release supports only version 1",
            ),
            ("version = \"1\"\n", "trust policy: version is a value of type string"),
            ("version = 1\nrelease-threshold = \"2\"\n", "line 2: invalid type"),
            ("version = 1\nrelease-threshold = 1\nsurprise = 1\n", "line 3: unknown field `surprise`"),
            ("version = 1\nrelease_threshold = 1\n", "line 2: unknown field `release_threshold`"),
            ("version = \n", "trust policy, line 1: "),
        ] {
            let error = read(&format!("{head}{keys}")).unwrap_err().to_string();
            assert!(error.contains(expected), "{head:?}: {error}");
        }
        let error = read("version = 1\nkeys = []\n").unwrap_err().to_string();
        assert!(error.contains("missing field `release-threshold`"), "{error}");
        let error = read(&format!("{HEAD}keys = []\n")).unwrap_err();
        assert_eq!(error.to_string(), "trust policy: 0 keys are listed, 1 to 256 are allowed");
        let long = "#".repeat(1024 * 1024 + 1);
        assert_eq!(read(&long).unwrap_err().code(), Code::PolicyTooLong);
    }

    #[test]
    fn refuses_invalid_key_entries() {
        let entry = |holder: &str, key: &str, roles: &str| {
            read(&format!("{HEAD}[[keys]]\n{holder}\n{key}\n{roles}\n")).unwrap_err()
        };
        let (holder, roles) = ("holder = \"a\"", "roles = [\"packer\"]");
        let line = line(1);
        let key = format!("public-key = \"{line}\"");
        let cut = format!("public-key = \"{}\"", &line[..40]);
        for (holder, key, roles, code) in [
            ("", &*key, roles, Code::PolicySyntax),
            ("holder = \"\"", &key, roles, Code::PolicyHolder),
            ("holder = \"é\"", &key, roles, Code::PolicyHolder),
            (holder, "", roles, Code::PolicyKeySource),
            (holder, &cut, roles, Code::PolicyKey),
            (holder, "public-key-file = \"x\"", roles, Code::PolicyKeyUnreadable),
            (holder, &key, "", Code::PolicySyntax),
            (holder, &key, "roles = [\"admin\"]", Code::PolicySyntax),
            (holder, &key, "roles = []", Code::PolicyNoRole),
        ] {
            let error = entry(holder, key, roles);
            assert_eq!(error.code(), code, "{error}");
            assert!(error.line().is_some(), "{error}");
        }
        // An Ed25519 SPKI around the identity.
        let weak = "public-key = \"MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"";
        assert_eq!(
            entry(holder, weak, roles).to_string(),
            "trust policy, line 3: the public key of \"a\" is weak: \
             it is a point of small order, so anybody can forge signatures"
        );
    }

    #[test]
    fn refuses_the_same_key_twice_in_any_form() {
        let bob = |key: &str| with(&format!("[[keys]]\nholder = \"bob\"\nroles = [\"releaser\"]\n{key}"));
        assert!(bob("public-key-file = \"bob.pub.pem\"").is_ok());
        let error = bob(&format!("public-key = '''{}'''", public(1).to_pem())).unwrap_err();
        assert_eq!(error.code(), Code::PolicyKeyTwice);
        assert_eq!(error.to_string(), "trust policy: \"alice\" and \"bob\" have the same key");
    }

    #[test]
    fn key_file_paths_are_relative_to_the_trust_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trust.toml");
        let key_path = dir.path().join("keys/alice.pub.pem");
        let entry = "[[keys]]\nholder = \"alice\"\nroles = [\"packer\", \"releaser\"]\n";
        fs::write(&path, format!("{HEAD}{entry}public-key-file = \"keys/alice.pub.pem\"\n")).unwrap();
        let error = TrustPolicy::load(&path).unwrap_err();
        assert_eq!(error.code(), Code::PolicyKeyUnreadable);
        assert_eq!((error.path(), error.failure()), (Some(&*path), Failure::Failed));

        fs::create_dir(dir.path().join("keys")).unwrap();
        fs::write(&key_path, public(1).to_pem()).unwrap();
        assert_eq!(TrustPolicy::load(&path).unwrap().keys()[0].key(), &public(1));

        let private = KeyFile::from_seed(&[1; 32]).to_pem(None).unwrap();
        fs::write(&key_path, private.as_bytes()).unwrap();
        let error = TrustPolicy::load(&path).unwrap_err().to_string();
        let expected = "line 3: the public key of \"alice\" is a private key, a public key is needed";
        assert!(error.ends_with(expected), "{error}");

        fs::write(&key_path, " ".repeat(70_000)).unwrap();
        assert_eq!(TrustPolicy::load(&path).unwrap_err().code(), Code::PolicyKeyUnreadable);
        fs::write(&path, "#".repeat(2_000_000)).unwrap();
        assert_eq!(TrustPolicy::load(&path).unwrap_err().code(), Code::PolicyTooLong);
        let error = TrustPolicy::load(&dir.path().join("absent")).unwrap_err();
        assert_eq!(error.code(), Code::PolicyUnreadable);
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let text = |count: u16| {
            let entries = (0..count).map(|at| {
                let mut seed = [0; 32];
                seed[..2].copy_from_slice(&at.to_le_bytes());
                let key = KeyFile::from_seed(&seed).public_key().to_base64_der();
                let roles = "[\"packer\", \"releaser\"]";
                format!("[[keys]]\nholder = \"h{at}\"\npublic-key = \"{key}\"\nroles = {roles}\n")
            });
            format!("{HEAD}{}", entries.collect::<String>())
        };
        assert_eq!(read(&text(256)).unwrap().keys().len(), 256);
        assert_eq!(read(&text(257)).unwrap_err().code(), Code::PolicyKeyCount);
    }
}
