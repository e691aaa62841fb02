//! Zip files of records, member by member. They have hundreds of megabytes, so that they are not read as a whole: the
//! directory is read as a stream, and each member is put before the reader of archives as an archive of its own.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use crate::content::zip::{Archive, Member};

use super::bounded_reader::RECORD_BYTES_MAX;

/// The most members of a file. Malware reports of npm are some 250,000.
const MEMBERS_MAX: u64 = 10_000_000;

/// The end record without its comment, in bytes (APPNOTE 4.3.16), and its longest comment.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 65_535;
const END: &[u8] = b"PK\x05\x06";

/// The end record for large archives and the record before the usual one that locates it (APPNOTE 4.3.14 and 4.3.15).
const WIDE_END_BYTES: usize = 56;
const WIDE_END: &[u8] = b"PK\x06\x06";
const LOCATOR_BYTES: usize = 20;
const LOCATOR: &[u8] = b"PK\x06\x07";

/// The fixed parts of a record of the directory and of a local header, in bytes (APPNOTE 4.3.12 and 4.3.7).
const RECORD_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

/// Where the directory is, in bytes from the start of the file.
struct Directory {
    start: u64,
    end: u64,
    /// How many bytes are before the archive proper.
    before: u64,
}

/// Reads every member whose name is `wanted`, in the order of the directory.
///
/// # Errors
/// Why the archive as a whole cannot be read.
pub(super) fn each_member(
    file: &File,
    wanted: impl Fn(&str) -> bool,
    mut visit: impl FnMut(&str, Result<&[u8], String>),
) -> Result<(), String> {
    let directory = directory(file).map_err(|error| error.to_string())?;
    let directory = directory.ok_or("no central directory of a zip file was found")?;
    let section = Section { file, at: directory.start, end: directory.end };
    let mut records = BufReader::with_capacity(1 << 16, section);
    for number in 1..=MEMBERS_MAX {
        let malformed = |why: &dyn std::fmt::Display| format!("member {number}: {why}");
        let Some(record) = next_record(&mut records).map_err(|error| malformed(&error))? else {
            return Ok(());
        };
        let alone = archive(&[], &record).ok_or_else(|| malformed(&"it is too long"))?;
        let opened = Archive::open(&alone).map_err(|error| malformed(&error))?;
        let member = opened.members().next().ok_or_else(|| malformed(&"it is empty"))?;
        let member = member.map_err(|error| malformed(&error))?;
        let name = String::from_utf8_lossy(member.name);
        if wanted(&name) {
            let content = content(file, directory.before, &record, &member);
            visit(&name, content.as_deref().map_err(Clone::clone));
        }
    }
    Err(format!("the archive has more than {MEMBERS_MAX} members"))
}

/// The bytes of a range of a file, as a stream.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.read_at(buffer.get_mut(..length).unwrap_or_default(), self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

/// Finds the directory by the end record.
fn directory(file: &File) -> io::Result<Option<Directory>> {
    let length = file.metadata()?.len();
    let tail_start = length.saturating_sub(COMMENT_BYTES_MAX + (END_BYTES + LOCATOR_BYTES) as u64);
    let mut tail = Vec::new();
    Section { file, at: tail_start, end: length }.read_to_end(&mut tail)?;
    let is_end = |at: &usize| {
        let record = tail.get(*at..).unwrap_or_default();
        let ends =
            number(record, 20, 2).is_some_and(|comment| comment + END_BYTES as u64 == record.len() as u64);
        record.starts_with(END) && ends
    };
    let Some(at) = (0..tail.len()).rev().find(is_end) else { return Ok(None) };
    let record = tail.get(at..).unwrap_or_default();
    let (Some(mut size), Some(mut offset)) = (number(record, 12, 4), number(record, 16, 4)) else {
        return Ok(None);
    };
    let mut end = tail_start + at as u64;
    let locator = at.checked_sub(LOCATOR_BYTES).and_then(|at| tail.get(at..));
    if let Some(locator) = locator.filter(|locator| locator.starts_with(LOCATOR)) {
        let mut wide = [0; WIDE_END_BYTES];
        let at = number(locator, 8, 8).unwrap_or(u64::MAX);
        file.read_exact_at(&mut wide, at)?;
        if wide.starts_with(WIDE_END) {
            size = number(&wide, 40, 8).unwrap_or(size);
            offset = number(&wide, 48, 8).unwrap_or(offset);
            end = at;
        }
    }
    let found = || {
        let start = end.checked_sub(size)?;
        Some(Directory { start, end, before: start.checked_sub(offset)? })
    };
    Ok(found())
}

/// The next record of the directory; `None` at its end.
fn next_record(records: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut record = Vec::with_capacity(256);
    records.take(RECORD_BYTES as u64).read_to_end(&mut record)?;
    if record.is_empty() {
        return Ok(None);
    }
    let lengths = [28, 30, 32].map(|at| number(&record, at, 2).unwrap_or_default());
    records.take(lengths.iter().sum()).read_to_end(&mut record)?;
    Ok(Some(record))
}

