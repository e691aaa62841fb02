//! Entries of layers, and why some of them cannot be seen.

/// An entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// The layer; the base is 0.
    pub layer: u16,
    /// The number of the entry in its layer, [`crate::content::tar::TarEntry::number`].
    pub number: u32,
}

/// Why an entry cannot be seen in the merged file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A whiteout removed it, or a folder above it.
    Whiteout,
    /// Another entry took its path, or that of a folder above it.
    Replaced,
}

/// An entry that is carried, but that the merged file system does not show. Its content is still in the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// The entry that holds the content. Hard links have none of their own.
    pub member: MemberId,
    /// The layer that hides it. It is the entry's own if a later entry of the same layer took its path.
    pub by_layer: u16,
    /// How.
    pub cause: Cause,
}

/// What was hidden while layers are merged. Another name may still show it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone {
    /// The layer of the entry that holds the content.
    pub(super) layer: u16,
    /// [`Hidden::by_layer`].
    pub(super) by_layer: u16,
    /// The place of the entry in the table of its layer.
    pub(super) index: u32,
    /// [`Hidden::cause`].
    pub(super) cause: Cause,
}
