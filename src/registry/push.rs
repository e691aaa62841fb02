//! A repository of a registry: what is written to it (distribution-spec, "Pushing").

use std::io::{self, Read};

use url::Url;

use super::call::CallError;
use super::download::PROGRESS_BYTES;
use super::repository::{CONTENT_DIGEST, Repository};
use super::{Reference, RegistryError, RepositoryName};
use crate::http::{Answer, Call, HeaderName, Method, Payload, escaped, header, is_temporary};
use crate::oci::digest::BlobMismatch;
use crate::oci::{Descriptor, Digest, MediaType, VerifiedBlob};

/// How a registry says that it lists a manifest among the referrers of its subject.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// What became of a blob that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Sent,
}

/// What a registry said to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whether it lists the manifest among the referrers of its subject; otherwise the client must keep
    /// the tag of the referrers tag scheme.
    pub subject_noted: bool,
}

/// The bytes of one blob on their way out, hashed on the way.
pub trait Feed: Send {
    /// Continues from `offset`: 0 at first, and where a connection broke later.
    fn open(&mut self, offset: u64) -> io::Result<()>;

    /// Returns the next bytes; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether all that was read is the blob.
    ///
    /// # Errors
    /// [`BlobMismatch`] if not; then the upload is given up.
    fn prove(&mut self) -> Result<VerifiedBlob, BlobMismatch>;
}

/// A feed as a reader that remembers why it failed.
struct Sending<'a> {
    feed: &'a mut dyn Feed,
    failed: Option<io::Error>,
}

impl Read for Sending<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.feed.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

/// How an upload begins.
enum Begun {
    Mounted,
    At(Url),
}

/// How often a blob was attempted, and how far it came.
#[derive(Default)]
struct Attempts {
    tried: u32,
    /// The most that had arrived when the attempts were counted anew, in bytes, over all its uploads.
    furthest: u64,
}

impl Attempts {
    /// Progress makes all attempts available again; coming back to where it was does not.
    fn reach(&mut self, arrived: u64) {
        if arrived >= self.furthest.saturating_add(PROGRESS_BYTES) {
            (self.tried, self.furthest) = (0, arrived);
        }
    }
}

/// What became of one stream of bytes.
enum Sent {
    /// The registry has them all; the upload ends here.
    All(Url),
    /// Nobody knows how much arrived.
    Some,
    /// The registry asked for authentication anew, and took nothing.
    Refused,
    /// The registry does not know the upload any more.
    Nothing,
}

impl Repository {
    /// Pushes a blob that is not there yet: mounted from the repository `from` if the registry does that, otherwise
    /// streamed from `feed`. A connection that breaks is taken up again where it broke.
    ///
    /// # Errors
    /// [`RegistryError`]; an upload that failed is withdrawn, and nothing of it becomes visible.
    pub fn push_blob(
        &self,
        descriptor: &Descriptor,
        from: Option<&RepositoryName>,
        feed: &mut dyn Feed,
    ) -> Result<Pushed, RegistryError> {
        let _permit = self.endpoint().permit();
        let mut attempts = Attempts::default();
        loop {
            let session = match self.begin(&descriptor.digest, from)? {
                Begun::Mounted => return Ok(Pushed::Mounted),
                Begun::At(session) => session,
            };
            let mut last = session;
            match self.fill(&mut last, descriptor, feed, &mut attempts) {
                Ok(true) => match self.end(last.clone(), &descriptor.digest) {
                    Ok(true) => return Ok(Pushed::Sent),
                    Ok(false) => self.count(&mut attempts, || self.absent(&"the upload that it began"))?,
                    Err(error) => {
                        self.withdraw(last);
                        return Err(error);
                    }
                },
                // The session is lost: begin another one.
                Ok(false) => {}
                Err(error) => {
                    self.withdraw(last);
                    return Err(error);
                }
            }
        }
    }

