//! Ranges of chunk files, read one after the other as one stream.

use std::io::{self, Read};
use std::sync::Arc;

use super::ahead::Ahead;
use super::flow::Filled;
use crate::medium::{ChunkFile, ReadAt, in_order};

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

/// Segments of at least this many bytes of a file that waits are read in one go. Smaller ones are read through what the
/// file keeps in memory, because their neighbours are probably needed too.
const STREAM_BYTES_MIN: u64 = 256 << 10;

/// Reads segments in order. Only one file is open at a time.
pub struct Segments {
    waiting: std::vec::IntoIter<Segment>,
    current: Option<(Reader, Segment)>,
    blocking: bool,
}

/// Reads the rest of a segment.
enum Reader {
    At(Box<dyn ReadAt>),
    InOrder(Box<dyn Read + Send>),
}

impl Segments {
    /// Creates a reader of these segments that waits for data.
    pub fn new(segments: Vec<Segment>) -> Segments {
        Segments { waiting: segments.into_iter(), current: None, blocking: true }
    }

    /// Creates a reader of these segments that reads ahead on a thread if a file waits for a network.
    pub fn ahead(segments: Vec<Segment>) -> Segments {
        Segments { blocking: false, ..Segments::new(segments) }
    }

    /// Reads the next bytes of the current segment, or of the next one.
    ///
    /// # Errors
    /// The name of the file and the cause, if a file cannot be read.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, (String, io::Error)> {
        loop {
            if let Some((reader, segment)) = &mut self.current
                && segment.bytes > 0
            {
                let length = usize::try_from(segment.bytes).unwrap_or(usize::MAX).min(buffer.len());
                let read = match reader {
                    Reader::At(file) => {
                        file.read_exact_at(&mut buffer[..length], segment.offset).map(|()| length)
                    }
                    Reader::InOrder(reader) => read_full(reader, &mut buffer[..length]),
                };
                match read {
                    Ok(0) if length > 0 => return Ok(Filled::Waiting),
                    Ok(read) => {
                        segment.offset += read as u64;
                        segment.bytes -= read as u64;
                        return Ok(Filled::of(read));
                    }
                    Err(error) => return Err((segment.file.name().to_owned(), error)),
                }
            }
            self.current = None;
            let Some(segment) = self.waiting.next() else { return Ok(Filled::End) };
            let reader = self.open(&segment).map_err(|error| (segment.file.name().to_owned(), error))?;
            self.current = Some((reader, segment));
        }
    }

    fn open(&self, segment: &Segment) -> io::Result<Reader> {
        let &Segment { ref file, offset, bytes } = segment;
        if !file.waits() || (self.blocking && bytes < STREAM_BYTES_MIN) {
            return Ok(Reader::At(file.open()?));
        }
        let reader = if bytes < STREAM_BYTES_MIN {
            in_order(file.open()?, offset, bytes)
        } else {
            file.stream(offset, bytes)?
        };
        Ok(Reader::InOrder(if self.blocking { reader } else { Box::new(Ahead::of(reader)?) }))
    }
}

/// Segments that block are a stream of bytes. The error names the file.
impl Read for Segments {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.fill(buffer) {
            Ok(Filled::Bytes(read)) => Ok(read),
            Ok(Filled::End) => Ok(0),
            Ok(Filled::Waiting) => Err(io::ErrorKind::WouldBlock.into()),
            Err((file, error)) => Err(io::Error::new(error.kind(), format!("{file}: {error}"))),
        }
    }
}

/// Reads until the buffer is full or no more data is there yet. Returns 0 only if there is none at all.
fn read_full(reader: &mut Box<dyn Read + Send>, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
