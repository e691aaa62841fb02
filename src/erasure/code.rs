//! The Reed-Solomon code: the parity of one row at a time.
//!
//! What the library's encoder does, without copying the stripes: they are transformed where they lie, and a few at a time, which the
//! caches hold.

use reed_solomon_simd::engine::{DefaultEngine, Engine as _, ShardsRefMut};

use crate::format::parity::ParityGroup;

/// A run of numbers: what a stripe consists of (docs/format.md, "The code").
pub(crate) type Run = [u8; 64];

/// What is said if the library refuses counts or lengths that were checked before.
pub(super) const CHECKED: &str = "counts and lengths of a group are within the limits of the format";

/// Computes the parity stripes of rows of one shape.
pub(crate) struct RowEncoder {
    engine: DefaultEngine,
    shards: usize,
    losses: usize,
    /// A row that is a copy.
    copy: Vec<Run>,
}

/// The counts and the length that rows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) shards: usize,
    pub(super) losses: usize,
    pub(super) stripe_bytes: usize,
}

impl RowEncoder {
    /// Creates an encoder for rows of so many stripes, each with `losses` parity stripes.
    pub(crate) fn new(shards: usize, losses: usize) -> RowEncoder {
        RowEncoder { engine: DefaultEngine::new(), shards, losses, copy: Vec::new() }
    }

    /// Returns for how many stripes a row of the group needs room.
    pub(crate) fn width_of(group: &ParityGroup) -> usize {
        width(group.chunks.len(), group.losses as usize)
    }

    /// Computes the parity of a row in its memory: the parity stripes replace the first stripes, and the others are of no use
    /// then. `stripe` is the length of a stripe in runs. What lies behind the last stripe does not matter.
    pub(crate) fn encode_in_place(&self, row: &mut [Run], stripe: usize) {
        let part = self.losses.next_power_of_two();
        row[self.shards * stripe..].fill([0; 64]);
        let (sum, parts) = row.split_at_mut(part * stripe);
        let transform = |start: usize, runs: &mut [Run]| {
            let filled = part.min(self.shards - start);
            self.engine.ifft(&mut ShardsRefMut::new(part, stripe, runs), 0, part, filled, start + part);
        };
        transform(0, sum);
        for (start, runs) in (part..self.shards).step_by(part).zip(parts.chunks_exact_mut(part * stripe)) {
            transform(start, runs);
            add(sum.as_flattened_mut(), runs.as_flattened());
        }
        self.engine.fft(&mut ShardsRefMut::new(part, stripe, sum), 0, part, self.losses, 0);
    }

    /// Computes the parity of a row, and hands each parity stripe over with its number. The stripes have one length.
    pub(crate) fn encode<'a>(
        &mut self,
        stripes: impl Iterator<Item = &'a [u8]>,
        take: &mut dyn FnMut(usize, &[u8]),
    ) {
        let mut row = std::mem::take(&mut self.copy);
        row.clear();
        stripes.for_each(|stripe| row.extend_from_slice(stripe.as_chunks().0));
        let stripe = row.len() / self.shards;
        row.resize(width(self.shards, self.losses) * stripe, [0; 64]);
        self.encode_in_place(&mut row, stripe);
        let parity = row.chunks_exact(stripe).take(self.losses).enumerate();
        parity.for_each(|(number, stripe)| take(number, stripe.as_flattened()));
        self.copy = row;
    }
}

/// Adds bytes to a sum. Both are whole runs.
pub(super) fn add(sum: &mut [u8], bytes: &[u8]) {
    for (sum, bytes) in sum.as_chunks_mut().0.iter_mut().zip(bytes.as_chunks().0) {
        *sum = (u128::from_ne_bytes(*sum) ^ u128::from_ne_bytes(*bytes)).to_ne_bytes();
    }
}

