//! The sums of slices that follow each other in one stream of bytes.

use crate::format::{BlockSum, Sum};
use crate::stream::hash::{Function, Output, Stream, update_together};

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 64 << 10;

/// A kind of sums.
pub(crate) trait SliceSum: Sized {
    /// The hash function that gives them.
    const FUNCTION: Function;

    /// Returns the sum in the output of that function.
    fn of_output(output: &Output) -> Option<Self>;
}

impl SliceSum for Sum {
    const FUNCTION: Function = Function::Sha256;

    fn of_output(output: &Output) -> Option<Sum> {
        output.sum()
    }
}

impl SliceSum for BlockSum {
    const FUNCTION: Function = Function::Blake3;

    fn of_output(output: &Output) -> Option<BlockSum> {
        output.block_sum()
    }
}

/// Computes the sum of each slice of a stream of bytes.
pub(crate) struct SliceSums<S> {
    lengths: Box<dyn Iterator<Item = u64> + Send>,
    /// The slice that is being hashed, and how many bytes of it are left; none after the last.
    current: Option<(Stream, u64)>,
    sums: Vec<S>,
}

impl<S: SliceSum> SliceSums<S> {
    /// Begins slices of these lengths, in bytes.
    pub(crate) fn new(lengths: impl Iterator<Item = u64> + Send + 'static) -> SliceSums<S> {
        let mut slices = SliceSums { lengths: Box::new(lengths), current: None, sums: Vec::new() };
        slices.next_slice();
        slices
    }

    /// Begins the next slice that has bytes.
    fn next_slice(&mut self) {
        self.current = None;
        for length in self.lengths.by_ref() {
            if length > 0 {
                self.current = Some((Stream::new(S::FUNCTION), length));
                return;
            }
            self.sums.push(SliceSums::sum(Stream::new(S::FUNCTION)));
        }
    }

    fn sum(stream: Stream) -> S {
        S::of_output(&stream.finish()).expect("the output of its own function")
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
                self.sums.push(SliceSums::sum(stream));
                self.next_slice();
            }
        }
    }

    /// Returns the sums of the slices that are complete.
    pub(crate) fn sums(&self) -> &[S] {
        &self.sums
    }
}

/// Hashes the next bytes of several streams together.
pub(crate) fn feed_together<S: SliceSum>(streams: &mut [(&mut SliceSums<S>, &[u8])]) {
    loop {
        let mut pieces: Vec<(&mut Stream, &[u8])> = Vec::with_capacity(streams.len());
        let mut lengths = Vec::with_capacity(streams.len());
        for (slices, bytes) in streams.iter_mut() {
            let length = slices.left().min(bytes.len()).min(PIECE_BYTES);
            lengths.push(length);
            pieces.extend(slices.current.as_mut().map(|(stream, _)| (stream, &bytes[..length])));
        }
        if lengths.iter().all(|&length| length == 0) {
            return;
        }
        update_together(&mut pieces);
        for ((slices, bytes), length) in streams.iter_mut().zip(lengths) {
            slices.advance(length);
            *bytes = &bytes[length..];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums<S: SliceSum + Clone>(lengths: &[u64], bytes: &[u8], step: usize) -> Vec<S> {
        let lengths = lengths.to_owned();
        let mut slices: SliceSums<S> = SliceSums::new(lengths.into_iter());
        bytes.chunks(step).for_each(|piece| feed_together(&mut [(&mut slices, piece)]));
        slices.sums().to_vec()
    }

    proptest! {
        #[test]
        fn slices_have_the_sums_of_their_bytes(
            lengths in proptest::collection::vec(0_u64..300, 0..20),
            step in 1_usize..500,
        ) {
            let bytes: Vec<u8> = (0..lengths.iter().sum::<u64>()).map(|at| at.to_le_bytes()[0]).collect();
            let mut rest = &bytes[..];
            let slices = lengths.iter().map(|&length| {
                let (slice, after) = rest.split_at(usize::try_from(length).unwrap());
                rest = after;
                slice
            });
            let slices: Vec<&[u8]> = slices.collect();
            let expected: Vec<Sum> = slices.iter().map(|slice| Sum::of(slice)).collect();
            prop_assert_eq!(sums::<Sum>(&lengths, &bytes, step), expected);
            let expected: Vec<BlockSum> = slices.iter().map(|slice| BlockSum::of(slice)).collect();
            prop_assert_eq!(sums::<BlockSum>(&lengths, &bytes, step), expected);
        }
    }
}
