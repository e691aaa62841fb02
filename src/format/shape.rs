//! The shape of a chunk: where each of its entries lies. It follows from names and sizes alone
//! (docs/format.md, "A chunk is a strict ustar tar").

use super::entry::EntryName;
use super::limits::{SIGNATURE_BYTES_MAX, SIGNATURES_MAX, STATEMENT_BYTES_MAX};
use super::signature::ED25519_BYTES;
use super::sums::line_bytes;
use super::tar::{BLOCK, END_BYTES, padded};

/// Bytes of an entry of the head: header and padded payload.
pub const fn head_entry_bytes(payload_bytes: u64) -> u64 {
    BLOCK + padded(payload_bytes)
}

/// The room that the heads of a bundle's chunks may take, in bytes: `heads` of its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadRoom {
    /// Of every chunk but the control chunk.
    pub data: u64,
    /// Of the control chunk, which is signed again and again.
    pub control: u64,
}

impl HeadRoom {
    /// Least room: the largest statement and one Ed25519 signature.
    pub const BYTES_MIN: u64 = head_entry_bytes(STATEMENT_BYTES_MAX) + head_entry_bytes(ED25519_BYTES as u64);

    /// Most room: the largest statement and as many signatures as there may be, each the longest.
    pub const BYTES_MAX: u64 =
        head_entry_bytes(STATEMENT_BYTES_MAX) + SIGNATURES_MAX as u64 * head_entry_bytes(SIGNATURE_BYTES_MAX);

    /// Room for the largest statement and one signature of this length, in bytes; on the control chunk also for as
    /// many Ed25519 signatures as there may be.
    pub const fn of(signature_bytes: u64) -> HeadRoom {
        let data = head_entry_bytes(STATEMENT_BYTES_MAX) + head_entry_bytes(signature_bytes);
        let others = SIGNATURES_MAX as u64 - 1;
        HeadRoom { data, control: data + others * head_entry_bytes(ED25519_BYTES as u64) }
    }
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
