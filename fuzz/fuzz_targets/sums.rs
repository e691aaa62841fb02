//! `02_sums.txt`: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::sums::Sums;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Sums::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
