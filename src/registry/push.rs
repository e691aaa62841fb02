//! Pushing blobs to a repository (distribution-spec, "Pushing blobs").

use std::io::{self, Read};

use url::Url;

use super::call::CallError;
use super::download::PROGRESS_BYTES;
use super::repository::{CONTENT_DIGEST, Repository};
use super::{ErrorCode, RegistryError, RepositoryName};
use crate::http::{Call, Method, Payload, Response, bounded, header, is_temporary};
use crate::oci::digest::BlobMismatch;
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// How a blob was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The registry mounted it from another of its repositories.
    Mounted,
    /// The bytes were sent.
    Sent,
}

/// The bytes of a blob to upload, hashed while they are read.
pub trait Feed: Send {
    /// Continues reading at `offset`: first 0, later where a connection broke.
    fn open(&mut self, offset: u64) -> io::Result<()>;

    /// Returns the next bytes; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Verifies that the bytes read match the digest of the blob.
    ///
    /// # Errors
    /// [`BlobMismatch`] if they do not; the upload is then cancelled.
    fn prove(&mut self) -> Result<VerifiedBlob, BlobMismatch>;
}

/// Makes a feed a reader, and keeps the error if it fails.
struct FeedReader<'a> {
    feed: &'a mut dyn Feed,
    error: Option<io::Error>,
}

impl Read for FeedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.feed.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.error = Some(error);
            kind.into()
        })
    }
}

/// The result of starting an upload: the blob was mounted, or there is an upload session.
enum Start {
    Mounted,
    Session(Url),
}

/// The retries of an upload, and its progress.
#[derive(Default)]
struct Attempts {
    retried: u32,
    /// The number of bytes that the registry had when the retries were last reset, over all sessions of the blob.
    furthest: u64,
    /// Whether all bytes were sent anew because the registry found them invalid.
    afresh: bool,
}

impl Attempts {
    /// Resets the retries after progress, and returns whether there was any. Bytes that were already sent in an earlier
    /// session are no progress.
    fn note_progress(&mut self, received: u64) -> bool {
        let progressed = received >= self.furthest.saturating_add(PROGRESS_BYTES);
        if progressed {
            (self.retried, self.furthest) = (0, received);
        }
        progressed
    }
}

/// The result of sending one stream of bytes.
enum Sent {
    /// The registry received all bytes. Finish the upload at this URL.
    All(Url),
    /// The registry confirmed only this number of bytes of the blob. Go on at this URL.
    Part(Url, u64),
    /// It is unknown how many bytes the registry received.
    Unknown,
    /// The registry requested authentication again and received nothing.
    Reauthenticated,
    /// The registry lost the upload session.
    SessionLost,
}

impl Repository {
    /// Pushes a blob that the repository lacks. Mounts it from the repository `from` if the registry can, otherwise
    /// streams it from `feed`. After a broken connection, the upload resumes where it stopped. At the end, a byte of the
    /// blob is read back.
    ///
    /// # Errors
    /// [`RegistryError`], also if the registry confirms the blob and does not have it. A failed upload is cancelled, and none of it becomes visible.
    pub fn push_blob(
        &self,
        descriptor: &Descriptor,
        from: Option<&RepositoryName>,
        feed: &mut dyn Feed,
    ) -> Result<Pushed, RegistryError> {
        let _permit = self.endpoint().permit();
        let mut attempts = Attempts::default();
        let mut from = from;
        loop {
            let session = match self.start(&descriptor.digest, from)? {
                Start::Mounted if self.serves_blob(descriptor)? => return Ok(Pushed::Mounted),
                // The mount was confirmed, but did nothing.
                Start::Mounted => {
                    from = None;
                    continue;
                }
                Start::Session(session) => session,
            };
            let mut last = session;
            match self.send_all(&mut last, descriptor, feed, &mut attempts) {
                Ok(true) => match self.finish(last.clone(), descriptor) {
                    Ok(true) => {
                        self.await_blob(descriptor)?;
                        return Ok(Pushed::Sent);
                    }
                    Ok(false) => self.retry(&mut attempts, || self.absent(&"the upload session"))?,
                    // The bytes that were sent have the digest, so the registry mixed something up.
                    Err(error) if is_invalid_upload(&error) && !attempts.afresh => {
                        attempts.afresh = true;
                        self.cancel(last);
                    }
                    Err(error) => {
                        self.cancel(last);
                        return Err(error);
                    }
                },
                // The session is lost: start another one.
                Ok(false) => {}
                Err(error) => {
                    self.cancel(last);
                    return Err(error);
                }
            }
        }
    }

