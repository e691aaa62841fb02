//! A few rows of a group in memory, which are encoded where they lie.

use std::ops::Range;

use super::code::{RowEncoder, Run};
use crate::format::parity::{ParityGroup, STRIPE_UNIT};

/// Some consecutive rows, one after the other in memory, so that the stripes of a row lie side by side. After it was encoded, a
/// row begins with its parity stripes, and the rest is of no use.
#[derive(Default)]
pub(crate) struct Rows {
    numbers: Range<u64>,
    /// How many stripes a row has room for.
    width: usize,
    /// The length of a stripe, in runs.
    stripe: usize,
    /// The same in the last row.
    last_stripe: usize,
    runs: Vec<Run>,
}

impl Rows {
    /// Returns the rows of a group in portions of about so many bytes, from the first row to the last.
    pub(crate) fn portions(group: &ParityGroup, bytes: u64) -> impl Iterator<Item = Range<u64>> {
        let row_bytes = RowEncoder::width_of(group) as u64 * group.stripe();
        let (rows, end) = ((bytes / row_bytes).max(1), group.rows());
        (0..end.div_ceil(rows)).map(move |portion| portion * rows..((portion + 1) * rows).min(end))
    }

    /// Turns to other rows, which may be none. What they hold then is of no use. Memory is used again.
    pub(crate) fn turn_to(&mut self, group: &ParityGroup, rows: Range<u64>) {
        let runs_of = |row| usize_of(group.stripe_length(row) / STRIPE_UNIT);
        self.width = RowEncoder::width_of(group);
        (self.stripe, self.last_stripe) = match rows.end.checked_sub(1).filter(|_| !rows.is_empty()) {
            Some(last) => (runs_of(rows.start), runs_of(last)),
            None => (0, 0),
        };
        let whole = usize_of(rows.end - rows.start).saturating_sub(1);
        self.runs.resize((whole * self.stripe + self.last_stripe) * self.width, [0; 64]);
        self.numbers = rows;
    }

    /// Returns the numbers of the rows.
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.numbers.clone()
    }

    /// Returns a stripe of a row: of a shard, or of the parity if the row was encoded.
    pub(crate) fn stripe(&self, row: u64, number: usize) -> &[u8] {
        let length = if row + 1 == self.numbers.end { self.last_stripe } else { self.stripe };
        let at = usize_of(row - self.numbers.start) * self.stripe * self.width + number * length;
        self.runs[at..at + length].as_flattened()
    }

    /// Returns the memory of each row, with the length of its stripes in runs.
    pub(crate) fn each_row(&mut self) -> impl Iterator<Item = (usize, &mut [Run])> {
        let (last, stripe, last_stripe) =
            (usize_of(self.numbers.end - self.numbers.start), self.stripe, self.last_stripe);
        let rows = self.runs.chunks_mut((self.stripe * self.width).max(1));
        rows.enumerate().map(move |(at, row)| (if at + 1 == last { last_stripe } else { stripe }, row))
    }

    /// Returns the memory of the shards, so many together, and of these their part of each row.
    pub(crate) fn each_batch(&mut self, shards: usize, batch: usize) -> Vec<Vec<&mut [Run]>> {
        let mut batches: Vec<Vec<&mut [Run]>> = Vec::new();
        batches.resize_with(shards.div_ceil(batch), Vec::new);
        for (stripe, row) in self.each_row() {
            let parts = row[..shards * stripe].chunks_mut(batch * stripe);
            batches.iter_mut().zip(parts).for_each(|(batch, part)| batch.push(part));
        }
        batches
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).expect("portions are bounded")
}
