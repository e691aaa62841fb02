//! Computing the lost stripes of one row at a time.

use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{HighRateDecoder, RateDecoder as _};

use super::code::{CHECKED, Shape};
use super::solve::{RowSolver, is_worth_it};

/// Computes lost stripes of rows of one shape.
pub(super) struct RowDecoder {
    way: Way,
    stripe_bytes: usize,
}

enum Way {
    /// For few lost stripes.
    Solving(RowSolver),
    /// For any number.
    Decoding(HighRateDecoder<DefaultEngine>, Shape),
}

impl RowDecoder {
    /// Creates a decoder for rows of `shards` stripes of this many bytes, each with `losses` parity stripes. Of no row more than
    /// `lost` stripes are lost.
    pub(super) fn new(shards: usize, losses: usize, stripe_bytes: usize, lost: usize) -> RowDecoder {
        let shape = Shape { shards, losses, stripe_bytes };
        let way = if is_worth_it(shape, lost) {
            Way::Solving(RowSolver::new(shape))
        } else {
            let decoder = HighRateDecoder::new(shards, losses, stripe_bytes, DefaultEngine::new(), None);
            Way::Decoding(decoder.expect(CHECKED), shape)
        };
        RowDecoder { way, stripe_bytes }
    }

    /// Changes the length of the stripes.
    pub(super) fn resize(&mut self, stripe_bytes: usize) {
        if self.stripe_bytes == stripe_bytes {
            return;
        }
        self.stripe_bytes = stripe_bytes;
        match &mut self.way {
            Way::Solving(solver) => solver.resize(stripe_bytes),
            Way::Decoding(decoder, Shape { shards, losses, .. }) => {
                decoder.reset(*shards, *losses, stripe_bytes).expect(CHECKED);
            }
        }
    }

    /// Computes the stripes of the shards in `lost`, which are in ascending order, and hands each over with the number of its
    /// shard. `stripes` are those of all shards; what the lost ones have does not matter. `parity` are as many parity
    /// stripes, each with its number.
    pub(super) fn decode<'a>(
        &mut self,
        stripes: impl Iterator<Item = &'a [u8]>,
        lost: &[usize],
        parity: Vec<(usize, Vec<u8>)>,
        take: &mut dyn FnMut(usize, &[u8]),
    ) {
        match &mut self.way {
            Way::Solving(solver) => solver.solve(stripes, lost, parity, take),
            Way::Decoding(decoder, _) => {
                for (shard, stripe) in stripes.enumerate().filter(|(at, _)| lost.binary_search(at).is_err()) {
                    decoder.add_original_shard(shard, stripe).expect(CHECKED);
                }
                for (number, stripe) in parity {
                    decoder.add_recovery_shard(number, stripe).expect(CHECKED);
                }
                let result = decoder.decode().expect(CHECKED);
                result.restored_original_iter().for_each(|(shard, stripe)| take(shard, stripe));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::erasure::code::RowEncoder;

    /// Computes the lost stripes of two rows, of which the second is shorter.
    fn decoded(
        mut decoder: RowDecoder,
        rows: &[Vec<Vec<u8>>],
        lost: &[usize],
        losses: usize,
        first: usize,
    ) -> Vec<(usize, Vec<u8>)> {
        let mut found = Vec::new();
        for stripes in rows {
            let (bytes, mut parity) = (stripes[0].len(), Vec::new());
            RowEncoder::new(stripes.len(), losses).encode(
                stripes.iter().map(Vec::as_slice),
                &mut |number, stripe| {
                    parity.push((number, stripe.to_vec()));
                },
            );
            parity.rotate_left(first % losses);
            parity.truncate(lost.len());
            decoder.resize(bytes);
            let garbage = vec![0xa5; bytes];
            let there = stripes
                .iter()
                .enumerate()
                .map(|(at, stripe)| if lost.contains(&at) { &garbage[..] } else { &stripe[..] });
            decoder.decode(there, lost, parity, &mut |shard, stripe| found.push((shard, stripe.to_vec())));
        }
        found
    }

    proptest! {
        #[test]
        fn any_lost_stripes_are_computed_again(
            shards in 1_usize..40,
            losses in 1_usize..12,
            chosen in any::<u64>(),
            seed in any::<u64>(),
            first in 0_usize..12,
        ) {
            let byte = |shard: usize, at: usize| {
                let mixed = seed.wrapping_add((shard * 128 + at) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed >> 56) as u8
            };
            let row = |bytes: usize| -> Vec<Vec<u8>> {
                (0..shards).map(|shard| (0..bytes).map(|at| byte(shard, at)).collect()).collect()
            };
            let rows = [row(192), row(64)];
            let lost: Vec<usize> = (0..shards).filter(|at| chosen >> at & 1 == 1).take(losses).collect();
            prop_assume!(!lost.is_empty());
            let expected: Vec<(usize, Vec<u8>)> = rows
                .iter()
                .flat_map(|row| lost.iter().map(|&at| (at, row[at].clone())))
                .collect();
            // Both ways give the same.
            let shape = Shape { shards, losses, stripe_bytes: 192 };
            let library = HighRateDecoder::new(shards, losses, 192, DefaultEngine::new(), None).unwrap();
            for way in [Way::Solving(RowSolver::new(shape)), Way::Decoding(library, shape)] {
                let decoder = RowDecoder { way, stripe_bytes: 192 };
                prop_assert_eq!(&decoded(decoder, &rows, &lost, losses, first), &expected);
            }
        }
    }

    #[test]
    fn rows_with_few_losses_are_solved() {
        let is_solved = |lost| matches!(RowDecoder::new(103, 11, 64, lost).way, Way::Solving(_));
        assert!(is_solved(1) && is_solved(11));
        let is_solved = |lost| matches!(RowDecoder::new(1_000, 1_000, 64, lost).way, Way::Solving(_));
        assert!(is_solved(100) && !is_solved(1_000));
    }
}
