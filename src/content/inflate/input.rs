//! The compressed bytes, with a look ahead.

use std::io::{ErrorKind, Read, Result};

/// The size of the buffer, in bytes. Every header that must be seen in one piece is shorter.
const BUFFER_BYTES: usize = 64 << 10;

/// A source with a buffer. It counts the bytes that were used.
pub(super) struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    used: u64,
    ended: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R) -> Input<R> {
        Input { source, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, used: 0, ended: false }
    }

    /// The bytes that were used so far.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// What is in the buffer.
    pub(super) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until at least `count` bytes are in the buffer. Fewer are there only at the end of the source.
    pub(super) fn fill(&mut self, count: usize) -> Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        while self.end - self.start < count && !self.ended {
            if self.end == self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            let Some(free) = self.buffer.get_mut(self.end..).filter(|free| !free.is_empty()) else { break };
            match self.source.read(free) {
                Ok(0) => self.ended = true,
                // A reader that claims more than it was given room for is wrong; the room is what counts.
                Ok(read) => self.end += read.min(free.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.available())
    }

    /// Marks bytes of the buffer as used.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.used += count as u64;
    }

    /// Whether every byte of the source was used.
    pub(super) fn is_at_end(&mut self) -> Result<bool> {
        Ok(self.fill(1)?.is_empty())
    }
}
