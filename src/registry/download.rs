//! Downloads of blobs, which resume after a broken connection.

use std::io::{self, Read};

use super::RegistryError;
use super::call::CallError;
use crate::http::{HttpError, Response, ResponseBody, header};

/// Progress in bytes after which the count of retries starts again at zero.
pub(super) const PROGRESS_BYTES: u64 = 1 << 20;

/// The server that a blob is downloaded from.
pub(super) trait Origin: Send {
    /// Requests the blob, which has `bytes` bytes, from `offset` on. Follows redirects; the status may be any.
    fn request(&mut self, offset: u64, bytes: u64) -> Result<Response, RegistryError>;

    /// Waits after attempt number `attempt`, or returns the error if there are no retries left.
    fn retry(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError>;

    /// The error for a response with an error status or an unexpected one.
    fn refused(&self, response: Response) -> RegistryError;

    /// The error for an invalid response.
    fn unexpected(&self, problem: String) -> RegistryError;

    /// The error for a wrong number of bytes.
    fn wrong_size(&self, announced: u64, found: u64) -> RegistryError;
}

/// The download of a blob. Sends no request before the first read. The caller must verify the digest.
pub(super) struct Download<O> {
    origin: O,
    bytes: u64,
    at: u64,
    /// Whether to request ranges. Set to false if the server does not support them.
    use_ranges: bool,
    body: Option<ResponseBody>,
    retried: u32,
    /// The offset at which the connection last broke.
    broke_at: u64,
}

impl<O: Origin> Download<O> {
    /// A download of a blob of this many bytes, from `offset` on.
    pub(super) fn new(origin: O, bytes: u64, offset: u64) -> Download<O> {
        Download { origin, bytes, at: offset, use_ranges: true, body: None, retried: 0, broke_at: offset }
    }

    /// Requests the rest of the blob and returns the response body.
    fn open_body(&mut self) -> Result<ResponseBody, CallError> {
        let response = self.origin.request(if self.use_ranges { self.at } else { 0 }, self.bytes)?;
        if response.content_type().as_deref() == Some("text/html") {
            let problem =
                "Content-Type is text/html, expected a blob; a proxy may require a login".to_owned();
            return Err(self.origin.unexpected(problem).into());
        }
        let (skip, rest) = match response.status {
            200 => (self.at, self.bytes),
            206 if self.at > 0 && self.starts_here(&response) => (0, self.bytes - self.at),
            // The server returned another range, or cannot serve this one.
            206 | 416 if self.at > 0 && self.use_ranges => {
                self.use_ranges = false;
                // Release the permit first, because the new request takes one.
                drop(response);
                return self.open_body();
            }
            _ => return Err(self.origin.refused(response).into()),
        };
        if let Some(found) = response.content_length()
            && found != rest
        {
            return Err(self.origin.wrong_size(self.bytes, (self.bytes - rest).saturating_add(found)).into());
        }
        let mut body = response.body;
        // A server without ranges sends the blob from the start. Skip the bytes that were already read.
        match io::copy(&mut body.by_ref().take(skip), &mut io::sink()) {
            Ok(skipped) if skipped == skip => Ok(body),
            Ok(skipped) => Err(CallError::Http(ended_early(skipped, self.bytes))),
            Err(error) => Err(CallError::Http(HttpError::of_io(error))),
        }
    }

    /// Returns whether the range in the response starts at the current offset.
    fn starts_here(&self, response: &Response) -> bool {
        let range = response.header(header::CONTENT_RANGE).unwrap_or_default();
        let start = range.strip_prefix("bytes ").and_then(|range| range.split('-').next());
        start.and_then(|start| start.parse().ok()) == Some(self.at)
    }

    fn reconnect(&mut self, error: HttpError) -> Result<(), RegistryError> {
        self.body = None;
        if self.at - self.broke_at >= PROGRESS_BYTES {
            self.retried = 0;
        }
        self.broke_at = self.at;
        self.origin.retry(self.retried, error)?;
        self.retried += 1;
        Ok(())
    }

    fn read_next(&mut self, buffer: &mut [u8]) -> Result<usize, RegistryError> {
        loop {
            let Some(body) = &mut self.body else {
                match self.open_body() {
                    Ok(body) => self.body = Some(body),
                    Err(CallError::Registry(error)) => return Err(error),
                    Err(CallError::Http(error)) => self.reconnect(error)?,
                    Err(CallError::Reauthenticated) => {
                        unreachable!("only uploads are sent without retries")
                    }
                }
                continue;
            };
            let error = match body.read(buffer) {
                Ok(0) if self.at >= self.bytes => return Ok(0),
                Ok(0) => ended_early(self.at, self.bytes),
                Ok(read) => {
                    self.at += read as u64;
                    return match self.at {
                        at if at > self.bytes => Err(self.origin.wrong_size(self.bytes, at)),
                        _ => Ok(read),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => HttpError::of_io(error),
            };
            self.reconnect(error)?;
        }
    }
}

fn ended_early(at: u64, bytes: u64) -> HttpError {
    HttpError::Broken(format!("the body ended after {at} of {bytes} bytes"))
}

impl<O: Origin> Read for Download<O> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.read_next(buffer).map_err(io::Error::other)
    }
}
