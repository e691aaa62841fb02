//! Reads a range of an object, and goes on after the connection broke.

use std::io::{self, Read};
use std::sync::Arc;

use super::{Container, Object};

/// A reader of a range of an object. Every byte is from the object with the entity tag that was found.
pub struct Download {
    container: Arc<dyn Container>,
    object: Object,
    /// The offset of the next byte.
    at: u64,
    end: u64,
    body: Option<Box<dyn Read + Send>>,
    /// How often it has failed since the last byte.
    failures: u32,
}

impl Download {
    /// Reads `bytes` bytes from `offset`, which must be within the object. Nothing is requested yet.
    pub fn new(container: Arc<dyn Container>, object: Object, offset: u64, bytes: u64) -> Download {
        Download { container, object, at: offset, end: offset + bytes, body: None, failures: 0 }
    }

    fn body(&mut self) -> io::Result<&mut Box<dyn Read + Send>> {
        match &mut self.body {
            Some(body) => Ok(body),
            none => {
                let body = self.container.read(&self.object, self.at, self.end - self.at);
                Ok(none.insert(body.map_err(super::StorageError::into_io)?))
            }
        }
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at < self.end && !buffer.is_empty() {
            let length = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
            let error = match self.body()?.read(&mut buffer[..length]) {
                Ok(0) => io::ErrorKind::UnexpectedEof.into(),
                Ok(read) => {
                    self.failures = 0;
                    self.at += read as u64;
                    if self.at == self.end
                        && let Some(mut body) = self.body.take()
                    {
                        // A connection whose body was read to its end can be used again, and others may use the
                        // place among the transfers.
                        let _ = body.read(&mut [0]);
                    }
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.body = None;
            if self.failures >= self.container.retries() {
                return Err(error);
            }
            self.container.wait(self.failures).map_err(super::StorageError::into_io)?;
            self.failures += 1;
        }
        Ok(0)
    }
}
