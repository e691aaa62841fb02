//! Manifests and indexes, parsed under each media type of a document.
#![no_main]

use carnet::oci::{Descriptor, Digest, Document, MediaType};

const TYPES: [&str; 5] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let digest = Digest::sha256(bytes);
    for name in TYPES {
        let media_type: MediaType = name.parse().expect("a media type");
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        if let Ok(document) = Document::parse(&descriptor, bytes) {
            let _ = document.successors().chain(document.subject()).count();
        }
    }
});
