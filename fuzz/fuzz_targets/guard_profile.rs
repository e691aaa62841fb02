//! Profiles of guards: a text is a profile or an error, and a profile makes a guard or an error.
#![no_main]

use carnet::guard::{Guard, Profile};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(profile) = Profile::parse(text) {
        let _ = Guard::new(profile);
    }
});
