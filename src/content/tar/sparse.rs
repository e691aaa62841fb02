//! The maps of sparse files: which parts of a file the archive holds (GNU tar, "Sparse Formats").

use super::number;

/// The most parts of one file. Go's reader takes maps of 1 MiB, which is some fifty thousand.
const EXTENTS_MAX: usize = 1 << 16;

/// The parts of a file that have data: offset and length in bytes, in order and without overlaps.
pub(super) type Extents = Vec<(u64, u64)>;

/// Checks that the parts are in order, inside the file, and that the archive holds `stored` bytes of them.
pub(super) fn is_valid(extents: &[(u64, u64)], size: u64, stored: u64) -> bool {
    let mut end = 0;
    let mut held = 0_u64;
    for &(offset, bytes) in extents {
        let Some(next) = offset.checked_add(bytes) else { return false };
        if offset < end || next > size {
            return false;
        }
        end = next;
        // No overflow: parts do not overlap, so their sum is at most `size`.
        held += bytes;
    }
    held == stored
}

/// Adds the pairs of a header of the old GNU format, of 24 bytes each, up to an empty one. `None` if a number is wrong.
pub(super) fn old_pairs(bytes: &[u8], extents: &mut Extents) -> Option<()> {
    for pair in bytes.chunks_exact(24) {
        if pair.first() == Some(&0) {
            break;
        }
        let (offset, length) = pair.split_at(12);
        push(extents, number::field(offset)?, number::field(length)?)?;
    }
    Some(())
}

/// Reads the map of the formats 0.0 and 0.1: numbers separated by commas.
pub(super) fn list(text: &[u8], pairs: Option<i64>) -> Option<Extents> {
    let mut extents = Extents::new();
    if !text.is_empty() {
        let mut numbers = text.split(|&byte| byte == b',');
        while let Some(offset) = numbers.next() {
            push(&mut extents, number::decimal(offset)?, number::decimal(numbers.next()?)?)?;
        }
    }
    (pairs == i64::try_from(extents.len()).ok()).then_some(extents)
}

fn push(extents: &mut Extents, offset: i64, bytes: i64) -> Option<()> {
    if extents.len() >= EXTENTS_MAX {
        return None;
    }
    extents.push((u64::try_from(offset).ok()?, u64::try_from(bytes).ok()?));
    Some(())
}

/// Reads the map of the format 1.0, which stands at the start of the body: one number a line, the first of them the
/// number of pairs.
#[derive(Default)]
pub(super) struct Lines {
    digits: Vec<u8>,
    pairs: Option<i64>,
    offset: Option<i64>,
    extents: Extents,
}

impl Lines {
    /// Takes a block of the body. The map, once it is complete; what remains of that block is padding. An error if it
    /// cannot be a map.
    pub(super) fn block(&mut self, block: &[u8]) -> Result<Option<Extents>, ()> {
        for &byte in block {
            if byte != b'\n' {
                self.digits.push(byte);
                if self.digits.len() > 20 {
                    return Err(());
                }
                continue;
            }
            let number = number::decimal(&self.digits).ok_or(())?;
            self.digits.clear();
            match (self.pairs, self.offset.take()) {
                (None, _) => self.pairs = Some(number),
                (Some(_), None) => self.offset = Some(number),
                (Some(_), Some(offset)) => push(&mut self.extents, offset, number).ok_or(())?,
            }
            if self.offset.is_none() && self.pairs == i64::try_from(self.extents.len()).ok() {
                return Ok(Some(std::mem::take(&mut self.extents)));
            }
        }
        Ok(None)
    }
}
