//! gzip (RFC 1952): members of a header, DEFLATE data and a trailer.

use std::io::Read;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::encoding::{Encoding, GZIP_MAGIC, StreamKind};
use super::error::InflateError;
use super::input::Input;
use super::step::{Failure, Step};

/// The header without its optional fields, in bytes.
const HEADER_BYTES: usize = 10;

/// CRC-32 and length, in bytes.
const TRAILER_BYTES: usize = 8;

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xe0;

enum Place {
    Between,
    Body,
    Trailer,
    Damaged(String),
}

/// The decoder of a gzip stream.
pub(super) struct Members {
    inflate: Decompress,
    crc: Crc,
    place: Place,
}

impl Members {
    pub(super) fn new() -> Members {
        Members { inflate: Decompress::new(false), crc: Crc::new(), place: Place::Between }
    }

    /// Expands some bytes into `out`, or finds that no further member follows.
    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        seen: &mut Encoding,
    ) -> Result<Step, Failure> {
        loop {
            match &self.place {
                Place::Between => {
                    if !input.fill(GZIP_MAGIC.len())?.starts_with(&GZIP_MAGIC) {
                        return Ok(Step::Ended);
                    }
                    seen.parts += 1;
                    header(input, seen)?;
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.place = Place::Body;
                }
                Place::Body => {
                    let wrote = self.body(input, out, seen)?;
                    if wrote > 0 {
                        return Ok(Step::Wrote(wrote));
                    }
                }
                Place::Trailer => {
                    self.trailer(input, seen)?;
                    self.place = Place::Between;
                }
                Place::Damaged(problem) => return Err(damaged(input, seen, problem)),
            }
        }
    }

    fn body<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        seen: &Encoding,
    ) -> Result<usize, Failure> {
        let ended = input.is_at_end()?;
        let available = input.available();
        let (read_before, wrote_before) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(available, out, FlushDecompress::None);
        let difference = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(0);
        let read = difference(self.inflate.total_in(), read_before);
        let wrote = difference(self.inflate.total_out(), wrote_before).min(out.len());
        let had = available.len();
        input.consume(read);
        self.crc.update(out.get(..wrote).unwrap_or_default());
        match result {
            Ok(Status::StreamEnd) => self.place = Place::Trailer,
            Ok(_) if read > 0 || wrote > 0 => {}
            Ok(_) if ended && had == 0 => return Err(truncated(input, seen)),
            Ok(_) => self.place = Place::Damaged("the decoder makes no progress".to_owned()),
            Err(error) => {
                self.place = Place::Damaged(error.message().unwrap_or("invalid data").to_owned());
            }
        }
        Ok(wrote)
    }

    fn trailer<R: Read>(&self, input: &mut Input<R>, seen: &Encoding) -> Result<(), Failure> {
        let trailer = input.fill(TRAILER_BYTES)?.first_chunk::<TRAILER_BYTES>();
        let Some(trailer) = trailer.map(|&bytes| u64::from_le_bytes(bytes)) else {
            return Err(truncated(input, seen));
        };
        input.consume(TRAILER_BYTES);
        // Lengths are stored modulo 2^32.
        let expected = u64::from(self.crc.sum()) | self.inflate.total_out() << 32;
        let holds = trailer == expected;
        if holds {
            Ok(())
        } else {
            Err(InflateError::Checksum { kind: StreamKind::Gzip, number: seen.parts }.into())
        }
    }
}

fn truncated<R: Read>(input: &Input<R>, seen: &Encoding) -> Failure {
    InflateError::Truncated { kind: StreamKind::Gzip, number: seen.parts, bytes_in: input.used() }.into()
}

fn damaged<R: Read>(input: &Input<R>, seen: &Encoding, problem: &str) -> Failure {
    let problem = problem.to_owned();
    InflateError::Damaged { kind: StreamKind::Gzip, number: seen.parts, bytes_in: input.used(), problem }
        .into()
}

/// Skips the header of a member. The optional fields are counted; they are read piece by piece and never kept.
fn header<R: Read>(input: &mut Input<R>, seen: &mut Encoding) -> Result<(), Failure> {
    let Some(&[_, _, method, flags, ..]) = input.fill(HEADER_BYTES)?.first_chunk::<HEADER_BYTES>() else {
        return Err(truncated(input, seen));
    };
    if method != 8 || flags & FLAGS_RESERVED != 0 {
        let problem = format!("its header has method {method} and flags {flags:#04x}");
        return Err(damaged(input, seen, &problem));
    }
    input.consume(HEADER_BYTES);
    let start = input.used();
    if flags & FLAG_EXTRA != 0 {
        let length = match input.fill(2)? {
            &[low, high, ..] => usize::from(u16::from_le_bytes([low, high])),
            _ => return Err(truncated(input, seen)),
        };
        input.consume(2);
        skip(input, seen, length)?;
    }
    for _ in 0..(flags & (FLAG_NAME | FLAG_COMMENT)).count_ones() {
        skip_text(input, seen)?;
    }
    seen.header_bytes += input.used() - start;
    if flags & FLAG_HEADER_CRC != 0 {
        skip(input, seen, 2)?;
    }
    Ok(())
}

fn skip<R: Read>(input: &mut Input<R>, seen: &Encoding, mut count: usize) -> Result<(), Failure> {
    while count > 0 {
        let found = input.fill(1)?.len().min(count);
        if found == 0 {
            return Err(truncated(input, seen));
        }
        input.consume(found);
        count -= found;
    }
    Ok(())
}

/// Skips a text that ends with a zero byte.
fn skip_text<R: Read>(input: &mut Input<R>, seen: &Encoding) -> Result<(), Failure> {
    loop {
        let found = input.fill(1)?;
        if found.is_empty() {
            return Err(truncated(input, seen));
        }
        if let Some(at) = found.iter().position(|&byte| byte == 0) {
            input.consume(at + 1);
            return Ok(());
        }
        let all = found.len();
        input.consume(all);
    }
}
