//! Release files: what parses renders to the same bytes.
#![no_main]

use carnet::format::head::Head;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(head) = Head::parse_release(bytes) {
        assert_eq!(head.render_release(), bytes);
    }
});