    /// Begins an upload, or mounts the blob.
    fn begin(&self, digest: &Digest, from: Option<&RepositoryName>) -> Result<Begun, RegistryError> {
        if let Some(from) = from {
            let path = format!("blobs/uploads/?mount={digest}&from={from}");
            let mut call = self.call(Method::POST, &path);
            let asked = call.asked();
            let answer = self.registry.call(&mut call, &self.scope().and_pull(from));
            match answer {
                Ok(answer) if answer.status == 201 => {
                    answer.discard();
                    return Ok(Begun::Mounted);
                }
                Ok(answer) if answer.status == 202 => {
                    let session = self.endpoint().location(&answer, &asked)?;
                    answer.discard();
                    return Ok(Begun::At(session));
                }
                // A registry that cannot mount, or that does not let us read there, takes the bytes.
                Ok(answer) => answer.discard(),
                Err(RegistryError::Denied { .. } | RegistryError::Unauthorized { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut call = self.call(Method::POST, "blobs/uploads/");
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope())?;
        if answer.status != 202 {
            return Err(self.endpoint().refused(answer, &asked));
        }
        let session = self.endpoint().location(&answer, &asked)?;
        answer.discard();
        Ok(Begun::At(session))
    }

    /// Sends all bytes of the blob; false if the registry lost the upload on the way. `session` is where the upload
    /// goes on.
    fn fill(
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
                // What was there before is read too, so that all of it is proven.
                io::copy(&mut Sending { feed, failed: None }, &mut io::sink()).map_err(unreadable)?;
                Sent::All(session.clone())
            } else {
                self.send(session, at, descriptor.size, feed, attempts)?
            };
            match sent {
                Sent::All(next) => {
                    *session = next;
                    feed.prove().map_err(|mismatch| RegistryError::Unproven {
                        host: self.host().clone(),
                        mismatch,
                    })?;
                    return Ok(true);
                }
                Sent::Some => {
                    let Some(arrived) = self.arrived(session, descriptor.size)? else {
                        self.withdraw(session.clone());
                        return Ok(false);
                    };
                    attempts.reach(arrived);
                    at = arrived;
                }
                Sent::Refused => {}
                Sent::Nothing => return Ok(false),
            }
        }
    }

    /// Sends the bytes from `at` on.
    fn send(
        &self,
        session: &Url,
        at: u64,
        bytes: u64,
        feed: &mut dyn Feed,
        attempts: &mut Attempts,
    ) -> Result<Sent, RegistryError> {
        let mut sending = Sending { feed, failed: None };
        let mut call = Call::new(Method::PATCH, session.clone())
            .with(header::CONTENT_TYPE, "application/octet-stream")
            .with(header::CONTENT_RANGE, format!("{at}-{}", bytes - 1));
        call.payload = Payload::Stream(bytes - at, &mut sending);
        let asked = call.asked();
        let answer = self.registry.call_once(&mut call, &self.scope());
        let error = match answer {
            Ok(answer) if matches!(answer.status, 200 | 201 | 202 | 204) => {
                let next = self.endpoint().location(&answer, &asked)?;
                answer.discard();
                return Ok(Sent::All(next));
            }
            Ok(answer) if answer.status == 404 => {
                answer.discard();
                self.count(attempts, || {
                    self.endpoint().unexpected(&asked, "the upload is unknown again and again")
                })?;
                return Ok(Sent::Nothing);
            }
            // Bytes out of order, or a failing server.
            Ok(answer) if answer.status == 416 || is_temporary(answer.status) => {
                self.endpoint().refused(answer, &asked)
            }
            Ok(answer) => return Err(self.endpoint().refused(answer, &asked)),
            Err(_) if sending.failed.is_some() => {
                let source = sending.failed.take().expect("it is some");
                return Err(RegistryError::Feed { host: self.host().clone(), source });
            }
            Err(CallError::Registry(error)) => return Err(error),
            Err(CallError::Reauthenticated) => {
                let again = "it asks for authentication again and again";
                self.count(attempts, || self.endpoint().unexpected(&asked, again))?;
                return Ok(Sent::Refused);
            }
            Err(CallError::Http(error)) if self.endpoint().may_pass(&error) => {
                self.endpoint().failed(error, &asked)
            }
            Err(CallError::Http(error)) => return Err(self.endpoint().failed(error, &asked)),
        };
        self.count(attempts, || error)?;
        Ok(Sent::Some)
    }

    /// Counts an attempt and waits, or returns the error after the last one.
    fn count(
        &self,
        attempts: &mut Attempts,
        error: impl FnOnce() -> RegistryError,
    ) -> Result<(), RegistryError> {
        if attempts.tried >= self.endpoint().retries() {
            return Err(error());
        }
        self.endpoint().wait(attempts.tried, None)?;
        attempts.tried += 1;
        Ok(())
    }

    /// How many bytes of an upload have arrived, and where it goes on; `None` where the upload must begin anew.
    fn arrived(&self, session: &mut Url, bytes: u64) -> Result<Option<u64>, RegistryError> {
        let mut call = Call::new(Method::GET, session.clone());
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope())?;
        if !matches!(answer.status, 200 | 202 | 204) {
            answer.discard();
            return Ok(None);
        }
        if answer.header(header::LOCATION).is_some() {
            *session = self.endpoint().location(&answer, &asked)?;
        }
        let range =
            answer.header(header::RANGE).and_then(|range| range.trim_start_matches("bytes=").split_once('-'));
        // "0-0" is one byte or none: registries do not agree.
        let last = range.and_then(|(_, last)| last.trim().parse::<u64>().ok()).filter(|&last| last > 0);
        answer.discard();
        Ok(last.map(|last| last + 1).filter(|&arrived| arrived <= bytes))
    }

