//! Transfer buffers: page-aligned, reused, and given back to the system when dropped.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Length of a buffer, in bytes: long enough that system calls do not count, short enough for the cache.
pub const BUFFER_BYTES: usize = 256 << 10;

/// A page-aligned buffer of [`BUFFER_BYTES`].
pub struct Buffer(MmapMut);

impl Buffer {
    /// A new buffer.
    ///
    /// # Errors
    /// When the system has no memory left.
    pub fn new() -> std::io::Result<Buffer> {
        MmapMut::map_anon(BUFFER_BYTES).map(Buffer)
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
