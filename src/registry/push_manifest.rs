//! Pushing manifests and indexes to a repository (distribution-spec, "Pushing Manifests").

use super::repository::{CONTENT_DIGEST, Repository, State};
use super::{Reference, RegistryError, Tag};
use crate::http::{HeaderName, Method, Payload, Response, bounded, header};
use crate::oci::{Digest, MediaType};

/// The header of a registry that added a manifest to the referrers of its subject.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// The response of a registry to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whether the registry added the manifest to the referrers of its subject. Otherwise the client must maintain
    /// the tag of the referrers tag scheme.
    pub subject_noted: bool,
}

/// What a tag must be like when it is replaced, as far as the registry checks it (RFC 9110, section 13.1).
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// It does not exist.
    Absent,
    /// It is in the state in which it was read.
    State(&'a State),
    /// Anything.
    Anything,
}

impl Repository {
    /// Pushes a manifest or an index by tag or digest. Repeating it changes nothing. If the push fails, but the registry
    /// shows exactly these bytes there, it is done: an earlier attempt succeeded although its response was lost.
    ///
    /// # Errors
    /// [`RegistryError`]. Registries refuse manifests if they lack something that the manifest references.
    pub fn push_manifest(
        &self,
        bytes: &[u8],
        media_type: &MediaType,
        reference: &Reference,
    ) -> Result<Stored, RegistryError> {
        let stored = self.put_manifest(bytes, media_type, reference, Expect::Anything)?;
        Ok(stored.expect("nothing was expected"))
    }

    /// Pushes a manifest or an index by tag if the tag is as expected. Returns false if the registry says that it is
    /// not. Most registries do not check that.
    ///
    /// # Errors
    /// As [`Repository::push_manifest`].
    pub fn replace_manifest(
        &self,
        bytes: &[u8],
        media_type: &MediaType,
        tag: &Tag,
        expect: Expect<'_>,
    ) -> Result<bool, RegistryError> {
        let reference = Reference::Tag(tag.clone());
        Ok(self.put_manifest(bytes, media_type, &reference, expect)?.is_some())
    }

    /// Pushes a manifest; `None` if the tag is not as expected.
    fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &MediaType,
        reference: &Reference,
        expect: Expect<'_>,
    ) -> Result<Option<Stored>, RegistryError> {
        let mut call = self
            .call(Method::PUT, &format!("manifests/{reference}"))
            .with(header::CONTENT_TYPE, media_type.as_str());
        let condition = match expect {
            Expect::Absent => Some((header::IF_NONE_MATCH, "*")),
            Expect::State(state) => state.strong().map(|tag| (header::IF_MATCH, tag)),
            Expect::Anything => None,
        };
        let is_conditional = condition.is_some();
        if let Some((name, value)) = condition {
            call = call.with(name, value);
        }
        call.payload = Payload::Bytes(bytes);
        let request = call.describe();
        let error = match self.registry.call(&mut call, &self.scope()) {
            Ok(response) if matches!(response.status, 200..=202) => {
                self.check_stored(&response, bytes, &request)?;
                let subject_noted = response.headers.contains_key(SUBJECT);
                response.discard();
                return Ok(Some(Stored { subject_noted }));
            }
            Ok(response) if response.status == 412 && is_conditional => {
                response.discard();
                return Ok(None);
            }
            Ok(response) => self.endpoint().refused(response, &request),
            Err(error @ RegistryError::Interrupted) => return Err(error),
            Err(error) => error,
        };
        match self.has_manifest(reference, bytes) {
            Ok(true) => Ok(Some(Stored { subject_noted: false })),
            Err(error @ RegistryError::Interrupted) => Err(error),
            _ => Err(error),
        }
    }

    /// Checks that the registry stored these bytes, if it reports a digest.
    fn check_stored(&self, response: &Response, bytes: &[u8], request: &str) -> Result<(), RegistryError> {
        let Some(reported) = response.header(CONTENT_DIGEST) else { return Ok(()) };
        match reported.parse::<Digest>() {
            Ok(digest) if digest.same_algorithm(bytes) == digest => Ok(()),
            Ok(digest) => {
                let expected = digest.same_algorithm(bytes);
                let problem = format!("{CONTENT_DIGEST} is {digest}, expected {expected}");
                Err(self.endpoint().unexpected(request, problem))
            }
            Err(_) => {
                let problem = format!("invalid {CONTENT_DIGEST}: {}", bounded(reported));
                Err(self.endpoint().unexpected(request, problem))
            }
        }
    }
}
