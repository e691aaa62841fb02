//! Objects as a store lists them, and objects that are about to be written.

use std::collections::BTreeMap;

use crate::format::{Sum, Timestamp};

/// An object, as the store described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The key, from the start of the container, with the prefix.
    pub key: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The entity tag as it stands in headers, with its quotes. Another content has another tag.
    pub etag: String,
    /// When the object was last modified, by the clock of the store.
    pub modified: Option<Timestamp>,
    /// The MD5 sum that the store keeps for the whole object, if it keeps one.
    pub md5: Option<[u8; 16]>,
    /// The metadata, with names in lower case. Listing an S3 bucket does not return it.
    pub metadata: BTreeMap<String, String>,
}

/// What must be true of a key for an object to be written under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: an object of this key is replaced.
    None,
    /// There is no object of this key.
    Absent,
    /// The object of this key has this entity tag.
    Is(String),
}

/// An object to write.
#[derive(Clone, Debug)]
pub struct NewObject<'a> {
    /// The key, from the start of the container, with the prefix.
    pub key: &'a str,
    /// The size in bytes.
    pub bytes: u64,
    /// The MD5 sum of the whole object.
    pub md5: [u8; 16],
    /// The SHA-256 sum of the whole object.
    pub sha256: Sum,
    /// The metadata. Names have lower-case letters and digits only: proxies drop
    /// headers with underscores, and Azure refuses hyphens.
    pub metadata: &'a [(String, String)],
    /// What must be true of the key.
    pub precondition: Precondition,
}

/// An upload in parts that was begun and is not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload(pub String);

/// A part that the store has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The number of the part, from 1.
    pub number: u32,
    /// What the store needs to know it again: an entity tag, or the id of a block.
    pub tag: String,
}

/// What a store demands of the parts of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// The smallest size in bytes of every part but the last.
    pub bytes_min: u64,
    /// The largest size in bytes of a part.
    pub bytes_max: u64,
    /// The largest number of parts.
    pub parts_max: u32,
}
