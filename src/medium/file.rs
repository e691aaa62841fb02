//! Chunk files as they arrived.

use std::io;
use std::sync::Arc;

/// Reads at any place. Independent of other readers of the same file.
pub trait ReadAt: Send {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// When the file ends before that, too.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file that may be a chunk.
pub trait ChunkFile: Send + Sync {
    /// How messages name it: its path or URL.
    fn name(&self) -> &str;

    /// Its own name in its place, without folders; `None` if that is not UTF-8.
    fn file_name(&self) -> Option<&str>;

    /// Its size in bytes when it was found.
    fn bytes(&self) -> u64;

    /// Opens it. May be called again and again: no file stays open that is not being read.
    ///
    /// # Errors
    /// When it is not the file any more that was found.
    fn open(&self) -> io::Result<Box<dyn ReadAt>>;

    /// Replaces what stands before `kept_from` by `front`, of any length, and keeps the rest byte for byte. `check`
    /// looks at the new file before anybody else can; if it fails, nothing has changed. Atomic: a reader finds the
    /// old file or the new one, whole. Two that replace at once: one of them fails.
    ///
    /// # Errors
    /// When it is not the file any more that was found, when it cannot be written, or when `check` fails.
    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()>;
}
