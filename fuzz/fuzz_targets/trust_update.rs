//! Updates of trust files.
#![no_main]

use carnet::trust::TrustUpdate;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(update) = TrustUpdate::parse(bytes) {
        assert_eq!(update.render(), bytes);
    }
});
