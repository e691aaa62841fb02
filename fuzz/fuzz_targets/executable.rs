//! Executables, as a whole and in parts, with the modules and crates that they were built from.
#![no_main]

use carnet::content::executable::{Executable, Outline};
use carnet::packages::{cargo, golang};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(executable) = Executable::open(bytes) {
        golang::modules(&executable);
        cargo::crates(&executable);
    }
    let (head, mut rest) = bytes.split_at(bytes.len() / 2);
    if let Some(outline) = Outline::of_head(head, bytes.len() as u64) {
        assert!(outline.kept_bytes() <= bytes.len() as u64);
        let parts = outline.read(head, &mut rest).expect("memory can be read");
        if let Ok(executable) = Executable::of_parts(&parts) {
            golang::hides_modules(&executable);
            golang::modules(&executable);
            cargo::crates(&executable);
        }
    }
});
