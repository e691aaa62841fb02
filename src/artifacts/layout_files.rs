//! The files of an image layout: where blobs are, and the checks for `oci-layout` and `index.json` (image-spec, "Image
//! Layout").

use serde::Deserialize;

use crate::oci::document::DocumentError;
use crate::oci::{Descriptor, Digest, Document, MediaType, json};

/// The only version of the image layout.
const LAYOUT_VERSION: &str = "1.0.0";

/// The relative path of a blob in a layout.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

#[derive(Deserialize)]
struct LayoutFile {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// Checks the content of an `oci-layout` file; the error says what is wrong with it.
pub(super) fn check_layout_file(bytes: &[u8]) -> Result<(), String> {
    let file: LayoutFile = json::object(bytes, &["imageLayoutVersion"])
        .map_err(|error| format!("oci-layout: {}", json::message(&error)))?;
    if file.version == LAYOUT_VERSION {
        Ok(())
    } else {
        Err(format!("imageLayoutVersion is {:?}, expected {LAYOUT_VERSION:?}", file.version))
    }
}

/// Parses an `index.json` with the checks for any index. It has no descriptor, so one is made up for it.
pub(super) fn parse_index(bytes: &[u8]) -> Result<Vec<Descriptor>, Box<DocumentError>> {
    let digest = Digest::sha256(bytes);
    let descriptor = Descriptor::new(MediaType::image_index(), digest, bytes.len() as u64);
    match Document::parse(&descriptor, bytes)? {
        Document::Index { manifests, .. } => Ok(manifests),
        _ => Err(Box::new(DocumentError::Shape { digest, problem: "not an index".to_owned() })),
    }
}
