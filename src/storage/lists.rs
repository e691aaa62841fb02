//! The pages of lists as stores write them, for those who read them without a store.

use super::{Object, Upload, azure, s3};

/// Reads a page of a list of S3 (`ListObjectsV2`) whose keys begin with `prefix`.
///
/// # Errors
/// If it is no such page, or has a key that cannot be one. The text says why.
pub fn s3_page(text: &str, prefix: &str) -> Result<Vec<Object>, String> {
    s3::Page::parse(text)?.objects(prefix)
}

/// Reads a page of a list of unfinished uploads of S3 (`ListMultipartUploads`) whose keys begin with `prefix`.
///
/// # Errors
/// If it is no such page, or has a key or an id that cannot be one. The text says why.
pub fn s3_uploads_page(text: &str, prefix: &str) -> Result<Vec<(String, Upload)>, String> {
    s3::UploadsPage::parse(text)?.uploads(prefix)
}

/// Reads a page of a list of the Blob service (`List Blobs`).
///
/// # Errors
/// If it is no such page, or has a name that cannot be one. The text says why.
pub fn azure_page(text: &str) -> Result<Vec<Object>, String> {
    azure::Page::parse(text)?.objects()
}
