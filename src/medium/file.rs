//! Chunk files that are read.

use std::io;
use std::sync::Arc;

/// Reads a file at any offset, independently of other readers of the same file.
pub trait ReadAt: Send {
    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// If the file cannot be read, or ends before the buffer is full.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file that may be a chunk.
pub trait ChunkFile: Send + Sync {
    /// Returns the path or URL, for messages.
    fn name(&self) -> &str;

    /// Returns the file name without folders; `None` if it is not UTF-8.
    fn file_name(&self) -> Option<&str>;

    /// Returns the size in bytes when the file was found.
    fn bytes(&self) -> u64;

    /// Opens the file. May be called repeatedly: files stay open only while they are read.
    ///
    /// # Errors
    /// If the file has changed since it was found.
    fn open(&self) -> io::Result<Box<dyn ReadAt>>;

    /// Replaces the bytes before `kept_from` with `front`, of any length, and keeps the rest unchanged. `check`
    /// inspects the new file before it is visible; if it fails, nothing changes. The replacement is atomic: a reader
    /// finds the whole old or the whole new file. Of two concurrent replacements, one fails.
    ///
    /// # Errors
    /// If the file has changed since it was found, if it cannot be written, or if `check` fails.
    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()>;
}
