//! Room on the local disk for chunks that a sink assembles there (docs/decisions/0027-full-slices-leave-the-disk.md).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::blueprint::Blueprint;
use crate::medium::ChunkSink;

/// How many times the chunk size is used at most.
const CHUNKS_MAX: u64 = 3;

/// Decides which chunks may begin. While blobs in slices are loaded, the first of them always finds room for its next chunk:
/// of what is used then, at most one chunk and the heads that are set aside belong to others. So the first one ends, and
/// then the next.
pub(super) struct Room {
    /// The chunk size in bytes.
    chunk_bytes: u64,
    /// The greatest number of bytes that a blob in slices sets aside.
    aside_bytes: u64,
    /// The first chunks of the blobs in slices that are being loaded.
    split: Mutex<BTreeSet<u32>>,
    /// Whether a blob will be read again from elsewhere. Its chunk stays on the disk until all others are loaded, so nobody
    /// waits for it.
    relaxed: AtomicBool,
}

impl Room {
    pub(super) fn new(blueprint: &Blueprint, sink: &dyn ChunkSink) -> Room {
        let chunk_bytes = blueprint.plan().chunk_bytes;
        let blobs = 0..blueprint.plan().blobs.len();
        let aside = blobs.map(|blob| set_aside_bytes(blueprint, sink, blob));
        let aside_bytes = aside.filter(|&bytes| bytes <= chunk_bytes).max().unwrap_or(0);
        Room { chunk_bytes, aside_bytes, split: Mutex::default(), relaxed: AtomicBool::new(false) }
    }

    fn split(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        // The set is consistent after every change, even if a thread panicked.
        self.split.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a blob in slices is loaded from now on. `first` is the number of its first chunk.
    pub(super) fn enter(&self, first: u32) {
        self.split().insert(first);
    }

    /// Records that a blob in slices is no longer loaded.
    pub(super) fn leave(&self, first: u32) {
        self.split().remove(&first);
    }

    /// Sets whether a blob will be read again after all others.
    pub(super) fn relax(&self, relaxed: bool) {
        self.relaxed.store(relaxed, Ordering::Relaxed);
    }

    /// Claims room for a chunk of this many bytes, for a blob whose first chunk is `first`.
    pub(super) fn claim(&self, sink: &dyn ChunkSink, number: u32, bytes: u64, first: u32) -> bool {
        let most = CHUNKS_MAX * self.chunk_bytes;
        let most = match self.split().first() {
            Some(&oldest) if oldest == first && self.relaxed.load(Ordering::Relaxed) => u64::MAX,
            Some(&oldest) if oldest != first => most - self.chunk_bytes - self.aside_bytes,
            _ => most,
        };
        sink.claim(number, bytes, most)
    }
}

/// Returns how many bytes the chunks of a blob need while they wait for its proof, except for the last one.
fn set_aside_bytes(blueprint: &Blueprint, sink: &dyn ChunkSink, blob: usize) -> u64 {
    let pieces = &blueprint.plan().blobs[blob].pieces;
    let full = pieces.iter().rev().skip(1);
    full.filter_map(|piece| sink.kept_aside(blueprint.file_bytes(piece.chunk))).sum()
}

/// Whether a blob must be proven before it is loaded, because what its chunks keep back meanwhile is too much.
pub(super) fn is_proven_first(blueprint: &Blueprint, sink: &dyn ChunkSink, blob: usize) -> bool {
    set_aside_bytes(blueprint, sink, blob) > blueprint.plan().chunk_bytes
}
