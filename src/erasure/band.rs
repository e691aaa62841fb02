//! A few rows of a group in memory.

use std::ops::Range;

use crate::format::parity::ParityGroup;

/// Memory for the stripes of a band, in bytes.
const BAND_BYTES: u64 = 64 << 20;

/// Some consecutive rows of all shards. Readers set what lies behind the end of a shard to zero.
pub(crate) struct Band {
    rows: Range<u64>,
    stripe: usize,
    /// The length of the stripes of the last row, in bytes.
    last_stripe: usize,
    shards: Vec<Vec<u8>>,
}

impl Band {
    /// Returns the bands of a group, from the first row to the last.
    pub(crate) fn all(group: &ParityGroup) -> impl Iterator<Item = Range<u64>> {
        let shards = group.chunks.len() as u64 + u64::from(group.losses);
        let rows = (BAND_BYTES / (shards * group.stripe())).max(1);
        let end = group.rows();
        (0..end.div_ceil(rows)).map(move |band| band * rows..((band + 1) * rows).min(end))
    }

    /// Creates the memory for the bands of a group. Getting memory from the system takes time, so it is used again.
    pub(crate) fn new(group: &ParityGroup) -> Band {
        let shards = vec![Vec::new(); group.chunks.len()];
        Band { rows: 0..0, stripe: 0, last_stripe: 0, shards }
    }

    /// Turns to other rows. What the shards hold then is of no use.
    pub(crate) fn turn_to(&mut self, group: &ParityGroup, rows: Range<u64>) {
        let length = |row| usize::try_from(group.stripe_length(row)).expect("stripes are short");
        (self.stripe, self.last_stripe) = (length(rows.start), length(rows.end - 1));
        let count = usize::try_from(rows.end - rows.start).expect("bands are short");
        let bytes = (count - 1) * self.stripe + self.last_stripe;
        self.shards.iter_mut().for_each(|shard| shard.resize(bytes, 0));
        self.rows = rows;
    }

    /// Returns the rows.
    pub(crate) fn rows(&self) -> Range<u64> {
        self.rows.clone()
    }

    /// Returns the shards: their bytes in these rows.
    pub(crate) fn shards(&self) -> &[Vec<u8>] {
        &self.shards
    }

    /// Returns the shards for writing.
    pub(crate) fn shards_mut(&mut self) -> &mut [Vec<u8>] {
        &mut self.shards
    }

    /// Returns where the stripe of a row lies in each shard of the band.
    pub(crate) fn place(&self, row: u64) -> Range<usize> {
        let at = usize::try_from(row - self.rows.start).expect("bands are short") * self.stripe;
        at..at + if row + 1 == self.rows.end { self.last_stripe } else { self.stripe }
    }

    /// Returns the bytes that a shard of this many bytes has in these rows, as a range of the shard.
    pub(crate) fn range_of(&self, group: &ParityGroup, bytes: u64) -> Range<u64> {
        let start = (self.rows.start * group.stripe()).min(bytes);
        start..(self.rows.end * group.stripe()).min(bytes)
    }
}
