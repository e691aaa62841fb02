//! The label of a volume: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::volume::VolumeLabel;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = VolumeLabel::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
