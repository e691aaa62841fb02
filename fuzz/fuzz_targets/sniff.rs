//! Media types and secrets: any file has a type, and a secret lies within the file.
#![no_main]

use std::sync::LazyLock;

use carnet::content::{archive::Form, secrets::SecretRules, sniff::sniff};

static RULES: LazyLock<SecretRules> = LazyLock::new(|| SecretRules::builtin().expect("the own rules"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let found = sniff(bytes, bytes.len() as u64);
    assert!(found.tika.contains('/') && found.libmagic.contains('/'));
    if let Some(form) = Form::of_head(bytes) {
        assert_eq!(Form::of(found), Some(form));
    }
    // The name of the file decides which rules apply.
    for path in [&b"root/.netrc"[..], b"root/.docker/config.json", b"etc/shadow"] {
        for secret in RULES.search(path, bytes).found {
            assert!(secret.offset + secret.bytes <= bytes.len() as u64 && secret.line >= 1);
        }
    }
});
