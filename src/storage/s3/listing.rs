//! The XML documents of S3.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::format::Timestamp;
use crate::storage::Object;
use crate::storage::percent::decoded;

/// The greatest length of a key in bytes (S3 User Guide, "Naming Amazon S3 objects").
const KEY_BYTES_MAX: usize = 1024;

/// A page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_continuation_token: Option<String>,
    #[serde(default)]
    contents: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    size: u64,
    last_modified: Option<String>,
}

/// The answer to the begin of an upload in parts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub(super) upload_id: String,
}

impl Page {
    pub(super) fn parse(text: &str) -> Result<Page, String> {
        quick_xml::de::from_str(text).map_err(|error| error.to_string())
    }

    /// Returns the objects, with an empty entity tag if the list has none. Marks of folders, and keys that URLs cannot
    /// carry, are left out.
    pub(super) fn objects(self) -> Result<Vec<Object>, String> {
        let mut objects = Vec::new();
        for Entry { key, etag, size, last_modified } in self.contents {
            let key = decoded(&key, true).ok_or("a key is not UTF-8, or its encoding is wrong")?;
            if key.len() > KEY_BYTES_MAX || key.is_empty() {
                return Err(format!("a key has {} bytes", key.len()));
            }
            let is_folder = size == 0 && key.ends_with('/');
            let is_odd = key.split('/').any(|part| matches!(part, "." | "..")) || key.starts_with('/');
            if is_folder || is_odd {
                continue;
            }
            objects.push(Object {
                key,
                bytes: size,
                etag: etag.as_deref().map(quoted).unwrap_or_default(),
                modified: last_modified.as_deref().and_then(seconds),
                md5: None,
                metadata: BTreeMap::new(),
            });
        }
        Ok(objects)
    }
}

/// An entity tag with its quotes, which some stores leave out in lists.
pub(super) fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
}

/// Reads a time with or without a fraction of a second.
fn seconds(text: &str) -> Option<Timestamp> {
    let whole = text.split(['.', 'Z']).next()?;
    format!("{whole}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_page() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
            <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>
            <Contents><Key>in/a%2Bb+c.tar</Key><LastModified>2026-11-25T20:00:00.000Z</LastModified>
            <ETag>&quot;abc-2&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
            <Contents><Key>in/folder/</Key><ETag>"0"</ETag><Size>0</Size></Contents>
            <Contents><Key>in/../x</Key><ETag>"0"</ETag><Size>1</Size></Contents></ListBucketResult>"#;
        let page = Page::parse(text).unwrap();
        assert!(page.is_truncated);
        assert_eq!(page.next_continuation_token.as_deref(), Some("t&1"));
        let objects = page.objects().unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!((objects[0].key.as_str(), objects[0].bytes), ("in/a+b c.tar", 7));
        assert_eq!(objects[0].etag, "\"abc-2\"");
        assert_eq!(objects[0].modified.unwrap().to_string(), "2026-11-25T20:00:00Z");
        assert!(Page::parse("<Error/>").unwrap().objects().unwrap().is_empty());
        assert!(Page::parse("no xml").is_err());
    }
}
