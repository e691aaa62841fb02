//! Executables, with the modules and crates that they were built from.
#![no_main]

use carnet::content::executable::Executable;
use carnet::packages::{cargo, golang};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(executable) = Executable::open(bytes) {
        golang::modules(&executable);
        cargo::crates(&executable);
    }
});
