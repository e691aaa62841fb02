//! Rule files and ignore files: a text is one or an error, and any rules can judge.
#![no_main]

use carnet::rulebook::{Facts, Ignores, Rulebook, judge};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(book) = Rulebook::parse(text) {
        let _ = judge(&book, &Facts::default(), &|_, _, _| None);
    }
    let _ = Ignores::parse(text);
});
