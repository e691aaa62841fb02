//! zstd (RFC 8878): frames of data, and frames that decoders skip.

use std::io::{Error, ErrorKind, Read};

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::encoding::{Encoding, StreamKind, ZSTD_MAGIC, is_skippable};
use super::error::InflateError;
use super::input::Input;
use super::step::{Failure, Step};
use crate::content::turn::{Taken, Turn};

/// The longest header of a frame, in bytes: magic, descriptor, window, dictionary, content size.
const HEADER_BYTES_MAX: usize = 4 + 1 + 1 + 4 + 8;

/// Magic and length of a skippable frame, in bytes.
const SKIPPABLE_HEADER_BYTES: usize = 8;

/// The largest window that needs no turn, in bytes: that of `zstd -19`.
const SMALL_WINDOW_BYTES: u64 = 8 << 20;

/// The smallest window that the decoder can be limited to, as a power of two.
const WINDOW_LOG_MIN: u32 = 10;

enum Place {
    Between,
    Skipping { left: u64, keep: bool },
    Body,
}

/// The decoder of a zstd stream.
pub(super) struct Frames {
    decoder: Option<Decoder>,
    window_bytes_max: u64,
    turn: Option<Turn>,
    place: Place,
    kept: Vec<Skipped>,
}

/// A decoder. Fields are dropped in their order: the memory is free before the turn ends.
struct Decoder {
    decoder: DCtx<'static>,
    /// The turn that large windows need.
    taken: Option<Taken>,
}

/// The frames of zstd:chunked at the end of a layer: the table of contents, a description of the archive, and the footer.
const KEPT_FRAMES: usize = 3;

/// The largest skippable frame that is kept, in bytes.
const KEPT_BYTES_MAX: u64 = 8 << 20;

/// A frame that decoders skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where its content begins, in bytes from the start of the stream.
    pub at: u64,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Frames {
    pub(super) fn new(window_bytes_max: u64, turn: Option<Turn>) -> Frames {
        Frames { decoder: None, window_bytes_max, turn, place: Place::Between, kept: Vec::new() }
    }

    /// Makes a decoder for windows of so many bytes, unless there is one. For a large one it waits for its turn, if there are any.
    fn prepare(&mut self, window_bytes: u64) -> Result<(), Failure> {
        let turn = self.turn.as_ref().filter(|_| window_bytes > SMALL_WINDOW_BYTES);
        if let Some(decoder) = &self.decoder
            && (turn.is_none() || decoder.taken.is_some())
        {
            return Ok(());
        }
        // First the old memory is given back, then other memory is waited for.
        self.decoder = None;
        let short = || Error::new(ErrorKind::OutOfMemory, "there is no memory for a zstd decoder");
        let taken = turn.map(Turn::take);
        let mut decoder = DCtx::try_create().ok_or_else(short)?;
        // The headers are checked here before the decoder sees them. This is the second lock.
        let log = self.window_bytes_max.checked_ilog2().unwrap_or(0).clamp(WINDOW_LOG_MIN, 31);
        decoder.set_parameter(DParameter::WindowLogMax(log)).map_err(|_| short())?;
        self.decoder = Some(Decoder { decoder, taken });
        Ok(())
    }

    /// Gives out the last skippable frames.
    pub(super) fn take_kept(&mut self) -> Vec<Skipped> {
        std::mem::take(&mut self.kept)
    }

    /// Expands some bytes into `out`, or finds that no further frame follows.
    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        seen: &mut Encoding,
    ) -> Result<Step, Failure> {
        loop {
            match self.place {
                Place::Between => match self.next(input, seen)? {
                    Some(place) => self.place = place,
                    None => return Ok(Step::Ended),
                },
                Place::Skipping { left: 0, .. } => self.place = Place::Between,
                Place::Skipping { left, keep } => {
                    let found = input.fill(1)?;
                    let count = found.len();
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(count);
                    if let Some(frame) = self.kept.last_mut().filter(|_| keep) {
                        frame.bytes.extend_from_slice(found.get(..skipped).unwrap_or_default());
                    }
                    if count == 0 {
                        return Err(truncated(input, seen.parts + 1));
                    }
                    input.consume(skipped);
                    self.place = Place::Skipping { left: left.saturating_sub(skipped as u64), keep };
                }
                Place::Body => {
                    let wrote = self.body(input, out, seen)?;
                    if wrote > 0 {
                        return Ok(Step::Wrote(wrote));
                    }
                }
            }
        }
    }

    /// What begins here; `None` if it is no frame.
    fn next<R: Read>(&mut self, input: &mut Input<R>, seen: &mut Encoding) -> Result<Option<Place>, Failure> {
        let head = input.fill(HEADER_BYTES_MAX)?;
        if is_skippable(head) {
            let Some(&[_, _, _, _, a, b, c, d]) = head.first_chunk::<SKIPPABLE_HEADER_BYTES>() else {
                return Err(truncated(input, seen.parts + 1));
            };
            input.consume(SKIPPABLE_HEADER_BYTES);
            let left = u64::from(u32::from_le_bytes([a, b, c, d]));
            seen.skippable_frames += 1;
            seen.skippable_bytes += left;
            let keep = left <= KEPT_BYTES_MAX;
            if keep {
                if self.kept.len() >= KEPT_FRAMES {
                    self.kept.remove(0);
                }
                self.kept.push(Skipped { at: input.used(), bytes: Vec::new() });
            }
            return Ok(Some(Place::Skipping { left, keep }));
        }
        let Some(header) = head.strip_prefix(&ZSTD_MAGIC) else { return Ok(None) };
        seen.parts += 1;
        let Some(header) = Header::read(header) else { return Err(truncated(input, seen.parts)) };
        if header.window_bytes > self.window_bytes_max {
            let (bytes, limit) = (header.window_bytes, self.window_bytes_max);
            return Err(InflateError::Window { number: seen.parts, bytes, limit }.into());
        }
        if header.dictionary != 0 {
            return Err(InflateError::Dictionary { number: seen.parts, id: header.dictionary }.into());
        }
        seen.window_bytes = seen.window_bytes.max(header.window_bytes);
        self.prepare(header.window_bytes)?;
        Ok(Some(Place::Body))
    }

    fn body<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        seen: &Encoding,
    ) -> Result<usize, Failure> {
        let Some(Decoder { decoder, .. }) = &mut self.decoder else {
            return Err(damaged(input, seen, "it has no header"));
        };
        let ended = input.is_at_end()?;
        let available = input.available();
        let mut from = InBuffer::around(available);
        let mut to = OutBuffer::around(out);
        let result = decoder.decompress_stream(&mut to, &mut from);
        let (read, wrote, had) = (from.pos(), to.pos(), available.len());
        input.consume(read);
        match result {
            Ok(0) => self.place = Place::Between,
            Ok(_) if read > 0 || wrote > 0 => {}
            Ok(_) if ended && had == 0 => return Err(truncated(input, seen.parts)),
            Ok(_) => return Err(damaged(input, seen, "the decoder makes no progress")),
            Err(code) => {
                let problem = get_error_name(code);
                if problem.contains("checksum") {
                    return Err(InflateError::Checksum { kind: StreamKind::Zstd, number: seen.parts }.into());
                }
                return Err(damaged(input, seen, problem));
            }
        }
        Ok(wrote)
    }
}

