//! Trust files: every setting, and what is refused.

use std::{fs, io};

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
    public(seed).to_word()
}

fn read(text: &str) -> Result<TrustPolicy, PolicyError> {
    TrustPolicy::from_toml(text, Path::new("/trust"), &|path| {
        if path == Path::new("/trust/bob.pub.pem") {
            Ok(public(2).to_pem())
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound).into())
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
        assert!(matches!(error.problem(), PolicyProblem::NoPacker { .. }), "{value}: {error}");
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
        ("streams = [\"\"]", "is not valid: a name has 1 to 64 printable ASCII characters without spaces"),
        ("streams = [\"a b\"]", "is not valid: a name has 1 to 64 printable ASCII characters without spaces"),
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
            message.starts_with("trust file, line 3: valid-until of the key of \"alice\": "),
            "{message}"
        );
    }
    let empty = "valid-from = 2026-01-01T00:00:00Z\nvalid-until = 2026-01-01T01:00:00+01:00";
    let error = with(empty).unwrap_err().to_string();
    assert!(error.ends_with("valid-until of the key of \"alice\": it is not after valid-from"), "{error}");
}

#[test]
fn refuses_other_versions_and_unknown_top_level_keys() {
    let key = line(1);
    let keys = format!("[[keys]]\nholder = \"a\"\npublic-key = \"{key}\"\nroles = [\"packer\"]\n");
    for (head, expected) in [
        ("", "trust file: version is missing, but this release supports only version 1"),
        ("version = 2\nnew = 1\n", "trust file: version is 2, but this release supports only version 1"),
        ("version = \"1\"\n", "trust file: version is a value of type string"),
        ("version = 1\nrelease-threshold = \"2\"\n", "line 2: invalid type"),
        ("version = 1\nrelease-threshold = 1\nsurprise = 1\n", "line 3: unknown field `surprise`"),
        ("version = 1\nrelease_threshold = 1\n", "line 2: unknown field `release_threshold`"),
        ("version = \n", "trust file, line 1: "),
    ] {
        let error = read(&format!("{head}{keys}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{head:?}: {error}");
    }
    let error = read("version = 1\nkeys = []\n").unwrap_err().to_string();
    assert!(error.contains("missing field `release-threshold`"), "{error}");
    let error = read(&format!("{HEAD}keys = []\n")).unwrap_err();
    assert_eq!(error.to_string(), "trust file: 0 keys are listed; 1 to 256 are allowed");
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
        "trust file, line 3: the public key of \"a\" is weak: \
         anybody can forge signatures that it verifies"
    );
}

#[test]
fn refuses_the_same_key_twice_in_any_form() {
    let bob = |key: &str| with(&format!("[[keys]]\nholder = \"bob\"\nroles = [\"releaser\"]\n{key}"));
    assert!(bob("public-key-file = \"bob.pub.pem\"").is_ok());
    let error = bob(&format!("public-key = '''{}'''", public(1).to_pem())).unwrap_err();
    assert_eq!(error.code(), Code::PolicyKeyTwice);
    assert_eq!(error.to_string(), "trust file: \"alice\" and \"bob\" have the same key");
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
    let expected = "line 3: the public key of \"alice\" is a private key; a public key is needed";
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
            let key = KeyFile::from_seed(&seed).public_key().to_word();
            let roles = "[\"packer\", \"releaser\"]";
            format!("[[keys]]\nholder = \"h{at}\"\npublic-key = \"{key}\"\nroles = {roles}\n")
        });
        format!("{HEAD}{}", entries.collect::<String>())
    };
    assert_eq!(read(&text(256)).unwrap().keys().len(), 256);
    assert_eq!(read(&text(257)).unwrap_err().code(), Code::PolicyKeyCount);
}
