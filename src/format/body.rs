//! The body of a chunk: the entries of its sealed part. Nothing may be between or after them.

use std::collections::HashMap;

use super::entry::EntryName;
use super::error::FormatError;
use super::head::{Head, check_zero};
use super::limits::{SUMS_BYTES_MAX, SUMS384_BYTES_MAX};
use super::lines::Sum;
use super::shape::{Item, Shape};
use super::sum_pair::{Sum384, SumPair};
use super::sums::Sums;
use super::sums384::Sums384;
use super::tar::{BLOCK, END_BYTES, Header, padded};

/// An entry of the body, and the location of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyEntry {
    /// The name of the entry.
    pub name: EntryName,
    /// The expected SHA-256 of the payload.
    pub sum: Sum,
    /// The offset of the payload in the file, in bytes.
    pub offset: u64,
    /// The size of the payload in bytes.
    pub bytes: u64,
}

/// The entries of a chunk, in order. Their payloads are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The entries after `02_sums.txt`.
    pub entries: Vec<BodyEntry>,
    /// Whether the bytes between the payloads were compared with what the format prescribes.
    pub gaps_checked: bool,
    places: HashMap<EntryName, usize>,
    /// The size of `02_sums.txt` in bytes.
    sums_bytes: u64,
    /// The expected SHA-384 of each entry, in a bundle with a profile; empty in others.
    strong: Vec<Sum384>,
}

