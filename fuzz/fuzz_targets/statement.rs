//! `00_statement.txt`: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::statement::Statement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Statement::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
