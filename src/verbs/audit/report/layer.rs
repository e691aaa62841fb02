//! Layers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::archives::AuditedArchives;
use crate::oci::{Digest, MediaType};

/// A layer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// The media type in its descriptor.
    pub media_type: MediaType,
    /// Its form, e.g. `gzip`, `zstd`, `tar` or `opaque`.
    pub encoding: String,
    /// The number of its compressed parts: gzip members or zstd frames.
    pub parts: u64,
    /// The digest of its content; absent if it was not read to its end.
    pub diff_id: Option<Digest>,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it expands to, in bytes, as far as it was read.
    pub expanded: u64,
    /// The number of its entries, by type: `file`, `folder`, `symlink`, `hardlink`, `device`, `fifo`, `whiteout`.
    pub entries: BTreeMap<String, u64>,
    /// The archives among its files, by form.
    pub archives: Vec<AuditedArchives>,
    /// Whether it was read to its end.
    pub read: bool,
    /// The URLs in its descriptor.
    pub urls: Vec<String>,
    /// Whether it travels.
    pub carried: bool,
    /// The images that use it.
    pub images: Vec<Digest>,
}

/// A layer that its publisher does not let be distributed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ForeignLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it can be had.
    pub urls: Vec<String>,
    /// Whether it travels.
    pub carried: bool,
}
