//! The lists of the Blob service.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::format::Timestamp;
use crate::http::date_seconds;
use crate::storage::Object;
use crate::storage::percent::decoded;

/// The greatest length of a name in characters.
const NAME_CHARS_MAX: usize = 1024;

/// A page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::storage) struct Page {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    pub(super) next_marker: String,
}

#[derive(Default, Deserialize)]
struct Blobs {
    #[serde(rename = "Blob", default)]
    blobs: Vec<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: Name,
    properties: Properties,
    metadata: Option<BTreeMap<String, Option<String>>>,
}

/// A name. It is percent-encoded if it has characters that XML cannot have.
#[derive(Deserialize)]
struct Name {
    #[serde(rename = "@Encoded", default)]
    encoded: bool,
    #[serde(rename = "$text", default)]
    text: String,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Content-Length")]
    bytes: u64,
    #[serde(rename = "Etag")]
    etag: String,
    #[serde(rename = "Content-MD5")]
    md5: Option<String>,
    #[serde(rename = "Last-Modified")]
    modified: Option<String>,
    #[serde(rename = "ResourceType")]
    resource_type: Option<String>,
}

impl Page {
    pub(in crate::storage) fn parse(text: &str) -> Result<Page, String> {
        quick_xml::de::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())
    }

    /// Returns the blobs. Folders of hierarchical namespaces, and names that URLs cannot carry, are left out.
    pub(in crate::storage) fn objects(self) -> Result<Vec<Object>, String> {
        let mut objects = Vec::new();
        for Blob { name, properties, metadata } in self.blobs.blobs {
            let key = if name.encoded { decoded(&name.text, false) } else { Some(name.text) };
            let key = key.ok_or("the encoding of a name is wrong")?;
            if key.is_empty() || key.chars().count() > NAME_CHARS_MAX {
                return Err(format!("a name has {} characters", key.chars().count()));
            }
            let metadata: BTreeMap<String, String> = metadata
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.unwrap_or_default()))
                .collect();
            let is_folder = properties.resource_type.as_deref() == Some("directory")
                || metadata.get("hdi_isfolder").is_some_and(|value| value.eq_ignore_ascii_case("true"))
                || (properties.bytes == 0 && key.ends_with('/'));
            let is_odd = key.split('/').any(|part| matches!(part, "." | "..")) || key.starts_with('/');
            if is_folder || is_odd {
                continue;
            }
            objects.push(Object {
                key,
                bytes: properties.bytes,
                etag: format!("\"{}\"", properties.etag.trim_matches('"')),
                modified: properties
                    .modified
                    .as_deref()
                    .and_then(date_seconds)
                    .and_then(Timestamp::from_seconds),
                md5: properties.md5.as_deref().and_then(md5),
                metadata,
            });
        }
        Ok(objects)
    }
}

/// Reads an MD5 sum in base64.
pub(super) fn md5(text: &str) -> Option<[u8; 16]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_page() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a/" ContainerName="c">
            <Prefix>in/</Prefix><MaxResults>2</MaxResults><Blobs>
            <Blob><Name>in/a&amp;b.tar</Name><Properties><Creation-Time>x</Creation-Time>
              <Last-Modified>Thu, 26 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x8DC</Etag><Content-Length>7</Content-Length>
              <Content-MD5>1B2M2Y8AsgTpgAmY7PhCfg==</Content-MD5><BlobType>BlockBlob</BlobType></Properties>
              <Metadata><Category>acr-transfer-blob</Category><empty /></Metadata><OrMetadata /></Blob>
            <Blob><Name Encoded="true">in/%EF%BF%BE</Name><Properties><Etag>"0x1"</Etag><Content-Length>0</Content-Length>
              <Content-MD5 /></Properties><Metadata /></Blob>
            <Blob><Name>in/folder</Name><Properties><Etag>0x2</Etag><Content-Length>0</Content-Length>
              <ResourceType>directory</ResourceType></Properties></Blob>
            </Blobs><NextMarker>m</NextMarker></EnumerationResults>"#;
        let page = Page::parse(text).unwrap();
        assert_eq!(page.next_marker, "m");
        let objects = page.objects().unwrap();
        assert_eq!(objects.len(), 2);
        assert_eq!((objects[0].key.as_str(), objects[0].etag.as_str()), ("in/a&b.tar", "\"0x8DC\""));
        assert_eq!(objects[0].metadata["category"], "acr-transfer-blob");
        assert_eq!(objects[0].modified.unwrap().to_string(), "2026-11-26T12:00:00Z");
        assert!(objects[0].md5.is_some() && objects[1].md5.is_none());
        let empty = "<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>";
        assert!(Page::parse(empty).unwrap().objects().unwrap().is_empty());
    }
}
