//! Names of keys in tokens (RFC 7512).
#![no_main]

use carnet::trust::TokenUri;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(uri) = TokenUri::parse(text) {
        assert_eq!(uri.to_string(), text);
    }
});
