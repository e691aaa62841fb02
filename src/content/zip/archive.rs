//! The central directory, and the content of members.

use std::borrow::Cow;

use flate2::Crc;

use super::error::ZipError;
use super::field::{range, tail, u16_at, u32_at, u64_at};
use super::member::Member;
use crate::content::deflate;

/// The most members of an archive that are looked at. Large applications in one archive have some 60,000 classes.
pub const MEMBERS_MAX: usize = 200_000;

/// The end record without its comment, in bytes (APPNOTE 4.3.16), and its longest comment.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = u16::MAX as usize;
const END: &[u8] = b"PK\x05\x06";

/// The end record for large archives and the record that locates it (APPNOTE 4.3.14 and 4.3.15).
const WIDE_END_BYTES: u64 = 56;
const WIDE_END: &[u8] = b"PK\x06\x06";
const LOCATOR_BYTES: u64 = 20;
const LOCATOR: &[u8] = b"PK\x06\x07";

/// The fixed part of a local header, in bytes (APPNOTE 4.3.7).
const LOCAL_BYTES: u64 = 30;
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";

/// A zip archive in memory.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    pub(super) bytes: &'a [u8],
    directory: &'a [u8],
    /// How many bytes are before the archive proper: the start script of an executable archive, for instance.
    pub(super) before: u64,
    /// How many bytes follow the end record and its comment.
    pub(super) after: usize,
    /// How many members the end record states.
    pub(super) stated: u64,
}

/// A local header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local<'a> {
    pub(super) name: &'a [u8],
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) sum: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
    /// Where the content begins, in bytes from the start of all bytes.
    pub(super) content: u64,
}

impl<'a> Archive<'a> {
    /// Finds the central directory. Nothing is decompressed yet.
    pub fn open(bytes: &'a [u8]) -> Result<Archive<'a>, ZipError> {
        let (end, after) = find_end(bytes).ok_or(ZipError::NoEnd)?;
        let record = bytes.get(end..).unwrap_or_default();
        let field = |at| u16_at(record, at).ok_or(ZipError::NoEnd);
        let mut directory_end = end as u64;
        let mut stated = u64::from(field(10)?);
        let mut size = u64::from(u32_at(record, 12).ok_or(ZipError::NoEnd)?);
        let mut offset = u64::from(u32_at(record, 16).ok_or(ZipError::NoEnd)?);
        let is_wide =
            stated == u64::from(u16::MAX) || size == u64::from(u32::MAX) || offset == u64::from(u32::MAX);
        if let Some((at, wide)) = is_wide.then(|| wide_end(bytes, directory_end)).flatten() {
            directory_end = at;
            stated = u64_at(wide, 32).unwrap_or(stated);
            size = u64_at(wide, 40).unwrap_or(size);
            offset = u64_at(wide, 48).unwrap_or(offset);
        } else if field(4)? != 0 || field(6)? != 0 {
            return Err(ZipError::Spanned);
        }
        let outside = ZipError::DirectoryOutside { size, offset };
        // The directory ends where the end record begins; that place is surer than the stated one.
        let start = directory_end.checked_sub(size).ok_or_else(|| outside.clone())?;
        let before = start.checked_sub(offset).ok_or_else(|| outside.clone())?;
        let directory = range(bytes, start, size).ok_or(outside)?;
        Ok(Archive { bytes, directory, before, after, stated })
    }

    /// The members in the order of the central directory.
    pub fn members(&self) -> Members<'a> {
        Members { rest: self.directory, number: 0 }
    }

    /// The content of a member, at most `limit` bytes, with its size and CRC-32 checked.
    pub fn read(&self, member: &Member<'_>, limit: usize) -> Result<Cow<'a, [u8]>, ZipError> {
        if member.is_encrypted() {
            return Err(ZipError::Encrypted);
        }
        if usize::try_from(member.size).map_or(true, |size| size > limit) {
            return Err(ZipError::TooLarge { size: member.size, limit });
        }
        let local = self.local(member)?;
        let outside = ZipError::Outside { size: member.compressed };
        let raw = range(self.bytes, local.content, member.compressed).ok_or(outside)?;
        let content = match member.method {
            0 if raw.len() > limit => return Err(ZipError::TooLarge { size: member.compressed, limit }),
            0 => Cow::Borrowed(raw),
            // No further than the stated size: a lie must not cost more than it says.
            8 => Cow::Owned(deflate::raw(raw, usize::try_from(member.size).unwrap_or(limit))?.bytes),
            method => return Err(ZipError::Method { method }),
        };
        if content.len() as u64 != member.size {
            return Err(ZipError::Size { expected: member.size, found: content.len() });
        }
        let mut sum = Crc::new();
        sum.update(&content);
        if sum.sum() != member.sum {
            return Err(ZipError::Sum { expected: member.sum, found: sum.sum() });
        }
        Ok(content)
    }

    /// The local header of a member.
    pub(super) fn local(&self, member: &Member<'_>) -> Result<Local<'a>, ZipError> {
        let missing = ZipError::NoLocalHeader { offset: member.offset };
        let find = || {
            let at = self.before.checked_add(member.offset)?;
            let head = range(self.bytes, at, LOCAL_BYTES).filter(|head| head.starts_with(LOCAL))?;
            let (name, extra) = (u64::from(u16_at(head, 26)?), u64::from(u16_at(head, 28)?));
            Some(Local {
                name: range(self.bytes, at + LOCAL_BYTES, name)?,
                flags: u16_at(head, 6)?,
                method: u16_at(head, 8)?,
                sum: u32_at(head, 14)?,
                compressed: u32_at(head, 18)?,
                size: u32_at(head, 22)?,
                content: at + LOCAL_BYTES + name + extra,
            })
        };
        find().ok_or(missing)
    }
}

/// The members of an archive. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, ZipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        if self.number > MEMBERS_MAX {
            self.rest = &[];
            return Some(Err(ZipError::TooManyMembers { limit: MEMBERS_MAX }));
        }
        let Some((member, rest)) = Member::read(self.rest) else {
            self.rest = &[];
            return Some(Err(ZipError::DirectoryRecord { number: self.number }));
        };
        self.rest = rest;
        Some(Ok(member))
    }
}

/// Where the end record begins, and how many bytes follow it and its comment.
///
/// The last record whose comment ends with the archive counts. If there is none, something was appended: then the last
/// record counts.
fn find_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let last = bytes.len().checked_sub(END_BYTES)?;
    let mut with_more = None;
    for at in (first..=last).rev() {
        let record = bytes.get(at..)?;
        if !record.starts_with(END) {
            continue;
        }
        let length = END_BYTES + usize::from(u16_at(record, 20)?);
        if length == record.len() {
            return Some((at, 0));
        }
        // A comment that is cut off counts as well, without its end.
        with_more.get_or_insert((at, record.len().saturating_sub(length)));
    }
    with_more
}

/// The end record for large archives, and where it begins. `end` is where the usual one begins.
fn wide_end(bytes: &[u8], end: u64) -> Option<(u64, &[u8])> {
    let locator_at = end.checked_sub(LOCATOR_BYTES)?;
    let locator = range(bytes, locator_at, LOCATOR_BYTES).filter(|bytes| bytes.starts_with(LOCATOR))?;
    let places = [locator_at.checked_sub(WIDE_END_BYTES), u64_at(locator, 8)];
    places.into_iter().flatten().find_map(|at| {
        let record = tail(bytes, at).filter(|record| record.starts_with(WIDE_END))?;
        Some((at, record))
    })
}
