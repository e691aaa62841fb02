//! SBOMs and attestations, in an envelope or not: whatever the bytes are, reading ends, and what was read can be compared.
#![no_main]

use carnet::bom::{Document, compare, open};
use carnet::oci::Digest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((document, _)) = open(bytes) else { return };
    let bom = match document {
        Document::Bom(bom) => Some(bom),
        Document::Statement(statement) => {
            let _ = statement.is_about(&Digest::sha256(b""));
            statement.bom
        }
    };
    if let Some(bom) = bom {
        assert!(!bom.title().is_empty());
        // There are no packages in an image without layers.
        let comparison = compare(&bom, []);
        assert!(comparison.only_here.is_empty() && comparison.other_version.is_empty());
    }
});
