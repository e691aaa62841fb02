//! Manifests and indexes, parsed under each media type of a document. A second, independent reader of the same rules
//! must find the same.
#![no_main]

mod second_reader;

use carnet::oci::{Descriptor, Digest, Document, MediaType};
use second_reader::Kind;

const TYPES: [(&str, Kind); 5] = [
    ("application/vnd.oci.image.manifest.v1+json", Kind::Manifest),
    ("application/vnd.oci.image.index.v1+json", Kind::Index),
    ("application/vnd.oci.artifact.manifest.v1+json", Kind::ArtifactManifest),
    ("application/vnd.docker.distribution.manifest.v2+json", Kind::Manifest),
    ("application/vnd.docker.distribution.manifest.list.v2+json", Kind::Index),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let digest = Digest::sha256(bytes);
    for (name, kind) in TYPES {
        let media_type: MediaType = name.parse().expect("a media type");
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        let document = Document::parse(&descriptor, bytes);
        let first = document.map(|document| {
            let targets = document.successors().chain(document.subject());
            targets
                .map(|target| (target.media_type.to_string(), target.digest.to_string(), target.size))
                .collect::<Vec<_>>()
        });
        assert_eq!(first.ok(), second_reader::read(bytes, name, kind));
    }
});
