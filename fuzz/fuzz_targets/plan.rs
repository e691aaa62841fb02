//! `plan.txt`: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::plan::Plan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Plan::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
