//! `03_sums384.txt`: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::Sums384;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Sums384::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
