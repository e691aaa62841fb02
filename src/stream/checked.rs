//! Reading a blob from chunk files, with the SHA-384 of each piece compared on the way.

use std::io::{self, ErrorKind, Read};

use super::segments::{Segment, Segments};
use super::strong_sums::StrongSums;
use crate::format::SumPair;

/// Reads a blob. In a bundle with a profile, reading fails where a piece ends that has another SHA-384 than its chunk lists.
pub(crate) struct Checked {
    segments: Segments,
    sums: StrongSums,
}

impl Checked {
    /// Creates a reader of these pieces.
    pub(crate) fn new(pieces: Vec<(Segment, SumPair)>) -> Checked {
        let sums = StrongSums::new(pieces.iter().map(|(segment, pair)| (segment.bytes, *pair)));
        Checked { segments: Segments::new(pieces.into_iter().map(|(segment, _)| segment).collect()), sums }
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.segments.read(buffer)?;
        self.sums.update(&buffer[..read]);
        let wrong = if read == 0 && !buffer.is_empty() { self.sums.wrong() } else { self.sums.mismatch() };
        match wrong {
            None => Ok(read),
            Some(piece) => {
                let problem = format!("piece {} has another SHA-384 than its chunk lists", piece + 1);
                Err(io::Error::new(ErrorKind::InvalidData, problem))
            }
        }
    }
}
