//! Pages of lists of object stores: a page is objects with usable keys, or an error.
#![no_main]

use carnet::storage::lists::{azure_page, s3_page, s3_uploads_page};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for objects in [s3_page(text, "in/"), azure_page(text)] {
        for object in objects.unwrap_or_default() {
            assert!(!object.key.is_empty() && !object.key.starts_with('/'));
            assert!(!object.key.split('/').any(|part| matches!(part, "." | "..")));
        }
    }
    for object in s3_page(text, "in/").unwrap_or_default() {
        assert!(object.key.starts_with("in/"));
    }
    for (key, upload) in s3_uploads_page(text, "in/").unwrap_or_default() {
        assert!(key.starts_with("in/") && !upload.0.is_empty());
    }
});
