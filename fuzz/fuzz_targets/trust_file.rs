//! The trust file, without any key files.
#![no_main]

use std::path::Path;

use carnet::trust::TrustPolicy;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = TrustPolicy::from_toml(text, Path::new("trust.toml"), &|_: &Path| {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound).into())
    });
});
