//! How a file is divided into the parts of an upload.

use crate::format::limits::{SIGNATURE_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::format::tar::BLOCK;
use crate::storage::PartLimits;

/// Bytes of a part, unless the store demands larger ones. Every connection has one part in memory.
pub(super) const PART_BYTES: u64 = 8 << 20;

/// Bytes at the front of a chunk that are withheld until its blobs are proven: the statement, the signature and their
/// headers are among them.
const WITHHELD_BYTES: u64 = 16 << 10;
const _: () = assert!(STATEMENT_BYTES_MAX + SIGNATURE_BYTES_MAX + 4 * BLOCK <= WITHHELD_BYTES);

/// The parts of a file, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The size of the file in bytes.
    bytes: u64,
    /// The size of the first part in bytes.
    first: u64,
    /// The size of each other part in bytes; the last may be smaller.
    rest: u64,
}

impl Parts {
    /// The parts of a file that is whole.
    pub(super) fn of_whole(bytes: u64, limits: PartLimits) -> Parts {
        let part = PART_BYTES.max(limits.bytes_min).max(least(bytes, limits)).min(limits.bytes_max);
        Parts { bytes, first: part.min(bytes), rest: part }
    }

    /// The parts of a file whose front is withheld at first: the first one is as small as the store permits.
    pub(super) fn of_withheld(bytes: u64, limits: PartLimits) -> Parts {
        let front = WITHHELD_BYTES.max(limits.bytes_min);
        let (first, rest) = if limits.bytes_min > WITHHELD_BYTES {
            // Some stores that speak S3 demand parts of equal size.
            let part = front.max(least(bytes, limits)).min(limits.bytes_max);
            (part, part)
        } else {
            (front, PART_BYTES.max(least(bytes, limits)).min(limits.bytes_max))
        };
        Parts { bytes, first: first.min(bytes), rest }
    }

    /// Returns the number of the last part.
    pub(super) fn last(self) -> u32 {
        u32::try_from(1 + (self.bytes - self.first).div_ceil(self.rest)).expect("few parts")
    }

    /// Returns the size of the first part in bytes.
    pub(super) fn first_bytes(self) -> u64 {
        self.first
    }

    /// Returns where a part begins and how long it is, in bytes.
    pub(super) fn range(self, number: u32) -> (u64, u64) {
        match number.checked_sub(2) {
            None => (0, self.first),
            Some(before) => {
                let offset = self.first + u64::from(before) * self.rest;
                (offset, self.rest.min(self.bytes - offset))
            }
        }
    }
}

/// Returns the size in bytes below which a file has too many parts. One more is needed if the first is smaller.
fn least(bytes: u64, limits: PartLimits) -> u64 {
    bytes.div_ceil(u64::from(limits.parts_max) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: PartLimits = PartLimits { bytes_min: 5 << 20, bytes_max: 5 << 30, parts_max: 10_000 };
    const AZURE: PartLimits = PartLimits { bytes_min: 1, bytes_max: 4000 << 20, parts_max: 50_000 };

    #[test]
    fn parts_cover_each_byte_once_and_are_within_the_limits() {
        for limits in [S3, AZURE] {
            for bytes in
                [1, 512, WITHHELD_BYTES, 5 << 20, (5 << 20) + 1, PART_BYTES, 100 << 20, 2 << 30, 1 << 40]
            {
                for parts in [Parts::of_whole(bytes, limits), Parts::of_withheld(bytes, limits)] {
                    assert!(parts.last() <= limits.parts_max, "{parts:?}");
                    let mut at = 0;
                    for number in 1..=parts.last() {
                        let (offset, length) = parts.range(number);
                        assert_eq!(offset, at, "{parts:?}");
                        assert!(length > 0 && length <= limits.bytes_max, "{parts:?}");
                        assert!(length >= limits.bytes_min || number == parts.last(), "{parts:?}");
                        at += length;
                    }
                    assert_eq!(at, bytes, "{parts:?}");
                }
            }
        }
        assert_eq!(Parts::of_withheld(2 << 30, S3).first_bytes(), 5 << 20);
        assert_eq!(Parts::of_withheld(2 << 30, AZURE).first_bytes(), WITHHELD_BYTES);
    }
}
