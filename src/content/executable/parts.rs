//! The parts of a large executable that are read: its headers, and those in which linkers write what it was built from. Its head
//! tells where they are, so one pass over the file is enough, and the rest of it is never in memory.

use std::io::{self, Read};
use std::ops::Range;

use object::ReadRef;

use super::{elf, pe};

/// Parts begin at a multiple of this, because headers are read where they lie.
const ALIGNMENT: u64 = 16;

/// Where the parts of an executable are in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The size of the file.
    bytes: u64,
    /// The first is the head, the others follow in order and do not touch.
    places: Vec<Range<u64>>,
}

impl Outline {
    /// Finds the parts by the head of a file of this many bytes. `None` if the head does not tell where they are.
    pub fn of_head(head: &[u8], bytes: u64) -> Option<Outline> {
        let mut places = if head.starts_with(b"\x7fELF") {
            elf::places(head)?
        } else if head.starts_with(b"MZ") {
            pe::places(head)?
        } else {
            return None;
        };
        for place in &mut places {
            place.start -= place.start % ALIGNMENT;
            place.end = place.end.min(bytes);
        }
        places.push(0..head.len() as u64);
        places.retain(|place| place.start < place.end);
        places.sort_by_key(|place| place.start);
        places.dedup_by(|next, before| {
            let touches = next.start <= before.end;
            if touches {
                before.end = before.end.max(next.end);
            }
            touches
        });
        Some(Outline { bytes, places })
    }

    /// How many bytes the parts have together.
    pub fn kept_bytes(&self) -> u64 {
        self.places.iter().map(|place| place.end - place.start).sum()
    }

    /// Takes the parts from the file: `head`, and `rest` behind it. What breaks off is shorter. Memory for
    /// [`kept_bytes`](Outline::kept_bytes) is taken at once.
    ///
    /// # Errors
    /// Those of `rest`.
    pub fn read(&self, head: &[u8], rest: &mut dyn Read) -> io::Result<Parts> {
        let mut parts = Vec::with_capacity(self.places.len());
        let mut at = head.len() as u64;
        for place in &self.places {
            let mut part = Vec::with_capacity(usize::try_from(place.end - place.start).unwrap_or(0));
            if place.start == 0 {
                part.extend_from_slice(head);
            }
            at += io::copy(&mut (&mut *rest).take(place.start.saturating_sub(at)), &mut io::sink())?;
            at += (&mut *rest).take(place.end.saturating_sub(at)).read_to_end(&mut part)? as u64;
            parts.push((place.start, part));
        }
        Ok(Parts { bytes: self.bytes, parts })
    }
}

/// Parts of an executable. What lies between them cannot be read.
#[derive(Debug)]
pub struct Parts {
    bytes: u64,
    /// Each with its place in the file.
    parts: Vec<(u64, Vec<u8>)>,
}

impl Parts {
    /// The bytes from this place in the file to the end of the part that has it.
    fn from(&self, at: u64) -> Option<&[u8]> {
        let before = self.parts.partition_point(|(start, _)| *start <= at).checked_sub(1)?;
        let (start, part) = self.parts.get(before)?;
        part.get(usize::try_from(at - start).ok()?..)
    }
}

impl<'a> ReadRef<'a> for &'a Parts {
    fn len(self) -> Result<u64, ()> {
        Ok(self.bytes)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let size = usize::try_from(size).map_err(|_| ())?;
        self.from(offset).and_then(|part| part.get(..size)).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let part = self.from(range.start).ok_or(())?;
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| ())?;
        let part = part.get(..length).unwrap_or(part);
        let end = part.iter().position(|byte| *byte == delimiter).ok_or(())?;
        part.get(..end).ok_or(())
    }
}
