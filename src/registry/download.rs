//! A blob on its way here, continued where its connection broke.

use std::io::{self, Read};

use super::RegistryError;
use super::call::CallError;
use crate::http::{Answer, AnswerBody, HttpError, header};

/// After so many bytes a connection that breaks counts as a new failure, and all attempts are available again.
pub(super) const PROGRESS_BYTES: u64 = 1 << 20;

/// Where the bytes of a blob are asked for.
pub(super) trait Origin: Send {
    /// Asks for the blob, of so many bytes, from `offset` on. Answers of any status; redirects were followed.
    fn ask(&mut self, offset: u64, bytes: u64) -> Result<Answer, RegistryError>;

    /// Waits after attempt number `attempt`, or returns the error if there is no further attempt.
    fn again(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError>;

    /// The error for an answer that refuses, or has a status that was not expected.
    fn refuse(&self, answer: Answer) -> RegistryError;

    /// The error for an answer that is not what it should be.
    fn unexpected(&self, problem: String) -> RegistryError;

    /// The error for another number of bytes than announced.
    fn size(&self, announced: u64, found: u64) -> RegistryError;
}

/// A blob on its way here. Nothing is asked before the first read; the bytes are for the reader to prove.
pub(super) struct Download<O> {
    origin: O,
    bytes: u64,
    at: u64,
    /// Whether it may be asked for from where we are; where that goes wrong, it is asked for anew.
    ranges: bool,
    body: Option<AnswerBody>,
    tried: u32,
    /// Where the connection broke last.
    broke_at: u64,
}

impl<O: Origin> Download<O> {
    /// A blob of this many bytes, from `offset` on.
    pub(super) fn new(origin: O, bytes: u64, offset: u64) -> Download<O> {
        Download { origin, bytes, at: offset, ranges: true, body: None, tried: 0, broke_at: offset }
    }

    /// The body from here on.
    fn body(&mut self) -> Result<AnswerBody, CallError> {
        let answer = self.origin.ask(if self.ranges { self.at } else { 0 }, self.bytes)?;
        if answer.content_type().as_deref() == Some("text/html") {
            let problem = "a page (text/html), expected a blob; a proxy may require a login".to_owned();
            return Err(self.origin.unexpected(problem).into());
        }
        let (skip, rest) = match answer.status {
            200 => (self.at, self.bytes),
            206 if self.at > 0 && self.begins_here(&answer) => (0, self.bytes - self.at),
            // Another range, or none for what we want.
            206 | 416 if self.at > 0 && self.ranges => {
                self.ranges = false;
                // Its permit goes back first: asking anew takes one.
                drop(answer);
                return self.body();
            }
            _ => return Err(self.origin.refuse(answer).into()),
        };
        if let Some(found) = answer.content_length()
            && found != rest
        {
            return Err(self.origin.size(self.bytes, (self.bytes - rest).saturating_add(found)).into());
        }
        let mut body = answer.body;
        // A registry that does not know ranges begins anew: what we have is read past, and proven with the rest.
        match io::copy(&mut body.by_ref().take(skip), &mut io::sink()) {
            Ok(skipped) if skipped == skip => Ok(body),
            Ok(skipped) => Err(CallError::Http(ended(skipped, self.bytes))),
            Err(error) => Err(CallError::Http(HttpError::of_io(error))),
        }
    }

    /// Whether a part of the blob begins where we are.
    fn begins_here(&self, answer: &Answer) -> bool {
        let range = answer.header(header::CONTENT_RANGE).unwrap_or_default();
        let begins = range.strip_prefix("bytes ").and_then(|range| range.split('-').next());
        begins.and_then(|begins| begins.parse().ok()) == Some(self.at)
    }

    fn broken(&mut self, error: HttpError) -> Result<(), RegistryError> {
        self.body = None;
        if self.at - self.broke_at >= PROGRESS_BYTES {
            self.tried = 0;
        }
        self.broke_at = self.at;
        self.origin.again(self.tried, error)?;
        self.tried += 1;
        Ok(())
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, RegistryError> {
        loop {
            let Some(body) = &mut self.body else {
                match self.body() {
                    Ok(body) => self.body = Some(body),
                    Err(CallError::Registry(error)) => return Err(error),
                    Err(CallError::Http(error)) => self.broken(error)?,
                    Err(CallError::Reauthenticated) => {
                        unreachable!("only streams that are sent are sent once")
                    }
                }
                continue;
            };
            let error = match body.read(buffer) {
                Ok(0) if self.at >= self.bytes => return Ok(0),
                Ok(0) => ended(self.at, self.bytes),
                Ok(read) => {
                    self.at += read as u64;
                    return match self.at {
                        at if at > self.bytes => Err(self.origin.size(self.bytes, at)),
                        _ => Ok(read),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => HttpError::of_io(error),
            };
            self.broken(error)?;
        }
    }
}

fn ended(at: u64, bytes: u64) -> HttpError {
    HttpError::Broken(format!("it ended after {at} of {bytes} bytes"))
}

impl<O: Origin> Read for Download<O> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(io::Error::other)
    }
}
