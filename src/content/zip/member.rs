//! A member, as the central directory has it.

use super::field::{u16_at, u32_at, u64_at};

/// The fixed part of a record of the central directory, in bytes (APPNOTE 4.3.12).
const RECORD_BYTES: usize = 46;

const RECORD: &[u8] = b"PK\x01\x02";

/// The extra field that has sizes of 64 bits (APPNOTE 4.5.3).
const ZIP64_EXTRA: u16 = 1;

/// A member, as the central directory has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name. Folders end with a slash.
    pub name: &'a [u8],
    /// The general purpose flags (APPNOTE 4.4.4).
    pub flags: u16,
    /// The compression method: 0 stored, 8 DEFLATE.
    pub method: u16,
    /// CRC-32 of its content.
    pub sum: u32,
    /// Its size in the archive, in bytes.
    pub compressed: u64,
    /// The size of its content, in bytes.
    pub size: u64,
    /// Where its local header is, in bytes from the start of the archive proper.
    pub offset: u64,
}

impl<'a> Member<'a> {
    /// Whether the content is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the sizes follow the content, so that the local header has none.
    pub fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }

    /// The record at the start of these bytes, and what follows it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Member<'a>, &'a [u8])> {
        let (head, rest) = bytes.split_at_checked(RECORD_BYTES)?;
        if !head.starts_with(RECORD) {
            return None;
        }
        let length = |at| u16_at(head, at).map(usize::from);
        let (name, rest) = rest.split_at_checked(length(28)?)?;
        let (extra, rest) = rest.split_at_checked(length(30)?)?;
        let (_comment, rest) = rest.split_at_checked(length(32)?)?;
        let mut wide = zip64(extra);
        // A field of all ones means that the extra field has the value. The order there is fixed.
        let mut value = |at| -> Option<u64> {
            let narrow = u32_at(head, at)?;
            if narrow != u32::MAX {
                return Some(narrow.into());
            }
            let found = u64_at(wide, 0);
            wide = wide.get(8..).unwrap_or_default();
            Some(found.unwrap_or(narrow.into()))
        };
        let (size, compressed, offset) = (value(24)?, value(20)?, value(42)?);
        let member = Member {
            name,
            flags: u16_at(head, 8)?,
            method: u16_at(head, 10)?,
            sum: u32_at(head, 16)?,
            compressed,
            size,
            offset,
        };
        Some((member, rest))
    }
}

/// The content of the first extra field with wide sizes, or nothing.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some((content, rest)) = extra.get(4..).and_then(|extra| extra.split_at_checked(length.into()))
        else {
            break;
        };
        if id == ZIP64_EXTRA {
            return content;
        }
        extra = rest;
    }
    &[]
}
