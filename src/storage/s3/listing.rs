//! The XML documents of S3.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;

use crate::format::Timestamp;
use crate::http::bounded;
use crate::storage::Object;
use crate::storage::percent::decoded;

/// The greatest length of a key in bytes (S3 User Guide, "Naming Amazon S3 objects").
pub(super) const KEY_BYTES_MAX: usize = 1024;

/// A page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::storage) struct Page {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_continuation_token: Option<String>,
    encoding_type: Option<String>,
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
    pub(in crate::storage) fn parse(text: &str) -> Result<Page, String> {
        if root(text).as_deref() != Some("ListBucketResult") {
            return Err("it does not begin with ListBucketResult".to_owned());
        }
        quick_xml::de::from_str(text).map_err(|error| error.to_string())
    }

    /// Returns the objects, with an empty entity tag if the list has none. Marks of folders, and keys that URLs cannot
    /// carry, are left out.
    ///
    /// # Errors
    /// If a key cannot be one, or does not begin with `prefix`.
    pub(in crate::storage) fn objects(self, prefix: &str) -> Result<Vec<Object>, String> {
        // Some stores do not encode keys although they were asked to.
        let is_encoded = self.encoding_type.is_some_and(|kind| kind.eq_ignore_ascii_case("url"));
        let mut objects = Vec::new();
        for Entry { key, etag, size, last_modified } in self.contents {
            let key = if is_encoded { decoded(&key, true) } else { Some(key) };
            let key = key.ok_or("a key is not UTF-8, or its encoding is wrong")?;
            if key.len() > KEY_BYTES_MAX || key.is_empty() {
                return Err(format!("a key has {} bytes", key.len()));
            }
            if !key.starts_with(prefix) {
                return Err(format!("the key {:?} does not begin with {prefix:?}", bounded(&key)));
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

/// The name of the root element of a document, without its namespace; `None` if there is none.
pub(super) fn root(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                return Some(element.local_name().as_ref().to_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
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
            <IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextContinuationToken>t&amp;1</NextContinuationToken>
            <Contents><Key>in/a%2Bb+c.tar</Key><LastModified>2026-11-25T20:00:00.000Z</LastModified>
            <ETag>&quot;abc-2&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
            <Contents><Key>in/folder/</Key><ETag>"0"</ETag><Size>0</Size></Contents>
            <Contents><Key>in/../x</Key><ETag>"0"</ETag><Size>1</Size></Contents></ListBucketResult>"#;
        let page = Page::parse(text).unwrap();
        assert!(page.is_truncated);
        assert_eq!(page.next_continuation_token.as_deref(), Some("t&1"));
        let objects = page.objects("in/").unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!((objects[0].key.as_str(), objects[0].bytes), ("in/a+b c.tar", 7));
        assert_eq!(objects[0].etag, "\"abc-2\"");
        assert_eq!(objects[0].modified.unwrap().to_string(), "2026-11-25T20:00:00Z");
        assert!(Page::parse("<ListBucketResult/>").unwrap().objects("").unwrap().is_empty());
        for text in ["<Error/>", "no xml", "<ListBucketResult>", ""] {
            assert!(Page::parse(text).is_err(), "{text}");
        }
    }
}
