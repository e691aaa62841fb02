//! The Reed-Solomon code: the parity of one row at a time.

use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{HighRateEncoder, RateEncoder as _};

/// What is said if the library refuses counts or lengths that were checked before.
pub(super) const CHECKED: &str = "counts and lengths of a group are within the limits of the format";

/// Computes the parity stripes of rows of one shape.
pub(crate) struct RowEncoder {
    encoder: HighRateEncoder<DefaultEngine>,
    shape: Shape,
}

/// The counts and the length that rows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) shards: usize,
    pub(super) losses: usize,
    pub(super) stripe_bytes: usize,
}

impl RowEncoder {
    /// Creates an encoder for rows of `shards` stripes, each with `losses` parity stripes, of this many bytes.
    pub(crate) fn new(shards: usize, losses: usize, stripe_bytes: usize) -> RowEncoder {
        let shape = Shape { shards, losses, stripe_bytes };
        let encoder = HighRateEncoder::new(shards, losses, stripe_bytes, DefaultEngine::new(), None);
        RowEncoder { encoder: encoder.expect(CHECKED), shape }
    }

    /// Changes the length of the stripes.
    pub(crate) fn resize(&mut self, stripe_bytes: usize) {
        if self.shape.stripe_bytes != stripe_bytes {
            self.shape.stripe_bytes = stripe_bytes;
            self.encoder.reset(self.shape.shards, self.shape.losses, stripe_bytes).expect(CHECKED);
        }
    }

    /// Computes the parity of the next row, and hands each parity stripe over with its number.
    pub(crate) fn encode<'a>(
        &mut self,
        stripes: impl Iterator<Item = &'a [u8]>,
        take: &mut dyn FnMut(usize, &[u8]),
    ) {
        stripes.for_each(|stripe| self.encoder.add_original_shard(stripe).expect(CHECKED));
        let result = self.encoder.encode().expect(CHECKED);
        result.recovery_iter().enumerate().for_each(|(number, stripe)| take(number, stripe));
    }
}

#[cfg(test)]
mod tests {
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
            let mut encoder = RowEncoder::new(stripes.len(), losses, 64);
            encoder.encode(stripes.iter().map(Vec::as_slice), &mut |_, parity| found.push(parity.to_vec()));
            let expected: Vec<Vec<u8>> = described::parity(&data, losses).into_iter().map(stripe).collect();
            assert_eq!(found, expected, "{shards} shards, {losses} losses");
        }
    }
}
