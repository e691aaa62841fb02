//! The text of a resend request: what is read is written and read as the same.
#![no_main]

use carnet::format::resend::read;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(requests) = read(text) {
        for request in requests {
            assert_eq!(read(&request.to_string()).unwrap(), [request.clone()]);
            assert_eq!(read(&request.compact()).unwrap(), [request]);
        }
    }
});
