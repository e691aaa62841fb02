//! Deals the data chunks of a bundle to the processes that pack them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::blueprint::Blueprint;

/// Deals the data chunks to at most `most` pieces of about the same size. Chunks that share a sliced blob stay together, so
/// that one process reads the whole blob and can prove its digest. The result depends on the layout and on `most` alone.
pub(super) fn deal(blueprint: &Blueprint, most: usize) -> Vec<BTreeSet<u32>> {
    let mut groups = together(blueprint);
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
fn together(blueprint: &Blueprint) -> Vec<(u64, Vec<u32>)> {
    // The first chunk of the group of each chunk. A blob in slices has chunks in ascending order.
    let mut first: BTreeMap<u32, u32> = blueprint.data_chunks().map(|(number, _)| (number, number)).collect();
    let root = |first: &BTreeMap<u32, u32>, mut chunk: u32| {
        while first[&chunk] != chunk {
            chunk = first[&chunk];
        }
        chunk
    };
    for blob in &blueprint.plan().blobs {
        for pair in blob.pieces.windows(2) {
            let (a, b) = (root(&first, pair[0].chunk), root(&first, pair[1].chunk));
            first.insert(a.max(b), a.min(b));
        }
    }
    let mut groups: BTreeMap<u32, (u64, Vec<u32>)> = BTreeMap::new();
    for &chunk in first.keys() {
        let (bytes, chunks) = groups.entry(root(&first, chunk)).or_default();
        *bytes += blueprint.file_bytes(chunk);
        chunks.push(chunk);
    }
    groups.into_values().collect()
}
