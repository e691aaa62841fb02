//! The sums of slices that follow each other in one stream of bytes.

use crate::format::Sum;
use crate::stream::hash::{Function, Stream, update_together};

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 64 << 10;

/// Computes the SHA-256 of each slice of a stream of bytes.
pub(crate) struct SliceSums {
    lengths: Box<dyn Iterator<Item = u64> + Send>,
    /// The slice that is being hashed, and how many bytes of it are left; none after the last.
    current: Option<(Stream, u64)>,
    sums: Vec<Sum>,
}

impl SliceSums {
    /// Begins slices of these lengths, in bytes.
    pub(crate) fn new(lengths: impl Iterator<Item = u64> + Send + 'static) -> SliceSums {
        let mut slices = SliceSums { lengths: Box::new(lengths), current: None, sums: Vec::new() };
        slices.next_slice();
        slices
    }

    /// Begins the next slice that has bytes.
    fn next_slice(&mut self) {
        self.current = None;
        for length in self.lengths.by_ref() {
            if length > 0 {
                self.current = Some((Stream::new(Function::Sha256), length));
                return;
            }
            self.sums.push(Sum::of(&[]));
        }
    }

    fn left(&self) -> usize {
        self.current.as_ref().map_or(0, |(_, left)| usize::try_from(*left).unwrap_or(usize::MAX))
    }

    /// Notes that this many bytes of the current slice were hashed.
    fn advance(&mut self, bytes: usize) {
        if let Some((_, left)) = &mut self.current {
            *left -= bytes as u64;
            if *left == 0
                && let Some((stream, _)) = self.current.take()
            {
                self.sums.push(stream.finish().sum().expect("a SHA-256"));
                self.next_slice();
            }
        }
    }

    /// Returns the sums of the slices that are complete.
    pub(crate) fn sums(&self) -> &[Sum] {
        &self.sums
    }
}

/// Hashes the next bytes of several streams together. Each may be divided into slices in several ways.
pub(crate) fn feed_together(streams: &mut [(&mut [SliceSums], &[u8])]) {
    loop {
        let mut pieces: Vec<(&mut Stream, &[u8])> = Vec::new();
        let mut lengths = Vec::with_capacity(streams.len());
        for (divisions, bytes) in streams.iter_mut() {
            let border = divisions.iter().map(SliceSums::left).filter(|&left| left > 0).min();
            let length = border.unwrap_or(bytes.len()).min(bytes.len()).min(PIECE_BYTES);
            lengths.push(length);
            let current = divisions.iter_mut().filter_map(|division| division.current.as_mut());
            pieces.extend(current.map(|(stream, _)| (stream, &bytes[..length])));
        }
        if lengths.iter().all(|&length| length == 0) {
            return;
        }
        update_together(&mut pieces);
        for ((divisions, bytes), length) in streams.iter_mut().zip(lengths) {
            divisions.iter_mut().for_each(|division| division.advance(length));
            *bytes = &bytes[length..];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_have_the_sums_of_their_bytes(
            lengths in proptest::collection::vec(0_u64..300, 0..20),
            others in proptest::collection::vec(0_u64..300, 0..20),
            step in 1_usize..500,
        ) {
            let bytes: Vec<u8> = (0..lengths.iter().sum::<u64>()).map(|at| at.to_le_bytes()[0]).collect();
            let mut divisions = [SliceSums::new(lengths.clone().into_iter()), SliceSums::new(others.into_iter())];
            for piece in bytes.chunks(step) {
                feed_together(&mut [(&mut divisions, piece)]);
            }
            let mut rest = &bytes[..];
            let expected: Vec<Sum> = lengths
                .iter()
                .map(|&length| {
                    let (slice, after) = rest.split_at(usize::try_from(length).unwrap());
                    rest = after;
                    Sum::of(slice)
                })
                .collect();
            prop_assert_eq!(divisions[0].sums(), expected);
        }
    }
}
