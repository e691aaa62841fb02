//! Orders of versions: two texts have one order, whichever comes first, and a text is equal to itself.
#![no_main]

use std::cmp::Ordering;

use carnet::versions::{Scheme, compare};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (a, b) = text.split_once('\n').unwrap_or((text, "1"));
    for scheme in Scheme::ALL {
        let found = compare(scheme, a, b);
        assert_eq!(found.clone().map(Ordering::reverse).ok(), compare(scheme, b, a).ok(), "{scheme:?}");
        if found.is_ok() {
            assert_eq!(compare(scheme, a, a), Ok(Ordering::Equal), "{scheme:?}");
            assert_eq!(compare(scheme, b, b), Ok(Ordering::Equal), "{scheme:?}");
        }
    }
});
