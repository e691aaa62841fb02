//! The name of an artifact: a name that parses is shown unchanged, and contains its repository and tag.
#![no_main]

use std::str::FromStr;

use carnet::oci::RefName;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(name) = RefName::from_str(text) {
        assert_eq!(name.to_string(), text);
        assert!(name.repository().is_none_or(|repository| text.starts_with(repository)));
        assert!(name.tag().is_none_or(|tag| text.contains(tag)));
    }
});
