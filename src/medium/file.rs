//! Chunk files that are read.

use std::io::{self, Read};
use std::sync::Arc;

use crate::format::Timestamp;
use crate::format::head::{HEAD_READ_BYTES, Head};
use crate::format::statement::Statement;

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

    /// Returns a text that changes when the content of the file under this name changes.
    #[doc(hidden)]
    fn version(&self) -> String;

    /// Returns when the file was last modified, by the clock of its place; `None` if that is not known.
    fn modified(&self) -> Option<Timestamp>;

    /// Returns whether reading waits for a network, so that a reader should read ahead, and large ranges at once.
    #[doc(hidden)]
    fn waits(&self) -> bool {
        false
    }

    /// Opens the file. May be called repeatedly: files stay open only while they are read.
    ///
    /// # Errors
    /// If the file has changed since it was found.
    fn open(&self) -> io::Result<Box<dyn ReadAt>>;

    /// Reads `bytes` bytes from `offset`, from the first to the last, in one go.
    ///
    /// # Errors
    /// If the file has changed since it was found.
    #[doc(hidden)]
    fn stream(&self, offset: u64, bytes: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(in_order(self.open()?, offset, bytes))
    }

    /// Frees the memory in which parts of it were kept. They are read again when they are needed.
    #[doc(hidden)]
    fn forget(&self) {}

    /// Removes the file, unless it has changed since it was found. A file that is gone is no error.
    ///
    /// # Errors
    /// If it has changed, or cannot be removed.
    #[doc(hidden)]
    fn remove(&self) -> io::Result<()>;

    /// Moves the file out of the way, into a hidden folder beside it, with the reason in a file beside it. Returns where
    /// it is now; `None` if its place has no such folders, and it stays.
    ///
    /// # Errors
    /// If it has changed since it was found, or cannot be moved.
    #[doc(hidden)]
    fn set_aside(&self, _reason: &str) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Returns whether [`ChunkFile::mend`] may be tried: the place allows it, and the file has no second name.
    #[doc(hidden)]
    fn can_be_mended(&self) -> bool {
        false
    }

    /// Writes bytes over parts of the file, each at its offset, and makes them durable. Its length stays. It is not
    /// atomic: after a failure, some parts may be written, and one of them in part.
    ///
    /// # Errors
    /// If the file has changed since it was found, or cannot be written.
    #[doc(hidden)]
    fn mend(&self, _parts: &[(u64, &[u8])]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Replaces the bytes before `kept_from` with `front`, of any length, and keeps the rest unchanged. `check`
    /// inspects the new file before it is visible; if it fails, nothing changes. The replacement is atomic: a reader
    /// finds the whole old or the whole new file. Of two concurrent replacements, one fails.
    ///
    /// # Errors
    /// If the file has changed since it was found, if it cannot be written, or if `check` fails.
    #[doc(hidden)]
    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// Returns the statement in the head of a file, which nothing has verified; `None` if the file has no head.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn statement_of(file: &dyn ChunkFile) -> io::Result<Option<Statement>> {
    let mut start = vec![0; usize::try_from(file.bytes().min(HEAD_READ_BYTES)).expect("a head is small")];
    file.open()?.read_exact_at(&mut start, 0)?;
    Ok(Head::parse(&start, file.bytes()).ok().map(|head| head.statement))
}

/// Reads `bytes` bytes of a file from `offset`, from the first to the last.
pub(crate) fn in_order(file: Box<dyn ReadAt>, offset: u64, bytes: u64) -> Box<dyn Read + Send> {
    Box::new(InOrder { file, at: offset, end: offset + bytes })
}

struct InOrder {
    file: Box<dyn ReadAt>,
    at: u64,
    end: u64,
}

impl Read for InOrder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_exact_at(&mut buffer[..length], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}