fn truncated<R: Read>(input: &Input<R>, number: u64) -> Failure {
    InflateError::Truncated { kind: StreamKind::Zstd, number, bytes_in: input.used() }.into()
}

fn damaged<R: Read>(input: &Input<R>, seen: &Encoding, problem: &str) -> Failure {
    let problem = problem.to_owned();
    InflateError::Damaged { kind: StreamKind::Zstd, number: seen.parts, bytes_in: input.used(), problem }
        .into()
}

/// What the header of a frame asks for (RFC 8878, section 3.1.1.1).
#[derive(Debug, PartialEq, Eq)]
struct Header {
    window_bytes: u64,
    dictionary: u32,
}

impl Header {
    /// Reads a header behind its magic; `None` if it is cut off.
    fn read(bytes: &[u8]) -> Option<Header> {
        let (&descriptor, rest) = bytes.split_first()?;
        let single_segment = descriptor & 0x20 != 0;
        let (window, rest) = if single_segment {
            (None, rest)
        } else {
            let (&byte, rest) = rest.split_first()?;
            // At most 2^41 bytes and seven eighths, so nothing overflows.
            let base = 1_u64 << (10 + (byte >> 3));
            (Some(base + base / 8 * u64::from(byte & 7)), rest)
        };
        let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
        let dictionary = u32::try_from(little_endian(rest.get(..dictionary_bytes)?)).ok()?;
        let rest = rest.get(dictionary_bytes..)?;
        let window_bytes = match (window, descriptor >> 6) {
            (Some(window), _) => window,
            // A single segment has no window: the decoder keeps the whole content.
            (None, 0) => little_endian(rest.get(..1)?),
            (None, 1) => little_endian(rest.get(..2)?) + 256,
            (None, 2) => little_endian(rest.get(..4)?),
            (None, _) => little_endian(rest.get(..8)?),
        };
        Some(Header { window_bytes, dictionary })
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::Header;

    #[test]
    fn headers_say_how_much_memory_they_need() {
        for (bytes, expected) in [
            (&[0x00, 0x00][..], Some((1 << 10, 0))),
            (&[0x00, 0x58], Some((1 << 21, 0))),
            (&[0x00, 0x81], Some(((1 << 26) + (1 << 23), 0))),
            (&[0x00, 0xff], Some(((1 << 41) + 7 * (1 << 38), 0))),
            (&[0x20, 0x07], Some((7, 0))),
            (&[0x60, 0x01, 0x01], Some((0x101 + 256, 0))),
            (&[0xa0, 0, 0, 0, 1], Some((1 << 24, 0))),
            (&[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80], Some((1 << 63, 0))),
            (&[0x23, 1, 2, 0, 0, 5], Some((5, 0x201))),
            (&[0x01, 0x00, 9], Some((1 << 10, 9))),
            (&[0x01, 0x00], None),
            (&[0xa0, 0, 0], None),
            (&[], None),
        ] {
            let found = Header::read(bytes).map(|header| (header.window_bytes, header.dictionary));
            assert_eq!(found, expected, "{bytes:?}");
        }
    }
}
