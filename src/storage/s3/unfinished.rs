//! The uploads in parts that were begun and neither completed nor ended.

use std::collections::HashSet;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::listing::{KEY_BYTES_MAX, root};
use super::request::{Requests, Wanted};
use crate::http::{Method, bounded};
use crate::storage::percent::decoded;
use crate::storage::{Permission, StorageError, Upload};

/// The largest number of uploads that are returned.
const UPLOADS_MAX: usize = 10_000;

/// The largest number of pages that are read. A page has up to 1000 uploads.
const PAGES_MAX: usize = 100;

/// The greatest length in bytes of the id of an upload.
const ID_BYTES_MAX: usize = 4096;

/// A page of a list of uploads.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::storage) struct UploadsPage {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    encoding_type: Option<String>,
    #[serde(default, rename = "Upload")]
    uploads: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    upload_id: String,
}

impl UploadsPage {
    pub(in crate::storage) fn parse(text: &str) -> Result<UploadsPage, String> {
        if root(text).as_deref() != Some("ListMultipartUploadsResult") {
            return Err("it does not begin with ListMultipartUploadsResult".to_owned());
        }
        quick_xml::de::from_str(text).map_err(|error| error.to_string())
    }

    /// What names the next page: the last key and the last id of this one, as requests have them.
    fn next(&self) -> Result<Option<(String, String)>, String> {
        if !self.is_truncated {
            return Ok(None);
        }
        let key = self.next_key_marker.as_deref().ok_or("a page does not name the next one")?;
        let key = self.plain(key).ok_or("a key is not UTF-8, or its encoding is wrong")?;
        let id = self.next_upload_id_marker.clone().unwrap_or_default();
        let is_long = key.len() > KEY_BYTES_MAX || id.len() > ID_BYTES_MAX;
        if is_long { Err("the name of the next page is too long".to_owned()) } else { Ok(Some((key, id))) }
    }

    /// Some stores do not encode keys although they were asked to.
    fn plain(&self, key: &str) -> Option<String> {
        let is_encoded = self.encoding_type.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case("url"));
        if is_encoded { decoded(key, true) } else { Some(key.to_owned()) }
    }

    /// Returns the uploads of keys that begin with `prefix`, each with its key.
    ///
    /// # Errors
    /// If a key or an id cannot be one.
    pub(in crate::storage) fn uploads(&self, prefix: &str) -> Result<Vec<(String, Upload)>, String> {
        let mut uploads = Vec::new();
        for Entry { key, upload_id } in &self.uploads {
            let key = self.plain(key).ok_or("a key is not UTF-8, or its encoding is wrong")?;
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return Err(format!("a key has {} bytes", key.len()));
            }
            if upload_id.is_empty() || upload_id.len() > ID_BYTES_MAX {
                return Err(format!("the id of an upload has {} bytes", upload_id.len()));
            }
            // Some stores list all keys.
            if key.starts_with(prefix) {
                uploads.push((key, Upload(upload_id.clone())));
            }
        }
        Ok(uploads)
    }
}

/// Lists the uploads of keys that begin with `prefix`, at most [`UPLOADS_MAX`] of them.
pub(super) fn list(requests: &Requests, prefix: &str) -> Result<Vec<(String, Upload)>, StorageError> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next: Option<(String, String)> = None;
    for _ in 0..PAGES_MAX {
        let mut parameters = vec![("encoding-type", "url"), ("prefix", prefix), ("uploads", "")];
        if let Some((key, id)) = &next {
            parameters.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
        }
        let wanted = Wanted::new(Method::GET, "", Permission::List).query(&parameters);
        let text = requests.document(&wanted)?;
        let unexpected = |problem: String| requests.unexpected(&wanted, bounded(&problem));
        let page = UploadsPage::parse(&text).map_err(unexpected)?;
        found.extend(page.uploads(prefix).map_err(unexpected)?);
        next = page.next().map_err(unexpected)?;
        let Some((key, id)) = next.as_ref().filter(|_| found.len() < UPLOADS_MAX) else { break };
        if !seen.insert(Sha256::digest(format!("{key}\n{id}"))) {
            return Err(unexpected("the name of the next page names an earlier page".to_owned()));
        }
    }
    found.truncate(UPLOADS_MAX);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_page() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>
            <EncodingType>url</EncodingType><NextKeyMarker>in/a%2Bb</NextKeyMarker><NextUploadIdMarker>i2</NextUploadIdMarker>
            <IsTruncated>true</IsTruncated>
            <Upload><Key>in/a%2Bb</Key><UploadId>i1</UploadId><Initiated>2026-11-25T20:00:00.000Z</Initiated></Upload>
            <Upload><Key>other</Key><UploadId>i2</UploadId></Upload></ListMultipartUploadsResult>"#;
        let page = UploadsPage::parse(text).unwrap();
        assert_eq!(page.uploads("in/").unwrap(), [("in/a+b".to_owned(), Upload("i1".to_owned()))]);
        assert_eq!(page.next().unwrap(), Some(("in/a+b".to_owned(), "i2".to_owned())));
        let empty = UploadsPage::parse("<ListMultipartUploadsResult/>").unwrap();
        assert!(empty.uploads("").unwrap().is_empty() && empty.next().unwrap().is_none());
        for text in ["<Error/>", "no xml", "<ListMultipartUploadsResult>", ""] {
            assert!(UploadsPage::parse(text).is_err(), "{text}");
        }
        let page = UploadsPage::parse(&text.replace("<UploadId>i2</UploadId>", "<UploadId></UploadId>"));
        assert!(page.unwrap().uploads("").is_err());
        let page = UploadsPage::parse(&text.replace("<NextKeyMarker>in/a%2Bb</NextKeyMarker>", ""));
        assert!(page.unwrap().next().is_err());
    }
}
