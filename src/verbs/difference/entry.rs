//! An entry of a root file system, as far as it is compared, and the order of entries.

use std::cmp::Ordering;

use crate::oci::Digest;

/// Kinds of entries. A hard link is the file that it is.
pub(super) const KINDS: [&str; 5] = ["file", "folder", "symlink", "device", "fifo"];

/// What is compared of an entry of a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: String,
    pub kind: &'static str,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Where a symbolic link leads.
    pub target: String,
    /// The layer that it comes from.
    pub layer: Option<Digest>,
    /// The SHA-256 of its content, if it was computed.
    pub sum: Option<[u8; 32]>,
}

/// The order of paths: a folder before what is in it, and names in the order of bytes.
pub(super) fn order(a: &[u8], b: &[u8]) -> Ordering {
    // The separator comes before every other byte.
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
    a.iter().map(rank).cmp(b.iter().map(rank))
}
