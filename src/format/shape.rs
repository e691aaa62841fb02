//! The shape of a chunk: the position of each entry. It depends only on names and sizes
//! (docs/format.md, "A chunk is a strict ustar tar").

use super::entry::EntryName;
use super::limits::{ENTRIES_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use super::profile::Profile;
use super::signature::ED25519_BYTES;
use super::sums::line_bytes;
use super::sums384;
use super::tar::{BLOCK, END_BYTES, padded};

/// Returns the size of an entry in the head, in bytes: header and padded payload.
pub const fn head_entry_bytes(payload_bytes: u64) -> u64 {
    BLOCK + padded(payload_bytes)
}

/// Returns the size of signatures of these sizes in the head, with their headers, in bytes.
pub fn signature_entries_bytes(signature_sizes: impl IntoIterator<Item = u64>) -> u64 {
    signature_sizes.into_iter().map(head_entry_bytes).sum()
}

/// The space reserved for the heads of chunks, in bytes: `heads` in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRoom {
    /// The space in every chunk except the control chunk.
    pub data: u64,
    /// The space in the control chunk, which may get further signatures.
    pub control: u64,
}

impl HeadRoom {
    /// The minimum: the largest statement and one Ed25519 signature.
    pub const BYTES_MIN: u64 = head_entry_bytes(STATEMENT_BYTES_MAX) + head_entry_bytes(ED25519_BYTES as u64);

    /// The maximum: the largest statement and the maximum number of signatures of the maximum size.
    pub const BYTES_MAX: u64 =
        head_entry_bytes(STATEMENT_BYTES_MAX) + SIGNATURES_MAX as u64 * head_entry_bytes(SIGNATURE_BYTES_MAX);

    /// Returns the space for the largest statement and the packer's signatures of these sizes, in bytes. The control chunk
    /// also has space for as many more of the longest of these sizes as fit into the maximum number of signatures and into
    /// half of the chunk limit.
    pub fn of(signature_sizes: &[u64], chunk_bytes: u64) -> HeadRoom {
        let data =
            head_entry_bytes(STATEMENT_BYTES_MAX) + signature_entries_bytes(signature_sizes.iter().copied());
        let others = SIGNATURES_MAX.saturating_sub(signature_sizes.len()) as u64;
        let longest = signature_sizes.iter().copied().max().unwrap_or_default();
        let most = chunk_bytes / 2 / BLOCK * BLOCK;
        HeadRoom { data, control: (data + others * head_entry_bytes(longest)).min(most).max(data) }
    }

    /// Returns the size of the signatures on every chunk except the control chunk, with their headers, in bytes.
    pub fn data_signatures(&self) -> u64 {
        self.data - head_entry_bytes(STATEMENT_BYTES_MAX)
    }
}

/// Returns the maximum size that an entry adds to a sealed part, in bytes: header, payload and lines in the lists of sums.
pub fn entry_cost(profile: Option<Profile>, name: &EntryName, bytes: u64) -> u64 {
    BLOCK + padded(bytes) + line_bytes(name) + profile.map_or(0, |_| sums384::line_bytes(name))
}

/// Returns the maximum size of a sealed part without entries, in bytes: headers and padding of the lists of sums, and the end.
pub fn sealed_overhead(profile: Option<Profile>) -> u64 {
    let list = BLOCK + (BLOCK - 1);
    list + END_BYTES + profile.map_or(0, |_| list + line_bytes(&EntryName::Sums384))
}

/// Returns the maximum number of entries of a chunk, without the lists of sums.
pub fn entries_max(profile: Option<Profile>) -> usize {
    ENTRIES_MAX - profile.map_or(0, |_| 1)
}

/// An entry with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name of the entry.
    pub name: EntryName,
    /// The size of the payload in bytes.
    pub bytes: u64,
}

/// The entries after `02_sums.txt`, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    items: Vec<Item>,
}

impl Shape {
    /// Creates the shape of a chunk with these entries.
    pub fn new(items: Vec<Item>) -> Shape {
        Shape { items }
    }

    /// Creates the shape of a chunk with these entries, in a bundle of this profile: `03_sums384.txt` comes before them.
    pub fn in_profile(profile: Option<Profile>, items: Vec<Item>) -> Shape {
        let list = profile.map(|_| Item {
            name: EntryName::Sums384,
            bytes: items.iter().map(|item| sums384::line_bytes(&item.name)).sum(),
        });
        Shape::new(list.into_iter().chain(items).collect())
    }

    /// Returns the entries.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the size of `02_sums.txt` in bytes.
    pub fn sums_bytes(&self) -> u64 {
        self.items.iter().map(|item| line_bytes(&item.name)).sum()
    }

    /// Returns the size of the sealed part in bytes.
    pub fn sealed_bytes(&self) -> u64 {
        let entries: u64 = self.items.iter().map(|item| BLOCK + padded(item.bytes)).sum();
        BLOCK + padded(self.sums_bytes()) + entries + END_BYTES
    }

    /// Returns the offset of each payload in the sealed part, in bytes.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        let mut next = BLOCK + padded(self.sums_bytes());
        self.items.iter().map(move |item| {
            let payload = next + BLOCK;
            next = payload + padded(item.bytes);
            payload
        })
    }
}
