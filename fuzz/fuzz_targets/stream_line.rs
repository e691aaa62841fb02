//! A line of the memory of streams: one that parses renders to the same bytes.
#![no_main]

use carnet::logbook::Line;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(line) = Line::parse(bytes) {
        assert_eq!(line.render(), bytes);
    }
});
