//! Transfer buffers: page-aligned, reused, and returned to the system when dropped.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Total size of one worker's buffers, in bytes: they should fit into its cache.
const WORKER_BYTES: usize = 1 << 20;

/// Smallest and largest buffer, in bytes: large enough that system calls cost little.
const BUFFER_BYTES: std::ops::RangeInclusive<usize> = 64 << 10..=256 << 10;

/// Returns the buffer size for a worker with this many lanes, in bytes.
pub fn buffer_bytes(lanes: usize) -> usize {
    (WORKER_BYTES / lanes.max(1)).clamp(*BUFFER_BYTES.start(), *BUFFER_BYTES.end())
}

/// A page-aligned buffer.
pub struct Buffer(MmapMut);

impl Buffer {
    /// Allocates a buffer of this many bytes.
    ///
    /// # Errors
    /// If the system is out of memory.
    pub fn new(bytes: usize) -> std::io::Result<Buffer> {
        MmapMut::map_anon(bytes).map(Buffer)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