/// An archive with one member: its local header with its content, and its record.
fn archive(local: &[u8], record: &[u8]) -> Option<Vec<u8>> {
    let mut end = [0; END_BYTES];
    let (size, offset) = (u32::try_from(record.len()).ok()?, u32::try_from(local.len()).ok()?);
    end.first_chunk_mut::<4>()?.copy_from_slice(END);
    for at in [8, 10] {
        end.get_mut(at..at + 2)?.copy_from_slice(&1_u16.to_le_bytes());
    }
    end.get_mut(12..16)?.copy_from_slice(&size.to_le_bytes());
    end.get_mut(16..20)?.copy_from_slice(&offset.to_le_bytes());
    Some([local, record, &end].concat())
}

/// The content of a member, with its size and sum checked.
fn content(file: &File, before: u64, record: &[u8], member: &Member<'_>) -> Result<Vec<u8>, String> {
    let limit = usize::try_from(RECORD_BYTES_MAX).unwrap_or(usize::MAX);
    if member.compressed > RECORD_BYTES_MAX {
        return Err(format!("{} bytes are more than the limit of {limit}", member.compressed));
    }
    let at = before.checked_add(member.offset).ok_or("its place is outside the file")?;
    let mut head = Vec::new();
    let read = |from: u64, length: u64, bytes: &mut Vec<u8>| {
        let end = from.saturating_add(length);
        Section { file, at: from, end }.read_to_end(bytes).map_err(|error| error.to_string())
    };
    read(at, LOCAL_BYTES as u64, &mut head)?;
    let lengths = [26, 28].map(|at| number(&head, at, 2).unwrap_or_default());
    let rest = lengths.iter().sum::<u64>().saturating_add(member.compressed);
    read(at.saturating_add(head.len() as u64), rest, &mut head)?;
    let alone = archive(&head, record).ok_or("it is too long")?;
    let archive = Archive::open(&alone).map_err(|error| error.to_string())?;
    let content = archive.read(&Member { offset: 0, ..*member }, limit).map_err(|error| error.to_string())?;
    Ok(content.into_owned())
}

/// A little-endian number of up to 8 bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::content::zip::writer::{member, zip};

    type Read = Vec<(String, Result<Vec<u8>, String>)>;

    /// The names and contents that are read from an archive.
    fn read(bytes: &[u8]) -> Result<Read, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut found = Vec::new();
        each_member(
            &file,
            |name| name != "skipped",
            |name, content| found.push((name.to_owned(), content.map(<[u8]>::to_vec))),
        )?;
        Ok(found)
    }

    fn archive() -> Vec<u8> {
        let long = vec![b'x'; 200_000];
        zip(&[member("a", b"one"), member("skipped", b""), member("b/c", &long), member("empty", b"")])
    }

    fn contents() -> Read {
        let long = vec![b'x'; 200_000];
        let contents = [("a", b"one".to_vec()), ("b/c", long), ("empty", Vec::new())];
        contents.into_iter().map(|(name, content)| (name.to_owned(), Ok(content))).collect()
    }

    #[test]
    fn members_are_read_in_the_order_of_the_directory() {
        assert_eq!(read(&archive()).unwrap(), contents());
        assert_eq!(read(&[b"#!/bin/sh\n".to_vec(), archive()].concat()).unwrap(), contents());
    }

    #[test]
    fn large_archives_have_a_second_end_record() {
        let mut bytes = archive();
        let mut end = bytes.split_off(bytes.len() - END_BYTES);
        let at = bytes.len() as u64;
        let (size, offset) = (number(&end, 12, 4).unwrap(), number(&end, 16, 4).unwrap());
        bytes.extend(WIDE_END);
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([0; 12]);
        for field in [4, 4, size, offset] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(LOCATOR);
        bytes.extend([0; 4]);
        bytes.extend(at.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        end[8..20].fill(0xff);
        bytes.extend(end);
        assert_eq!(read(&bytes).unwrap(), contents());
    }

    #[test]
    fn an_archive_that_breaks_off_is_refused() {
        let bytes = archive();
        assert_eq!(
            read(&bytes[..bytes.len() - 1]).unwrap_err(),
            "no central directory of a zip file was found"
        );
        let mut lying = bytes.clone();
        let directory = bytes.len() - END_BYTES - (4 * RECORD_BYTES + "askippedb/cempty".len());
        lying[directory] = b'X';
        assert_eq!(read(&lying).unwrap_err(), "member 1: record 1 of the central directory is malformed");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_change_of_an_archive_ends(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let mut bytes = zip(&[member("a", b"one"), member("b", &[7; 300])]);
            let length = bytes.len();
            if let Some(changed) = bytes.get_mut(at % length) {
                *changed = byte;
            }
            let _ = read(&bytes);
            let _ = read(&bytes[..cut % length]);
        }
    }
}
