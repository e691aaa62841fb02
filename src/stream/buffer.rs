//! Transfer buffers: page-aligned, reused, and given back to the system when dropped.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Bytes that the buffers of one worker have together: they should stay in its cache.
const WORKER_BYTES: usize = 1 << 20;

/// Longest and shortest buffer, in bytes: long enough that system calls do not count.
const BUFFER_BYTES: std::ops::RangeInclusive<usize> = 64 << 10..=256 << 10;

/// How long the buffers of a worker with so many lanes are, in bytes.
pub fn buffer_bytes(lanes: usize) -> usize {
    (WORKER_BYTES / lanes.max(1)).clamp(*BUFFER_BYTES.start(), *BUFFER_BYTES.end())
}

/// A page-aligned buffer.
pub struct Buffer(MmapMut);

impl Buffer {
    /// A new buffer of this many bytes.
    ///
    /// # Errors
    /// When the system has no memory left.
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