/// The body of a chunk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The body violates the format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl Body {
    /// Reads the structure of a chunk whose head was accepted: the sums, which must match the statement,
    /// every header, and the padding between payloads.
    ///
    /// # Errors
    /// [`BodyError`] if the sums do not match the statement, if the entries do not match the sums, or if any
    /// byte outside the payloads differs from what the format prescribes.
    pub fn read(
        head: &Head,
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<Body, BodyError> {
        let (mut gap, sums, sums_bytes) = Body::sums(head, read_at)?;
        let mut entries: Vec<BodyEntry> = Vec::with_capacity(sums.entries().len());
        let mut before = sums_bytes;
        for &(name, sum) in sums.entries() {
            let header = gap.header(before, read_at)?;
            if header.name != name {
                return Err(FormatError::whole(
                    "chunk",
                    format!("entry {name}, as in 02_sums.txt"),
                    header.name.to_string(),
                )
                .into());
            }
            let offset = gap.payload(header.bytes)?;
            entries.push(BodyEntry { name, sum, offset, bytes: header.bytes });
            before = header.bytes;
        }
        gap.end(before, read_at)?;
        let strong = Body::strong(head, &entries, read_at)?;
        Ok(Body::of(entries, sums_bytes, strong, true))
    }

    /// Reads the sums of a chunk that must have this shape, and nothing after them, for a file in which each read takes
    /// long; `None` if the chunk has another shape. The bytes between the payloads are not compared: see
    /// [`Body::gap`].
    ///
    /// # Errors
    /// [`BodyError`] if the sums do not match the statement.
    pub fn planned(
        head: &Head,
        shape: &Shape,
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<Option<Body>, BodyError> {
        let (_, sums, sums_bytes) = Body::sums(head, read_at)?;
        let names = sums.entries().iter().map(|&(name, _)| name);
        if head.statement.bytes != shape.sealed_bytes()
            || !names.eq(shape.items().iter().map(|item| item.name))
        {
            return Ok(None);
        }
        let entry = |((&(name, sum), item), offset): ((&(EntryName, Sum), &Item), u64)| BodyEntry {
            name,
            sum,
            offset: head.sealed_at() + offset,
            bytes: item.bytes,
        };
        let entries: Vec<BodyEntry> =
            sums.entries().iter().zip(shape.items()).zip(shape.offsets()).map(entry).collect();
        let strong = Body::strong(head, &entries, read_at)?;
        Ok(Some(Body::of(entries, sums_bytes, strong, false)))
    }

    fn of(entries: Vec<BodyEntry>, sums_bytes: u64, strong: Vec<Sum384>, gaps_checked: bool) -> Body {
        let places = entries.iter().enumerate().map(|(place, entry)| (entry.name, place)).collect();
        Body { entries, gaps_checked, places, sums_bytes, strong }
    }

    /// Reads `03_sums384.txt`, which must be there if the statement has a SHA-384, and only then. Returns the SHA-384 of each
    /// entry, its own included.
    fn strong(
        head: &Head,
        entries: &[BodyEntry],
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<Vec<Sum384>, BodyError> {
        let list = entries.first().filter(|entry| entry.name == EntryName::Sums384);
        let (list, expected) = match (list, head.statement.sums.sha384) {
            (None, None) => return Ok(Vec::new()),
            (Some(list), Some(expected)) => (list, expected),
            (None, Some(_)) => {
                let expected = "03_sums384.txt, because the statement has a SHA-384";
                return Err(FormatError::whole("chunk", expected, "none").into());
            }
            (Some(_), None) => {
                let expected = "no 03_sums384.txt, because the statement has no SHA-384";
                return Err(FormatError::whole("chunk", expected, "one").into());
            }
        };
        if list.bytes > SUMS384_BYTES_MAX {
            let expected = format!("03_sums384.txt of at most {SUMS384_BYTES_MAX} bytes");
            return Err(FormatError::whole("chunk", expected, format!("{} bytes", list.bytes)).into());
        }
        let mut bytes = vec![0; usize::try_from(list.bytes).expect("bounded above")];
        read_at(&mut bytes, list.offset)?;
        let found = Sum384::of(&bytes);
        if found != expected {
            let expected = format!("the SHA-384 in the statement, {expected}");
            return Err(FormatError::whole("03_sums384.txt", expected, found.to_string()).into());
        }
        let listed = Sums384::parse(&bytes)?;
        if !listed.entries().iter().map(|(name, _)| *name).eq(entries[1..].iter().map(|entry| entry.name)) {
            let expected = "the entries of 02_sums.txt, in their order";
            return Err(FormatError::whole("03_sums384.txt", expected, "others").into());
        }
        Ok(std::iter::once(found).chain(listed.entries().iter().map(|(_, sum)| *sum)).collect())
    }

    /// Reads `02_sums.txt`. Returns where it ends, its content and its size in bytes.
    fn sums(
        head: &Head,
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<(Gap, Sums, u64), BodyError> {
        let file_bytes = head.sealed_at() + head.statement.bytes;
        let mut gap = Gap { at: head.sealed_at(), file_bytes };
        let header = gap.header(0, read_at)?;
        if header.name != EntryName::Sums || header.bytes > SUMS_BYTES_MAX {
            let expected = format!("02_sums.txt of at most {SUMS_BYTES_MAX} bytes");
            return Err(FormatError::whole(
                "chunk",
                expected,
                format!("{} of {} bytes", header.name, header.bytes),
            )
            .into());
        }
        let sums_at = gap.payload(header.bytes)?;
        let mut sums_bytes = vec![0; usize::try_from(header.bytes).expect("bounded above")];
        read_at(&mut sums_bytes, sums_at)?;
        let found = Sum::of(&sums_bytes);
        let expected = head.statement.sums.sha256;
        if found != expected {
            let expected = format!("the SHA-256 in the statement, {expected}");
            return Err(FormatError::whole("02_sums.txt", expected, found.to_string()).into());
        }
        Ok((gap, Sums::parse(&sums_bytes)?, header.bytes))
    }

    /// Returns the bytes that the format prescribes before the payload of entry number `at`: the padding of the payload
    /// before it, and its header. For the number after the last one, the padding and the end of the chunk.
    pub fn gap(&self, at: usize) -> Vec<u8> {
        let before = at.checked_sub(1).map_or(self.sums_bytes, |before| self.entries[before].bytes);
        let padding = usize::try_from(padded(before) - before).expect("less than a block");
        let mut bytes = vec![0; padding];
        match self.entries.get(at) {
            Some(entry) => bytes.extend(Header { name: entry.name, bytes: entry.bytes }.encode()),
            None => bytes.resize(padding + usize::try_from(END_BYTES).expect("two blocks"), 0),
        }
        bytes
    }

    /// Returns the size of `02_sums.txt` in bytes.
    pub fn sums_bytes(&self) -> u64 {
        self.sums_bytes
    }

    /// Returns what the payload of an entry of this chunk must be: its SHA-256, and its SHA-384 in a bundle with a profile.
    pub fn pair(&self, entry: &BodyEntry) -> SumPair {
        let place = self.places.get(&entry.name);
        SumPair { sha256: entry.sum, sha384: place.and_then(|&place| self.strong.get(place)).copied() }
    }

    /// Returns the entry with this name.
    pub fn entry(&self, name: EntryName) -> Option<&BodyEntry> {
        self.places.get(&name).map(|&place| &self.entries[place])
    }
}

/// Reads the bytes between two payloads: the padding of one, the header of the next.
struct Gap {
    /// The end of the last payload.
    at: u64,
    file_bytes: u64,
}

impl Gap {
    /// Reads up to the next payload; `before` is the length of the last one.
    fn header(
        &mut self,
        before: u64,
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<Header, BodyError> {
        let padding = usize::try_from(padded(before) - before).expect("less than a block");
        let mut block = [0; 2 * 512];
        let bytes = &mut block[..padding + 512];
        self.fits(bytes.len() as u64 + END_BYTES)?;
        read_at(bytes, self.at)?;
        check_zero(&bytes[..padding], "padding")?;
        self.at += bytes.len() as u64;
        Ok(Header::decode(bytes[padding..].try_into().expect("a block has 512 bytes"))?)
    }

    /// Skips a payload, which must leave space for its padding and the end of the chunk.
    fn payload(&mut self, bytes: u64) -> Result<u64, FormatError> {
        let offset = self.at;
        self.fits(padded(bytes) + END_BYTES)?;
        self.at += bytes;
        Ok(offset)
    }

    fn end(
        &mut self,
        before: u64,
        read_at: &mut dyn FnMut(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<(), BodyError> {
        let rest = self.file_bytes - self.at;
        let expected = padded(before) - before + END_BYTES;
        if rest != expected {
            let found = format!("{rest} bytes");
            return Err(
                FormatError::whole("chunk", format!("{expected} bytes after the last entry"), found).into()
            );
        }
        let mut block = vec![0; usize::try_from(rest).expect("less than three blocks")];
        read_at(&mut block, self.at)?;
        Ok(check_zero(&block, "end of the chunk")?)
    }

    fn fits(&self, bytes: u64) -> Result<(), FormatError> {
        if self.at.checked_add(bytes).is_some_and(|end| end <= self.file_bytes) {
            return Ok(());
        }
        let expected = format!("{bytes} more bytes after offset {}", self.at);
        Err(FormatError::whole("chunk", expected, format!("a file of {} bytes", self.file_bytes)))
    }
}

const _: () = assert!(END_BYTES == 2 * BLOCK);
