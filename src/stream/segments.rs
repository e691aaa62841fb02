//! Ranges of chunk files, read one after the other as one stream.

use std::io;
use std::sync::Arc;

use crate::medium::{ChunkFile, ReadAt};

/// A range of a chunk file.
#[derive(Clone)]
pub struct Segment {
    /// The chunk file.
    pub file: Arc<dyn ChunkFile>,
    /// The offset of the range in bytes.
    pub offset: u64,
    /// The length of the range in bytes.
    pub bytes: u64,
}

/// Reads segments in order. Only one file is open at a time.
pub struct Segments {
    waiting: std::vec::IntoIter<Segment>,
    current: Option<(Box<dyn ReadAt>, Segment)>,
}

impl Segments {
    /// Creates a reader of these segments.
    pub fn new(segments: Vec<Segment>) -> Segments {
        Segments { waiting: segments.into_iter(), current: None }
    }

    /// Reads the next bytes of the current segment, or of the next one; 0 after the last.
    ///
    /// # Errors
    /// The name of the file and the cause, if a file cannot be read.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, (String, io::Error)> {
        loop {
            if let Some((reader, segment)) = &mut self.current
                && segment.bytes > 0
            {
                let length = usize::try_from(segment.bytes).unwrap_or(usize::MAX).min(buffer.len());
                reader
                    .read_exact_at(&mut buffer[..length], segment.offset)
                    .map_err(|error| (segment.file.name().to_owned(), error))?;
                segment.offset += length as u64;
                segment.bytes -= length as u64;
                return Ok(length);
            }
            let Some(segment) = self.waiting.next() else { return Ok(0) };
            let reader = segment.file.open().map_err(|error| (segment.file.name().to_owned(), error))?;
            self.current = Some((reader, segment));
        }
    }
}