    /// Mounts a blob from another repository. Returns false if the registry does not: nothing is sent then.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn mount_blob(&self, descriptor: &Descriptor, from: &RepositoryName) -> Result<bool, RegistryError> {
        let _permit = self.endpoint().permit();
        match self.start(&descriptor.digest, Some(from))? {
            Start::Mounted => self.serves_blob(descriptor),
            Start::Session(session) => {
                self.cancel(session);
                Ok(false)
            }
        }
    }

    /// Opens an upload and cancels it, to find out whether blobs may be pushed.
    ///
    /// # Errors
    /// [`RegistryError`] if the registry refuses it.
    pub fn try_push(&self) -> Result<(), RegistryError> {
        match self.start(&Digest::sha256(b""), None)? {
            Start::Session(session) => self.cancel(session),
            Start::Mounted => {}
        }
        Ok(())
    }

    /// Mounts the blob or starts an upload.
    fn start(&self, digest: &Digest, from: Option<&RepositoryName>) -> Result<Start, RegistryError> {
        if let Some(from) = from {
            let path = format!("blobs/uploads/?mount={digest}&from={from}");
            let mut call = self.call(Method::POST, &path);
            let request = call.describe();
            let response = self.registry.call(&mut call, &self.scope().and_pull(from));
            match response {
                Ok(response) if response.status == 201 => {
                    response.discard();
                    return Ok(Start::Mounted);
                }
                Ok(response) if response.status == 202 => {
                    let session = self.endpoint().location(&response, &request)?;
                    response.discard();
                    return Ok(Start::Session(session));
                }
                // If the registry cannot mount or denies access to the other repository, send the bytes.
                Ok(response) => response.discard(),
                Err(
                    RegistryError::Denied { .. }
                    | RegistryError::Unauthorized { .. }
                    | RegistryError::Failed { .. },
                ) => {}
                Err(error) => return Err(error),
            }
        }
        let mut call = self.call(Method::POST, "blobs/uploads/");
        let request = call.describe();
        let response = self.registry.call(&mut call, &self.scope())?;
        if response.status != 202 {
            return Err(self.endpoint().refused(response, &request));
        }
        let session = self.endpoint().location(&response, &request)?;
        response.discard();
        Ok(Start::Session(session))
    }

    /// Sends all bytes of the blob. Returns false if the registry lost the upload session. Updates `session` to the URL
    /// where the upload continues.
    fn send_all(
        &self,
        session: &mut Url,
        descriptor: &Descriptor,
        feed: &mut dyn Feed,
        attempts: &mut Attempts,
    ) -> Result<bool, RegistryError> {
        let mut at = 0;
        loop {
            let unreadable = |source| RegistryError::Feed { host: self.host().clone(), source };
            feed.open(at).map_err(unreadable)?;
            let sent = if at == descriptor.size {
                // Also read the bytes that the registry already has, so that the whole blob is verified.
                io::copy(&mut FeedReader { feed, error: None }, &mut io::sink()).map_err(unreadable)?;
                Sent::All(session.clone())
            } else {
                self.send(session, at, descriptor.size, feed, attempts)?
            };
            match sent {
                Sent::All(next) => {
                    *session = next;
                    feed.prove().map_err(|mismatch| RegistryError::UploadMismatch {
                        host: self.host().clone(),
                        mismatch,
                    })?;
                    return Ok(true);
                }
                Sent::Part(next, received) => {
                    *session = next;
                    if !attempts.note_progress(received) {
                        let problem = format!("only {received} of {} bytes were received", descriptor.size);
                        let request = Call::new(Method::PATCH, session.clone()).describe();
                        self.retry(attempts, || self.endpoint().unexpected(&request, problem))?;
                    }
                    at = received;
                }
                Sent::Unknown => {
                    let Some(received) = self.received(session, descriptor.size)? else {
                        self.cancel(session.clone());
                        return Ok(false);
                    };
                    attempts.note_progress(received);
                    at = received;
                }
                Sent::Reauthenticated => {}
                Sent::SessionLost => return Ok(false),
            }
        }
    }

    /// Sends the bytes from offset `at` on.
    fn send(
        &self,
        session: &Url,
        at: u64,
        bytes: u64,
        feed: &mut dyn Feed,
        attempts: &mut Attempts,
    ) -> Result<Sent, RegistryError> {
        let mut reader = FeedReader { feed, error: None };
        let mut call = Call::new(Method::PATCH, session.clone())
            .with(header::CONTENT_TYPE, "application/octet-stream")
            .with(header::CONTENT_RANGE, format!("{at}-{}", bytes - 1));
        call.payload = Payload::Stream(bytes - at, &mut reader);
        let request = call.describe();
        let response = self.registry.call_once(&mut call, &self.scope());
        let error = match response {
            Ok(response) if matches!(response.status, 200 | 201 | 202 | 204) => {
                let next = self.endpoint().location(&response, &request)?;
                let received = received_bytes(&response).filter(|&received| received < bytes);
                response.discard();
                // If all bytes had to be sent anew, the registry may count wrongly.
                return Ok(match received {
                    Some(received) if !attempts.afresh => Sent::Part(next, received),
                    _ => Sent::All(next),
                });
            }
            Ok(response) if response.status == 404 => {
                response.discard();
                self.retry(attempts, || {
                    self.endpoint().unexpected(&request, "the upload session was lost again")
                })?;
                return Ok(Sent::SessionLost);
            }
            // The offset is wrong, or the server failed.
            Ok(response) if response.status == 416 || is_temporary(response.status) => {
                self.endpoint().refused(response, &request)
            }
            Ok(response) => return Err(self.endpoint().refused(response, &request)),
            Err(_) if reader.error.is_some() => {
                let source = reader.error.take().expect("checked above");
                return Err(RegistryError::Feed { host: self.host().clone(), source });
            }
            Err(CallError::Registry(error)) => return Err(error),
            Err(CallError::Reauthenticated) => {
                let problem = "authentication was requested again";
                self.retry(attempts, || self.endpoint().unexpected(&request, problem))?;
                return Ok(Sent::Reauthenticated);
            }
            Err(CallError::Http(error)) if self.endpoint().is_retryable(&error) => {
                self.endpoint().failed(error, &request)
            }
            Err(CallError::Http(error)) => return Err(self.endpoint().failed(error, &request)),
        };
        self.retry(attempts, || error)?;
        Ok(Sent::Unknown)
    }

    /// Waits for the next retry, or returns the error if there are none left.
    fn retry(
        &self,
        attempts: &mut Attempts,
        error: impl FnOnce() -> RegistryError,
    ) -> Result<(), RegistryError> {
        if attempts.retried >= self.endpoint().retries() {
            return Err(error());
        }
        self.endpoint().wait(attempts.retried, None)?;
        attempts.retried += 1;
        Ok(())
    }

    /// Asks how many bytes of an upload the registry has received, and updates the URL of the session; `None` if the
    /// upload must start again.
    fn received(&self, session: &mut Url, bytes: u64) -> Result<Option<u64>, RegistryError> {
        let mut call = Call::new(Method::GET, session.clone());
        let request = call.describe();
        let response = self.registry.call(&mut call, &self.scope())?;
        if !matches!(response.status, 200 | 202 | 204) {
            response.discard();
            return Ok(None);
        }
        if response.header(header::LOCATION).is_some() {
            *session = self.endpoint().location(&response, &request)?;
        }
        let received = received_bytes(&response);
        response.discard();
        Ok(received.filter(|&received| received <= bytes))
    }

    /// Finishes an upload, which makes the blob visible. Returns false if the registry lost the session.
    fn finish(&self, mut session: Url, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let digest = &descriptor.digest;
        session.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut call = Call::new(Method::PUT, session);
        let request = call.describe();
        let response = self.registry.call(&mut call, &self.scope());
        let error = match response {
            Ok(response) if matches!(response.status, 200 | 201 | 204) => {
                if let Some(reported) = response.header(CONTENT_DIGEST)
                    && reported.parse() != Ok(*digest)
                {
                    let problem = format!("{CONTENT_DIGEST} is {}, expected {digest}", bounded(reported));
                    return Err(self.endpoint().unexpected(&request, problem));
                }
                response.discard();
                return Ok(true);
            }
            Ok(response) if response.status == 404 => {
                response.discard();
                return self.has_blob(descriptor);
            }
            Ok(response) => self.endpoint().refused(response, &request),
            Err(error @ RegistryError::Interrupted) => return Err(error),
            Err(error) => error,
        };
        // An earlier attempt may have succeeded although its response was lost.
        match self.has_blob(descriptor) {
            Ok(true) => Ok(true),
            _ => Err(error),
        }
    }

    /// Cancels an upload. Errors are ignored, because registries clean up old uploads.
    fn cancel(&self, session: Url) {
        if let Ok(response) = self.registry.call_once(&mut Call::new(Method::DELETE, session), &self.scope())
        {
            response.discard();
        }
    }
}

/// The number of bytes of an upload that the registry has received, from the `Range` header; `None` if it is missing or
/// "0-0", which means one byte in some registries and none in others.
fn received_bytes(response: &Response) -> Option<u64> {
    let range = response.header(header::RANGE)?.trim_start_matches("bytes=");
    let (_, last) = range.split_once('-')?;
    let last = last.trim().parse::<u64>().ok().filter(|&last| last > 0)?;
    last.checked_add(1)
}

/// Returns whether the registry says that the bytes of an upload are wrong.
fn is_invalid_upload(error: &RegistryError) -> bool {
    let codes = [ErrorCode::DigestInvalid, ErrorCode::SizeInvalid, ErrorCode::BlobUploadInvalid];
    match error {
        RegistryError::Failed { problem, .. } => codes.iter().any(|&code| problem.has(code)),
        _ => false,
    }
}