    /// Ends an upload: the blob becomes visible; false if the registry forgot the upload.
    fn end(&self, mut session: Url, digest: &Digest) -> Result<bool, RegistryError> {
        session.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut call = Call::new(Method::PUT, session);
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope());
        let error = match answer {
            Ok(answer) if matches!(answer.status, 200 | 201 | 204) => {
                if let Some(said) = answer.header(CONTENT_DIGEST)
                    && said.parse() != Ok(*digest)
                {
                    let problem = format!("it says that it stored {}", escaped(said));
                    return Err(self.endpoint().unexpected(&asked, problem));
                }
                answer.discard();
                return Ok(true);
            }
            Ok(answer) if answer.status == 404 => {
                answer.discard();
                return Ok(self.blob_size(digest)?.is_some());
            }
            Ok(answer) => self.endpoint().refused(answer, &asked),
            Err(error @ RegistryError::Interrupted) => return Err(error),
            Err(error) => error,
        };
        // The answer to an earlier attempt may have been lost on the way.
        match self.blob_size(digest) {
            Ok(Some(_)) => Ok(true),
            _ => Err(error),
        }
    }

    /// Cancels an upload. A failure to do so does not matter: registries clean up old uploads.
    fn withdraw(&self, session: Url) {
        if let Ok(answer) = self.registry.call_once(&mut Call::new(Method::DELETE, session), &self.scope()) {
            answer.discard();
        }
    }

    /// Stores a manifest or an index under a tag or its digest. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`RegistryError`]; registries refuse manifests whose parts they do not have.
    pub fn push_manifest(
        &self,
        bytes: &[u8],
        media_type: &MediaType,
        reference: &Reference,
    ) -> Result<Stored, RegistryError> {
        let mut call = self
            .call(Method::PUT, &format!("manifests/{reference}"))
            .with(header::CONTENT_TYPE, media_type.as_str());
        call.payload = Payload::Bytes(bytes);
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope())?;
        if !matches!(answer.status, 200..=202) {
            return Err(self.endpoint().refused(answer, &asked));
        }
        self.check_stored(&answer, bytes, &asked)?;
        let subject_noted = answer.headers.contains_key(SUBJECT);
        answer.discard();
        Ok(Stored { subject_noted })
    }

    /// A registry that stored something else must not go unnoticed.
    fn check_stored(&self, answer: &Answer, bytes: &[u8], asked: &str) -> Result<(), RegistryError> {
        let Some(said) = answer.header(CONTENT_DIGEST) else { return Ok(()) };
        match said.parse::<Digest>() {
            Ok(digest) if digest.same_algorithm(bytes) == digest => Ok(()),
            _ => Err(self.endpoint().unexpected(asked, format!("it says that it stored {}", escaped(said)))),
        }
    }
}
