//! The content of a member, read bit by bit.

use std::io::{Error, ErrorKind, Read, Result};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::archive::Archive;
use super::error::ZipError;
use super::field::range;
use super::member::Member;

/// Reads the content of a member. At its end, size and CRC-32 are checked; a member that expands to more than its stated
/// size is an error there.
pub struct Content<'a> {
    source: Source<'a>,
    sum: Crc,
    bytes: u64,
    stated_bytes: u64,
    stated_sum: u32,
}

enum Source<'a> {
    Stored(&'a [u8]),
    Deflated(Box<DeflateDecoder<&'a [u8]>>),
}

impl<'a> Content<'a> {
    /// Begins to read the content of `member`.
    ///
    /// # Errors
    /// A [`ZipError`] if it is encrypted, compressed with a method other than DEFLATE, or not inside the archive.
    pub fn open(archive: &Archive<'a>, member: &Member<'_>) -> std::result::Result<Content<'a>, ZipError> {
        if member.is_encrypted() {
            return Err(ZipError::Encrypted);
        }
        let local = archive.local(member)?;
        let outside = ZipError::Outside { size: member.compressed };
        let raw = range(archive.bytes, local.content, member.compressed).ok_or(outside)?;
        let source = match member.method {
            0 => Source::Stored(raw),
            8 => Source::Deflated(Box::new(DeflateDecoder::new(raw))),
            method => return Err(ZipError::Method { method }),
        };
        Ok(Content { source, sum: Crc::new(), bytes: 0, stated_bytes: member.size, stated_sum: member.sum })
    }

    fn wrong(&self) -> Option<ZipError> {
        let found = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let (expected, sum) = (self.stated_bytes, self.sum.sum());
        if self.bytes != expected {
            Some(ZipError::Size { expected, found })
        } else if sum != self.stated_sum {
            Some(ZipError::Sum { expected: self.stated_sum, found: sum })
        } else {
            None
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.source {
            Source::Stored(bytes) => bytes.read(out)?,
            Source::Deflated(decoder) => decoder.read(out)?,
        };
        self.sum.update(out.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(count as u64);
        let is_over = self.bytes > self.stated_bytes;
        match self.wrong().filter(|_| count == 0 || is_over) {
            Some(error) => Err(Error::new(ErrorKind::InvalidData, error)),
            None => Ok(count),
        }
    }
}
