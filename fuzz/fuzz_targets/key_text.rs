//! Key files, public and private, of OpenSSL and of ssh-keygen. Without passphrases, whose derivation takes long.
#![no_main]

use carnet::trust::{KeyFile, PublicKey};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(key) = PublicKey::from_text(text) {
        assert!(PublicKey::from_text(&key.to_pem()).is_ok_and(|again| again == key));
    }
    let _ = KeyFile::from_pem(text, None);
});
