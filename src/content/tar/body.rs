//! The content of an entry, read bit by bit.

use std::io::{BufRead, Read, Result};

use super::entry::TarEntry;
use super::reader::TarReader;

/// Reads the content of the entry that was returned last. Holes of a sparse file are zeros, so a small archive may have any
/// number of them: the caller sets the limit.
///
/// If the archive ends within the content, the content ends there, and the reader notes a
/// [`TarProblem::Truncated`](super::TarProblem::Truncated).
pub struct Body<'a, R> {
    tar: &'a mut TarReader<R>,
    entry: &'a TarEntry,
    at: u64,
    /// The part of a sparse file that `at` is in or before.
    part: usize,
}

impl<'a, R: BufRead> Body<'a, R> {
    /// Begins to read the content of `entry`.
    pub fn new(tar: &'a mut TarReader<R>, entry: &'a TarEntry) -> Body<'a, R> {
        Body { tar, entry, at: 0, part: 0 }
    }
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let whole = [(0, self.entry.size)];
        let parts = self.entry.sparse.as_deref().unwrap_or(&whole);
        let end_of = |&(offset, bytes): &(u64, u64)| offset.saturating_add(bytes);
        while parts.get(self.part).is_some_and(|part| end_of(part) <= self.at) {
            self.part += 1;
        }
        let room = (out.len() as u64).min(self.entry.size.saturating_sub(self.at));
        let (count, is_hole) = match parts.get(self.part) {
            Some(part) if part.0 <= self.at => (room.min(end_of(part).saturating_sub(self.at)), false),
            Some(part) => (room.min(part.0.saturating_sub(self.at)), true),
            None => (room, true),
        };
        let Some(out) = usize::try_from(count).ok().and_then(|count| out.get_mut(..count)) else {
            return Ok(0);
        };
        let count = if is_hole {
            out.fill(0);
            out.len()
        } else {
            self.tar.read_body(out)?
        };
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}
