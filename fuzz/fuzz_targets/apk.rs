//! The database of apk.
#![no_main]

use carnet::packages::apk;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for package in apk::installed(bytes).packages {
        assert!(!package.name.is_empty() && !package.version.is_empty());
    }
});
