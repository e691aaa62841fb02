//! The documents of a layout that carnet creates: `oci-layout` and `index.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::descriptor::REF_NAME_ANNOTATION;
use super::{Digest, MediaType, RefName};

/// The content of every `oci-layout` file (image-spec, "Image Layout").
pub const OCI_LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

/// One entry of an `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// The name of the artifact, if it has one.
    pub name: Option<RefName>,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The size of the manifest or index in bytes.
    pub size: u64,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if there is one.
    pub artifact_type: Option<MediaType>,
}

/// An `index.json`, with its fields in the order of the specification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: MediaType,
    manifests: Vec<Listed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    media_type: &'a MediaType,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<&'static str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a MediaType>,
}

impl<'a> From<&'a IndexEntry> for Listed<'a> {
    fn from(entry: &'a IndexEntry) -> Listed<'a> {
        let annotations = |name: &'a RefName| BTreeMap::from([(REF_NAME_ANNOTATION, name.as_str())]);
        Listed {
            media_type: &entry.media_type,
            digest: entry.digest.to_string(),
            size: entry.size,
            annotations: entry.name.as_ref().map(annotations),
            artifact_type: entry.artifact_type.as_ref(),
        }
    }
}

/// Returns an `index.json` with these entries, in this order.
pub fn index_json(entries: &[IndexEntry]) -> Vec<u8> {
    let index = Index {
        schema_version: 2,
        media_type: MediaType::image_index(),
        manifests: entries.iter().map(Listed::from).collect(),
    };
    serde_json::to_vec(&index).expect("an index can be serialized")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_compact_json() {
        let entry = IndexEntry {
            name: Some("team/app:1.0".parse().unwrap()),
            digest: Digest::sha256(b"manifest"),
            size: 8,
            media_type: MediaType::image_manifest(),
            artifact_type: None,
        };
        let digest = entry.digest;
        let text = String::from_utf8(index_json(&[entry])).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\
                 \"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
                 \"digest\":\"{digest}\",\"size\":8,\
                 \"annotations\":{{\"org.opencontainers.image.ref.name\":\"team/app:1.0\"}}}}]}}"
            )
        );
    }
}
