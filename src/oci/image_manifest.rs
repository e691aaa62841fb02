//! The manifest of an image from a docker-archive, which has none. Carnet writes no other manifest.

use std::str::FromStr;

use oci_spec::image as spec;

use super::{Descriptor, Digest, MediaType};

/// Returns an OCI image manifest for a configuration and layers. Of their optional fields it has the URLs.
pub fn image_manifest(config: &Descriptor, layers: &[Descriptor]) -> Vec<u8> {
    let manifest = spec::ImageManifestBuilder::default()
        .schema_version(spec::SCHEMA_VERSION)
        .media_type(spec::MediaType::ImageManifest)
        .config(part(config))
        .layers(layers.iter().map(part).collect::<Vec<_>>())
        .build()
        .expect("every required field is set");
    serde_json::to_vec(&manifest).expect("a manifest can be serialized")
}

fn part(descriptor: &Descriptor) -> spec::Descriptor {
    let Descriptor { media_type, digest, size, urls, .. } = descriptor;
    let mut part = spec::Descriptor::new(of_spec(media_type), *size, digest_of_spec(digest));
    part.set_urls((!urls.is_empty()).then(|| urls.clone()));
    part
}

fn of_spec(media_type: &MediaType) -> spec::MediaType {
    spec::MediaType::from(media_type.as_str())
}

fn digest_of_spec(digest: &Digest) -> spec::Digest {
    spec::Digest::from_str(&digest.to_string()).expect("every digest here is valid for oci_spec")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::oci::Document;
    use crate::oci::descriptor::REF_NAME_ANNOTATION;
    use crate::oci::write::{IndexEntry, index_json};

    #[test]
    fn a_written_manifest_can_be_parsed() {
        let layer = Descriptor::new(MediaType::image_layer(), Digest::sha256(b"layer"), 5);
        let config = Descriptor::new(MediaType::image_config(), Digest::sha256(b"{}"), 2);
        let bytes = image_manifest(&config, std::slice::from_ref(&layer));
        let at = Descriptor::new(MediaType::image_manifest(), Digest::sha256(&bytes), bytes.len() as u64);
        let document = Document::parse(&at, &bytes).unwrap();
        assert_eq!(document.successors().cloned().collect::<Vec<_>>(), [config, layer]);
    }

    /// The index is in every bundle, so its bytes must not depend on a crate. They are those that this one writes.
    #[test]
    fn an_index_has_the_bytes_that_oci_spec_writes() {
        let names = [None, Some("team/app:1.0"), Some("a\"b\\c")];
        let types = [None, Some("application/vnd.example+json")];
        let entries: Vec<IndexEntry> = names
            .iter()
            .flat_map(|name| types.iter().map(move |artifact_type| (name, artifact_type)))
            .filter_map(|(name, artifact_type)| {
                Some(IndexEntry {
                    // A text that is no name is passed over.
                    name: name.map(str::parse).transpose().ok()?,
                    digest: Digest::sha256(name.unwrap_or_default().as_bytes()),
                    size: 1_000_000,
                    media_type: MediaType::image_manifest(),
                    artifact_type: artifact_type.map(|text| text.parse().unwrap()),
                })
            })
            .collect();
        let listed: Vec<spec::Descriptor> = entries
            .iter()
            .map(|entry| {
                let mut listed = spec::Descriptor::new(
                    of_spec(&entry.media_type),
                    entry.size,
                    digest_of_spec(&entry.digest),
                );
                listed.set_artifact_type(entry.artifact_type.as_ref().map(of_spec));
                let named = |name: &crate::oci::RefName| {
                    HashMap::from([(REF_NAME_ANNOTATION.to_owned(), name.to_string())])
                };
                listed.set_annotations(entry.name.as_ref().map(named));
                listed
            })
            .collect();
        let index = spec::ImageIndexBuilder::default()
            .schema_version(spec::SCHEMA_VERSION)
            .media_type(spec::MediaType::ImageIndex)
            .manifests(listed)
            .build()
            .unwrap();
        assert_eq!(String::from_utf8(index_json(&entries)).unwrap(), serde_json::to_string(&index).unwrap());
    }
}
