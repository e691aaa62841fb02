//! The header of a package: an index of tags and a store of their values (rpm's `docs/manual/format_header.md`).
//!
//! All numbers are big-endian: count of entries, bytes of the store, the entries of 16 bytes (tag, type, offset, count),
//! the store.

use std::ops::Range;

/// The tags that are read (rpm's `rpmtag.h`).
pub(super) mod tag {
    pub(in crate::packages::rpm) const IMMUTABLE: u32 = 63;
    pub(in crate::packages::rpm) const SHA1: u32 = 269;
    pub(in crate::packages::rpm) const SHA256: u32 = 273;
    pub(in crate::packages::rpm) const NAME: u32 = 1000;
    pub(in crate::packages::rpm) const VERSION: u32 = 1001;
    pub(in crate::packages::rpm) const RELEASE: u32 = 1002;
    pub(in crate::packages::rpm) const EPOCH: u32 = 1003;
    pub(in crate::packages::rpm) const LICENCE: u32 = 1014;
    pub(in crate::packages::rpm) const ARCH: u32 = 1022;
    pub(in crate::packages::rpm) const OLD_FILE_NAMES: u32 = 1027;
    pub(in crate::packages::rpm) const SOURCE_RPM: u32 = 1044;
    pub(in crate::packages::rpm) const DIR_INDEXES: u32 = 1116;
    pub(in crate::packages::rpm) const BASE_NAMES: u32 = 1117;
    pub(in crate::packages::rpm) const DIR_NAMES: u32 = 1118;
}

const INT32: u32 = 4;
const STRING: u32 = 6;
const BIN: u32 = 7;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// The bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 16;

/// The most entries of a header, as rpm has it (`HEADER_TAGS_MAX`).
const ENTRIES_MAX: usize = 0xffff;

/// A header whose parts lie within its bytes.
#[derive(Debug)]
pub(super) struct Header<'a> {
    entries: &'a [u8],
    store: &'a [u8],
}

#[derive(Clone, Copy)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// # Errors
    /// A sentence if the stated lengths do not fit the bytes.
    pub(super) fn parse(blob: &'a [u8]) -> Result<Header<'a>, String> {
        let length = |at: usize| be32(blob, at).and_then(|value| usize::try_from(value).ok());
        let (Some(count), Some(bytes)) = (length(0), length(4)) else {
            return Err(format!("has only {} bytes", blob.len()));
        };
        if count == 0 || count > ENTRIES_MAX {
            return Err(format!("states {count} entries, and 1 to {ENTRIES_MAX} are allowed"));
        }
        let index_end = 8 + count * ENTRY_BYTES;
        let end = index_end.checked_add(bytes);
        let entries = blob.get(8..index_end);
        let store = end.and_then(|end| blob.get(index_end..end));
        let (Some(entries), Some(store)) = (entries, store) else {
            let found = blob.len();
            return Err(format!("states {count} entries and {bytes} bytes of values, but has {found} bytes"));
        };
        Ok(Header { entries, store })
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = Entry> {
        self.entries.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
            Some(Entry {
                tag: be32(entry, 0)?,
                kind: be32(entry, 4)?,
                offset: usize::try_from(be32(entry, 8)?).ok()?,
                count: usize::try_from(be32(entry, 12)?).ok()?,
            })
        })
    }

    /// The last entry of a tag. What was added at installation comes last, and replaces what was there.
    fn entry(&self, tag: u32) -> Option<Entry> {
        self.entries().rev().find(|entry| entry.tag == tag)
    }

    /// Returns the text of a tag. Of a text in several languages, the first.
    pub(super) fn text(&self, tag: u32) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        let is_text = matches!(entry.kind, STRING | STRING_ARRAY | I18N_STRING);
        is_text.then(|| until_nul(self.store.get(entry.offset..)?)).flatten()
    }

    /// Returns the number of a tag; the first, if it has several.
    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).next()
    }

    /// Returns the numbers of a tag.
    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> {
        let entry = self.entry(tag).filter(|entry| entry.kind == INT32);
        let values = entry.and_then(|entry| {
            let end = entry.count.checked_mul(4)?.checked_add(entry.offset)?;
            self.store.get(entry.offset..end)
        });
        values.unwrap_or_default().chunks_exact(4).filter_map(|value| be32(value, 0))
    }

    /// Returns the texts of a tag. Ends early if the store does.
    pub(super) fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind == STRING_ARRAY);
        let mut rest = entry.and_then(|entry| self.store.get(entry.offset..)).unwrap_or_default();
        let mut left = entry.map_or(0, |entry| entry.count);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let text = until_nul(rest)?;
            rest = rest.get(text.len() + 1..)?;
            Some(text)
        })
    }

    /// Returns the entries and the values that the package was built with: those that its sums are of. `None` if the
    /// header does not tell them apart from what was added at installation, as those of rpm 3 do not.
    pub(super) fn immutable(&self) -> Option<Immutable<'a>> {
        let first = self.entries().next().filter(|entry| entry.tag == tag::IMMUTABLE && entry.kind == BIN)?;
        // The value of the first tag is an entry once more. Its offset is the length of the entries, negative.
        let trailer: Range<usize> = first.offset..first.offset.checked_add(ENTRY_BYTES)?;
        let (values, trailer) = (self.store.get(..trailer.end)?, self.store.get(trailer)?);
        let bytes = usize::try_from(be32(trailer, 8)?.cast_signed().checked_neg()?).ok()?;
        let entries = self.entries.get(..bytes)?;
        let is_sound = be32(trailer, 0)? == tag::IMMUTABLE && bytes % ENTRY_BYTES == 0 && bytes > 0;
        is_sound.then_some(Immutable { entries, values })
    }
}

/// The part of a header that the package was built with.
pub(super) struct Immutable<'a> {
    pub(super) entries: &'a [u8],
    pub(super) values: &'a [u8],
}

/// Reads 4 bytes, most significant first.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

fn until_nul(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.get(..end)
}
