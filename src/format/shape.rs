//! The shape of a chunk: where each of its entries lies. It follows from names and sizes alone
//! (docs/format.md, "A chunk is a strict ustar tar").

use super::entry::EntryName;
use super::limits::{SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use super::sums::line_bytes;
use super::tar::{BLOCK, END_BYTES, padded};

/// Bytes of one signature entry: header and padded signature.
pub const SIGNATURE_ENTRY_BYTES: u64 = 2 * BLOCK;

/// What stands before the sealed part at most, with this many signatures, in bytes.
pub const fn head_bytes_max(signatures: usize) -> u64 {
    BLOCK + padded(STATEMENT_BYTES_MAX) + signatures as u64 * SIGNATURE_ENTRY_BYTES
}

/// What stands before the sealed part, in bytes.
pub const fn head_bytes(statement_bytes: u64, signatures: usize) -> u64 {
    BLOCK + padded(statement_bytes) + signatures as u64 * SIGNATURE_ENTRY_BYTES
}

/// How large the sealed part of a data chunk may be under this limit, in bytes.
pub const fn data_capacity(chunk_bytes: u64) -> u64 {
    chunk_bytes - head_bytes_max(1)
}

/// How large the sealed part of the control chunk may be: it keeps room for every signature.
pub const fn control_capacity(chunk_bytes: u64) -> u64 {
    chunk_bytes - head_bytes_max(SIGNATURES_MAX)
}

/// What an entry adds to a sealed part at most, in bytes: its header, its payload and its line of the sums.
pub fn entry_cost(name: &EntryName, bytes: u64) -> u64 {
    BLOCK + padded(bytes) + line_bytes(name)
}

/// What a sealed part has beside its entries at most, in bytes: header and padding of the sums, and the end.
pub const SEALED_OVERHEAD: u64 = BLOCK + (BLOCK - 1) + END_BYTES;

/// An entry and its size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub name: EntryName,
    /// How long its payload is, in bytes.
    pub bytes: u64,
}

/// The entries after `02_sums.txt`, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    items: Vec<Item>,
}

impl Shape {
    /// The shape of a chunk with these entries.
    pub fn new(items: Vec<Item>) -> Shape {
        Shape { items }
    }

    /// The entries.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Length of `02_sums.txt`, in bytes.
    pub fn sums_bytes(&self) -> u64 {
        self.items.iter().map(|item| line_bytes(&item.name)).sum()
    }

    /// Length of the sealed part, in bytes.
    pub fn sealed_bytes(&self) -> u64 {
        let entries: u64 = self.items.iter().map(|item| BLOCK + padded(item.bytes)).sum();
        BLOCK + padded(self.sums_bytes()) + entries + END_BYTES
    }

    /// Where the payload of each entry begins, in bytes from the start of the sealed part.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        let mut next = BLOCK + padded(self.sums_bytes());
        self.items.iter().map(move |item| {
            let payload = next + BLOCK;
            next = payload + padded(item.bytes);
            payload
        })
    }
}
