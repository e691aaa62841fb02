//! Request and response bodies: rate-limited, bounded in size, and required to make progress.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::Body;

use super::HttpError;
use super::pace::Pace;
use super::permits::Permit;
use super::throttle::Throttle;

/// A request body. Reading it obeys the rate limit and fails after a stop signal.
pub(super) struct RequestBody<'a, R> {
    pub(super) reader: R,
    pub(super) throttle: &'a Throttle,
    pub(super) stop: &'a AtomicBool,
}

impl<R: Read> Read for RequestBody<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let length = self.throttle.piece(buffer.len());
        let read = self.reader.read(&mut buffer[..length])?;
        self.throttle.pass(read);
        Ok(read)
    }
}

/// A response body. Reading it obeys the rate limit and fails if the server is too slow.
pub(crate) struct ResponseBody {
    reader: ureq::BodyReader<'static>,
    throttle: Arc<Throttle>,
    pace: Pace,
    permit: Option<Permit>,
}

impl ResponseBody {
    pub(super) fn new(body: Body, throttle: Arc<Throttle>, stall: Duration) -> ResponseBody {
        ResponseBody { reader: body.into_reader(), throttle, pace: Pace::new(stall), permit: None }
    }

    /// Attaches a permit, which is released when the body is dropped.
    pub(crate) fn hold(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`HttpError::Unexpected`] if it is longer than `limit` bytes.
    pub(super) fn read_whole(&mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        let mut block = [0; 16 << 10];
        while bytes.len() as u64 <= limit {
            match self.read(&mut block) {
                Ok(0) => return Ok(bytes),
                Ok(read) => bytes.extend_from_slice(&block[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(HttpError::of_io(error)),
            }
        }
        Err(HttpError::Unexpected(format!("the body is longer than the limit of {limit} bytes")))
    }
}

impl Read for ResponseBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.throttle.piece(buffer.len());
        let started = Instant::now();
        let read = self.reader.read(&mut buffer[..length])?;
        if !self.pace.record(started, read) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.throttle.pass(read);
        Ok(read)
    }
}