/// Returns for how many stripes a row needs room: a multiple of `losses`, rounded up to a power of two.
fn width(shards: usize, losses: usize) -> usize {
    shards.next_multiple_of(losses.next_power_of_two())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reed_solomon_simd::rate::{HighRateEncoder, RateEncoder as _};

    use super::*;

    /// Plain arithmetic as docs/format.md, "The code", describes it: slow, and without any of the library's tables.
    mod described {
        const POLYNOMIAL: u32 = 0x1_002D;
        const BASIS: [u16; 16] = [
            0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900,
            0xFDB8, 0xFB34, 0xFF38, 0x991E,
        ];

        fn element(number: u16) -> u16 {
            (0..16).filter(|bit| number >> bit & 1 == 1).fold(0, |sum, bit| sum ^ BASIS[bit])
        }

        fn number(element: u16) -> u16 {
            // Gauss elimination over the bits.
            let mut rows: Vec<(u16, u16)> = (0..16).map(|bit| (BASIS[bit], 1 << bit)).collect();
            let (mut element, mut number) = (element, 0);
            for bit in (0..16).rev() {
                let Some(at) = rows.iter().position(|(value, _)| value >> bit & 1 == 1) else { continue };
                let (value, combined) = rows.swap_remove(at);
                for row in &mut rows {
                    if row.0 >> bit & 1 == 1 {
                        *row = (row.0 ^ value, row.1 ^ combined);
                    }
                }
                if element >> bit & 1 == 1 {
                    element ^= value;
                    number ^= combined;
                }
            }
            number
        }

        fn times(a: u16, b: u16) -> u16 {
            let (mut product, mut a) = (0_u32, u32::from(a));
            for bit in 0..16 {
                if b >> bit & 1 == 1 {
                    product ^= a;
                }
                a <<= 1;
                if a >> 16 == 1 {
                    a ^= POLYNOMIAL;
                }
            }
            u16::try_from(product).unwrap()
        }

        fn inverse(a: u16) -> u16 {
            // a^(2^16 - 2)
            let (mut power, mut result) = (a, 1);
            for _ in 1..16 {
                power = times(power, power);
                result = times(result, power);
            }
            result
        }

        /// The parity of a row whose stripes are one number each.
        pub(super) fn parity(data: &[u16], losses: usize) -> Vec<u16> {
            let m = losses.next_power_of_two();
            let point = |at: usize| element(u16::try_from(at).unwrap());
            let value_at = |j: usize| {
                let mut sum = 0;
                for (part, values) in data.chunks(m).enumerate() {
                    // Lagrange's formula: the polynomial through the values of this part, at point j.
                    for (i, &value) in values.iter().enumerate() {
                        let at = point((part + 1) * m + i);
                        let mut term = element(value);
                        for other in (0..m).filter(|&other| other != i) {
                            let other = point((part + 1) * m + other);
                            term = times(term, times(point(j) ^ other, inverse(at ^ other)));
                        }
                        sum ^= term;
                    }
                }
                number(sum)
            };
            (0..losses).map(value_at).collect()
        }
    }

    /// A stripe in which every number is this one.
    fn stripe(number: u16) -> Vec<u8> {
        let [low, high] = number.to_le_bytes();
        [[low; 32], [high; 32]].concat()
    }

    #[test]
    fn the_code_is_the_one_that_the_format_describes() {
        for (shards, losses) in [(1, 1), (2, 1), (5, 1), (3, 2), (5, 3), (9, 4), (4, 7), (11, 5)] {
            let data: Vec<u16> = (0..shards).map(|i: u16| i.wrapping_mul(40_503) ^ 0x5ac3).collect();
            let stripes: Vec<Vec<u8>> = data.iter().map(|&number| stripe(number)).collect();
            let mut found = Vec::new();
            let mut encoder = RowEncoder::new(stripes.len(), losses);
            encoder.encode(stripes.iter().map(Vec::as_slice), &mut |_, parity| found.push(parity.to_vec()));
            let expected: Vec<Vec<u8>> = described::parity(&data, losses).into_iter().map(stripe).collect();
            assert_eq!(found, expected, "{shards} shards, {losses} losses");
        }
    }

    proptest! {
        #[test]
        fn the_code_is_that_of_the_library(
            shards in 1_usize..70,
            losses in 1_usize..40,
            runs in 1_usize..4,
            seed in any::<u64>(),
        ) {
            let byte = |shard: usize, at: usize| {
                let mixed = seed.wrapping_add((shard * 256 + at) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed >> 56) as u8
            };
            let bytes = runs * 64;
            let stripes: Vec<Vec<u8>> =
                (0..shards).map(|shard| (0..bytes).map(|at| byte(shard, at)).collect()).collect();
            let mut library =
                HighRateEncoder::new(shards, losses, bytes, DefaultEngine::new(), None).unwrap();
            for stripe in &stripes {
                library.add_original_shard(stripe).unwrap();
            }
            let parity = library.encode().unwrap();
            let expected: Vec<Vec<u8>> = parity.recovery_iter().map(<[u8]>::to_vec).collect();
            let mut encoder = RowEncoder::new(shards, losses);
            // A second row, because memory is used again.
            for _ in 0..2 {
                let mut found = Vec::new();
                let stripes = stripes.iter().map(Vec::as_slice);
                encoder.encode(stripes, &mut |_, parity| found.push(parity.to_vec()));
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
