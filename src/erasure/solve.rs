//! Computing a few lost stripes of a row: several times faster than decoding, which takes the same time however few are lost.
//!
//! The code is linear. The parity of the row without the lost stripes, added to the parity that was sent, is what the lost
//! stripes contribute to it. As many of these sums as stripes are lost make a system of linear equations, whose matrix holds
//! the contributions of single numbers.

use std::collections::HashMap;

use reed_solomon_simd::engine::tables::get_exp_log;
use reed_solomon_simd::engine::{DefaultEngine, Engine as _, GF_MODULUS, GfElement};

use super::code::{RowEncoder, Shape, add};

/// The shortest stripe: numbers are stored in runs of so many bytes (docs/format.md, "The code").
const RUN_BYTES: usize = 64;

/// Solves rows of one shape.
pub(super) struct RowSolver {
    encoder: RowEncoder,
    shape: Shape,
    engine: DefaultEngine,
    /// What a one in a shard contributes to each parity stripe, by shard.
    contributions: HashMap<usize, Vec<GfElement>>,
    /// The inverse of the matrix of the last row, which is often that of the next.
    inverse: Inverse,
}

#[derive(Default)]
struct Inverse {
    lost: Vec<usize>,
    parity: Vec<usize>,
    /// For each lost stripe, the factor of each sum.
    rows: Vec<Vec<GfElement>>,
}

/// Returns whether to solve rows of this shape in which so many stripes are lost: each costs a product for each sum.
pub(super) fn is_worth_it(shape: Shape, lost: usize) -> bool {
    let decoded = (shape.losses.next_power_of_two() + shape.shards).next_power_of_two();
    2 * lost * lost <= decoded * decoded.ilog2() as usize
}

impl RowSolver {
    pub(super) fn new(shape: Shape) -> RowSolver {
        RowSolver {
            encoder: RowEncoder::new(shape.shards, shape.losses),
            shape,
            engine: DefaultEngine::new(),
            contributions: HashMap::new(),
            inverse: Inverse::default(),
        }
    }

    /// Changes the length of the stripes.
    pub(super) fn resize(&mut self, stripe_bytes: usize) {
        self.shape.stripe_bytes = stripe_bytes;
    }

    /// Computes the stripes of these shards, in ascending order, from the others and from as many parity stripes, each with
    /// its number.
    pub(super) fn solve<'a>(
        &mut self,
        stripes: impl Iterator<Item = &'a [u8]>,
        lost: &[usize],
        mut parity: Vec<(usize, Vec<u8>)>,
        take: &mut dyn FnMut(usize, &[u8]),
    ) {
        let numbers: Vec<usize> = parity.iter().map(|(number, _)| *number).collect();
        self.prepare(lost, &numbers);
        let zeros = vec![0; self.shape.stripe_bytes];
        let known = stripes
            .enumerate()
            .map(|(shard, stripe)| if lost.binary_search(&shard).is_ok() { &zeros[..] } else { stripe });
        self.encoder.encode(known, &mut |number, stripe| {
            if let Some((_, sum)) = parity.iter_mut().find(|(wanted, _)| *wanted == number) {
                add(sum, stripe);
            }
        });
        let (mut stripe, mut product) = (zeros, vec![0; self.shape.stripe_bytes]);
        let log = &get_exp_log().log;
        for (shard, factors) in lost.iter().zip(&self.inverse.rows) {
            stripe.fill(0);
            for ((_, sum), &factor) in parity.iter().zip(factors).filter(|(_, factor)| **factor != 0) {
                product.copy_from_slice(sum);
                self.engine.mul(product.as_chunks_mut().0, log[usize::from(factor)]);
                add(&mut stripe, &product);
            }
            take(*shard, &stripe);
        }
    }

    /// Makes sure that the inverse is that for these shards and parity stripes.
    fn prepare(&mut self, lost: &[usize], parity: &[usize]) {
        if self.inverse.lost == lost && self.inverse.parity == parity {
            return;
        }
        let Shape { shards, losses, .. } = self.shape;
        for &shard in lost {
            self.contributions.entry(shard).or_insert_with(|| {
                let (mut one, mut found) = ([0; RUN_BYTES], Vec::with_capacity(losses));
                one[0] = 1;
                let stripes = (0..shards).map(|at| if at == shard { &one } else { &[0; RUN_BYTES] });
                RowEncoder::new(shards, losses).encode(
                    stripes.map(|stripe| &stripe[..]),
                    &mut |_, parity| {
                        found.push(GfElement::from_le_bytes([parity[0], parity[RUN_BYTES / 2]]));
                    },
                );
                found
            });
        }
        let matrix = parity
            .iter()
            .map(|&number| lost.iter().map(|shard| self.contributions[shard][number]).collect())
            .collect();
        self.inverse = Inverse { lost: lost.to_vec(), parity: parity.to_vec(), rows: inverse_of(matrix) };
    }
}

/// Multiplies two numbers of the field.
fn times(a: GfElement, b: GfElement) -> GfElement {
    let tables = get_exp_log();
    if a == 0 || b == 0 {
        return 0;
    }
    let log = |number: GfElement| usize::from(tables.log[usize::from(number)]);
    tables.exp[(log(a) + log(b)) % usize::from(GF_MODULUS)]
}

/// Returns the number whose product with this one, which is not 0, is 1.
fn reciprocal(a: GfElement) -> GfElement {
    let tables = get_exp_log();
    tables.exp[usize::from(GF_MODULUS - tables.log[usize::from(a)]) % usize::from(GF_MODULUS)]
}

/// Returns the inverse of a square matrix of contributions (Gauss and Jordan). It exists, because any stripes can be computed
/// from as many parity stripes.
fn inverse_of(mut matrix: Vec<Vec<GfElement>>) -> Vec<Vec<GfElement>> {
    let size = matrix.len();
    for (at, row) in matrix.iter_mut().enumerate() {
        row.extend((0..size).map(|column| GfElement::from(column == at)));
    }
    for column in 0..size {
        let pivot = (column..size).find(|&row| matrix[row][column] != 0);
        matrix.swap(column, pivot.expect("contributions of different shards are independent"));
        let factor = reciprocal(matrix[column][column]);
        matrix[column].iter_mut().for_each(|number| *number = times(*number, factor));
        let pivot = matrix[column].clone();
        for (_, row) in matrix.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = row[column];
            if factor != 0 {
                row.iter_mut().zip(&pivot).for_each(|(number, &of)| *number ^= times(of, factor));
            }
        }
    }
    matrix.into_iter().map(|mut row| row.split_off(size)).collect()
}
