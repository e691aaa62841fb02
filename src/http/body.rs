//! Bodies on their way in and out: throttled, bounded, and held to a pace.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::Body;

use super::HttpError;
use super::pace::Pace;
use super::permits::Permit;
use super::throttle::Throttle;

/// Bytes on their way out, no faster than the throttle lets them, until a signal comes.
pub(super) struct Outgoing<'a, R> {
    pub(super) reader: R,
    pub(super) throttle: &'a Throttle,
    pub(super) stop: &'a AtomicBool,
}

impl<R: Read> Read for Outgoing<'_, R> {
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

/// The body of an answer: throttled, and held to a pace.
pub(crate) struct AnswerBody {
    reader: ureq::BodyReader<'static>,
    throttle: Arc<Throttle>,
    pace: Pace,
    permit: Option<Permit>,
}

impl AnswerBody {
    pub(super) fn new(body: Body, throttle: Arc<Throttle>, stall: Duration) -> AnswerBody {
        AnswerBody { reader: body.into_reader(), throttle, pace: Pace::new(stall), permit: None }
    }

    /// Counts as a transfer until it is dropped.
    pub(crate) fn hold(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// All of it.
    ///
    /// # Errors
    /// [`HttpError::Unexpected`] for more than `limit` bytes.
    pub(super) fn bytes(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
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
        Err(HttpError::Unexpected(format!("it is longer than {limit} bytes")))
    }
}

impl Read for AnswerBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.throttle.piece(buffer.len());
        let begun = Instant::now();
        let read = self.reader.read(&mut buffer[..length])?;
        if !self.pace.keeps(begun, read) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.throttle.pass(read);
        Ok(read)
    }
}
