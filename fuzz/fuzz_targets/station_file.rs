//! A station file.
#![no_main]

use std::path::Path;

use carnet::station::Station;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Station::parse(text, Path::new("/etc/carnet"));
});
