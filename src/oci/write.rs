//! The documents that carnet creates: `oci-layout`, `index.json`, and the manifest of an image from a
//! docker-archive, which has none.

use std::collections::HashMap;
use std::str::FromStr;

use oci_spec::image as spec;

use super::descriptor::REF_NAME_ANNOTATION;
use super::{Descriptor, MediaType, RefName};

/// The content of every `oci-layout` file (image-spec, "Image Layout").
pub const OCI_LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

/// One entry of an `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// The name of the artifact, if it has one.
    pub name: Option<RefName>,
    /// The digest of the manifest or index.
    pub digest: super::Digest,
    /// The size of the manifest or index in bytes.
    pub size: u64,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if there is one.
    pub artifact_type: Option<MediaType>,
}

/// Returns an `index.json` with these entries, in this order.
pub fn index_json(entries: &[IndexEntry]) -> Vec<u8> {
    let manifests: Vec<spec::Descriptor> = entries.iter().map(entry_descriptor).collect();
    let index = spec::ImageIndexBuilder::default()
        .schema_version(spec::SCHEMA_VERSION)
        .media_type(spec::MediaType::ImageIndex)
        .manifests(manifests)
        .build()
        .expect("every required field is set");
    serde_json::to_vec(&index).expect("an index can be serialized")
}

fn entry_descriptor(entry: &IndexEntry) -> spec::Descriptor {
    let mut descriptor = spec_descriptor(&entry.media_type, &entry.digest, entry.size);
    descriptor.set_artifact_type(entry.artifact_type.as_ref().map(spec_media_type));
    if let Some(name) = &entry.name {
        let annotations = HashMap::from([(REF_NAME_ANNOTATION.to_owned(), name.to_string())]);
        descriptor.set_annotations(Some(annotations));
    }
    descriptor
}

fn spec_media_type(media_type: &MediaType) -> spec::MediaType {
    spec::MediaType::from(media_type.as_str())
}

fn spec_descriptor(media_type: &MediaType, digest: &super::Digest, size: u64) -> spec::Descriptor {
    let digest =
        spec::Digest::from_str(&digest.to_string()).expect("every digest here is valid for oci_spec");
    spec::Descriptor::new(spec_media_type(media_type), size, digest)
}

/// Returns an OCI image manifest for a configuration and layers. Of their optional fields it has the URLs.
pub fn image_manifest(config: &Descriptor, layers: &[Descriptor]) -> Vec<u8> {
    let part = |d: &Descriptor| {
        let mut part = spec_descriptor(&d.media_type, &d.digest, d.size);
        part.set_urls((!d.urls.is_empty()).then(|| d.urls.clone()));
        part
    };
    let manifest = spec::ImageManifestBuilder::default()
        .schema_version(spec::SCHEMA_VERSION)
        .media_type(spec::MediaType::ImageManifest)
        .config(part(config))
        .layers(layers.iter().map(part).collect::<Vec<_>>())
        .build()
        .expect("every required field is set");
    serde_json::to_vec(&manifest).expect("a manifest can be serialized")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, Document};

    #[test]
    fn written_documents_can_be_parsed() {
        let layer = Descriptor::new(MediaType::image_layer(), Digest::sha256(b"layer"), 5);
        let config = Descriptor::new(MediaType::image_config(), Digest::sha256(b"{}"), 2);
        let bytes = image_manifest(&config, std::slice::from_ref(&layer));
        let media_type = MediaType::image_manifest();
        let at = Descriptor::new(media_type.clone(), Digest::sha256(&bytes), bytes.len() as u64);
        let document = Document::parse(&at, &bytes).unwrap();
        assert_eq!(document.successors().cloned().collect::<Vec<_>>(), [config, layer]);

        let entry = IndexEntry {
            name: Some("team/app:1.0".parse().unwrap()),
            digest: at.digest,
            size: at.size,
            media_type,
            artifact_type: None,
        };
        let text = String::from_utf8(index_json(&[entry])).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\
                 \"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
                 \"digest\":\"{}\",\"size\":{},\
                 \"annotations\":{{\"org.opencontainers.image.ref.name\":\"team/app:1.0\"}}}}]}}",
                at.digest, at.size
            )
        );
    }
}
