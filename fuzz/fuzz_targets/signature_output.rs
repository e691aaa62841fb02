//! Signatures as other programs write them. What is read has one form, which is read again as it is.
#![no_main]

use carnet::trust::read_signature;

libfuzzer_sys::fuzz_target!(|output: &[u8]| {
    if let Ok((algorithm, signature)) = read_signature(output) {
        assert_eq!(read_signature(&signature), Ok((algorithm, signature.clone())));
    }
});
