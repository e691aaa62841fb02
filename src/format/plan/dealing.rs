//! Deals the data chunks of a bundle to processes that work on it together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Plan;

impl Plan {
    /// Deals the data chunks to at most `most` pieces of about the same size. Chunks that share a sliced blob stay together, so
    /// that one process reads the whole blob and can prove its digest. The result depends on the plan, `most` and the sizes of
    /// the chunks alone.
    pub fn deal(&self, most: usize, bytes_of: &dyn Fn(u32) -> u64) -> Vec<BTreeSet<u32>> {
        let mut groups = self.together(bytes_of);
        groups.sort_by_key(|(bytes, chunks)| (Reverse(*bytes), chunks.first().copied()));
        let mut pieces = vec![(0_u64, BTreeSet::new()); most.min(groups.len())];
        for (bytes, chunks) in groups {
            let least =
                pieces.iter_mut().min_by_key(|(load, _)| *load).expect("as many pieces as groups, or fewer");
            least.0 += bytes;
            least.1.extend(chunks);
        }
        pieces.into_iter().map(|(_, chunks)| chunks).collect()
    }

    /// Returns the data chunks in groups that share sliced blobs, each with its size in bytes.
    fn together(&self, bytes_of: &dyn Fn(u32) -> u64) -> Vec<(u64, Vec<u32>)> {
        // The first chunk of the group of each chunk. A blob in slices has chunks in ascending order.
        let mut first: Vec<u32> = (0..=self.last_data()).collect();
        for blob in &self.blobs {
            for pair in blob.pieces.windows(2) {
                let (a, b) = (root(&mut first, pair[0].chunk), root(&mut first, pair[1].chunk));
                first[a.max(b) as usize] = a.min(b);
            }
        }
        let mut groups: BTreeMap<u32, (u64, Vec<u32>)> = BTreeMap::new();
        for chunk in 1..=self.last_data() {
            let (bytes, chunks) = groups.entry(root(&mut first, chunk)).or_default();
            *bytes += bytes_of(chunk);
            chunks.push(chunk);
        }
        groups.into_values().collect()
    }
}

/// Returns the first chunk of the group of a chunk, and shortens the way to it.
fn root(first: &mut [u32], mut chunk: u32) -> u32 {
    while first[chunk as usize] != chunk {
        first[chunk as usize] = first[first[chunk as usize] as usize];
        chunk = first[chunk as usize];
    }
    chunk
}
