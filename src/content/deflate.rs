//! Inflating bytes in memory: raw DEFLATE (RFC 1951), and zlib (RFC 1950), up to a limit. And deflating a report.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

/// How much the output grows at a time.
const STEP_BYTES: usize = 64 << 10;

/// Why bytes could not be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeflateError {
    /// They are not what they should be.
    #[error("the compressed data is malformed after {after} bytes of output")]
    Malformed {
        /// How many bytes came out before.
        after: usize,
    },
    /// They end too early.
    #[error("the compressed data ends too early, after {after} bytes of output")]
    Truncated {
        /// How many bytes came out before.
        after: usize,
    },
    /// More came out than the caller allows.
    #[error("the compressed data expands to more than {limit} bytes")]
    TooLarge {
        /// The limit of the caller.
        limit: usize,
    },
}

/// Deflates bytes to a zlib stream. The same bytes give the same stream, as long as the library is the same.
pub fn zlib_stream(bytes: &[u8]) -> Vec<u8> {
    deflate(bytes, flate2::Compression::default())
}

/// Deflates bytes to a zlib stream that is made in a fraction of the time, and larger.
pub fn zlib_stream_quickly(bytes: &[u8]) -> Vec<u8> {
    deflate(bytes, flate2::Compression::fast())
}

fn deflate(bytes: &[u8], level: flate2::Compression) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
    // Writing to memory does not fail.
    let written = std::io::Write::write_all(&mut encoder, bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// What was inflated.
#[derive(Debug, PartialEq, Eq)]
pub struct Inflated {
    /// The output.
    pub bytes: Vec<u8>,
    /// How many bytes of the input it took. What follows is something else.
    pub taken: usize,
}

/// Inflates raw DEFLATE, as members of zip archives have it. The output has at most `limit` bytes.
pub fn raw(input: &[u8], limit: usize) -> Result<Inflated, DeflateError> {
    inflate(input, limit, Decompress::new(false))
}

/// Inflates a zlib stream and checks its Adler-32 sum. The output has at most `limit` bytes.
pub fn zlib(input: &[u8], limit: usize) -> Result<Inflated, DeflateError> {
    inflate(input, limit, Decompress::new(true))
}

fn inflate(input: &[u8], limit: usize, mut stream: Decompress) -> Result<Inflated, DeflateError> {
    let mut bytes = Vec::new();
    loop {
        // One byte above the limit shows that there is more.
        let room = limit.saturating_add(1).saturating_sub(bytes.len());
        if room == 0 {
            return Err(DeflateError::TooLarge { limit });
        }
        bytes.reserve_exact(room.min(STEP_BYTES.max(bytes.len())));
        let (taken, given) = (stream.total_in(), bytes.len());
        let rest = usize::try_from(taken).ok().and_then(|taken| input.get(taken..)).unwrap_or_default();
        let status = stream
            .decompress_vec(rest, &mut bytes, FlushDecompress::None)
            .map_err(|_| DeflateError::Malformed { after: given })?;
        if bytes.len() > limit {
            return Err(DeflateError::TooLarge { limit });
        }
        if status == Status::StreamEnd {
            bytes.shrink_to_fit();
            return Ok(Inflated { bytes, taken: usize::try_from(stream.total_in()).unwrap_or(input.len()) });
        }
        if stream.total_in() == taken && bytes.len() == given {
            return Err(DeflateError::Truncated { after: given });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlibbed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_limit_is_exact() {
        let input = deflated(&vec![7; 200_000]);
        assert_eq!(raw(&input, 200_000).unwrap().bytes.len(), 200_000);
        assert_eq!(raw(&input, 199_999), Err(DeflateError::TooLarge { limit: 199_999 }));
        assert_eq!(raw(&input, 0), Err(DeflateError::TooLarge { limit: 0 }));
        assert_eq!(raw(&deflated(b""), 0).unwrap().bytes, b"");
    }

    #[test]
    fn what_follows_is_not_taken() {
        let mut input = deflated(b"abc");
        let length = input.len();
        input.extend(b"PK");
        assert_eq!(raw(&input, 10).unwrap(), Inflated { bytes: b"abc".to_vec(), taken: length });
    }

    #[test]
    fn truncated_and_wrong_bytes_are_told_apart() {
        let input = zlibbed(b"abcdefgh");
        assert_eq!(zlib(&input, 100).unwrap().bytes, b"abcdefgh");
        assert!(matches!(zlib(&input[..input.len() - 1], 100), Err(DeflateError::Truncated { .. })));
        assert!(matches!(zlib(b"", 100), Err(DeflateError::Truncated { after: 0 })));
        assert!(matches!(zlib(b"not zlib", 100), Err(DeflateError::Malformed { .. })));
        let mut wrong_sum = input.clone();
        *wrong_sum.last_mut().unwrap() ^= 1;
        assert!(matches!(zlib(&wrong_sum, 100), Err(DeflateError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn any_input_ends(input in prop::collection::vec(any::<u8>(), 0..400), limit in 0_usize..5000) {
            if let Ok(inflated) = raw(&input, limit) {
                prop_assert!(inflated.bytes.len() <= limit && inflated.taken <= input.len());
            }
            let _ = zlib(&input, limit);
        }

        #[test]
        fn what_was_deflated_comes_back(bytes in prop::collection::vec(0_u8..4, 0..5000)) {
            prop_assert_eq!(raw(&deflated(&bytes), 5000).unwrap().bytes, bytes);
        }
    }
}
