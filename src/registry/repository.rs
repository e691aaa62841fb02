//! A repository of a registry: what is read from it.

use std::io::Read;
use std::sync::Arc;

use super::auth::Scope;
use super::client::Registry;
use super::download::{Download, Origin};
use super::endpoint::Endpoint;
use super::listing;
use super::{Host, Reference, RegistryError, RepositoryName, Tag};
use crate::http::{Answer, Call, HeaderName, HttpError, Method, escaped, header};
use crate::oci::digest::BlobMismatch;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, MediaType};

/// What a registry says that the digest of an answer is.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The types of manifests that we accept: all that registries store.
const DOCUMENTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";

/// What is done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Pull,
    /// It is written, too.
    Push,
}

/// A repository. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    pub(super) registry: Arc<Registry>,
    pub(super) name: RepositoryName,
    access: Access,
}

impl Registry {
    /// One of its repositories, whether it exists or not.
    pub fn repository(self: &Arc<Self>, name: &RepositoryName, access: Access) -> Repository {
        Repository { registry: Arc::clone(self), name: name.clone(), access }
    }
}

impl Repository {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.registry.endpoint
    }

    /// The host of its registry.
    pub fn host(&self) -> &Host {
        self.registry.host()
    }

    /// The name without the host.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    pub(super) fn scope(&self) -> Scope {
        match self.access {
            Access::Pull => Scope::pull(&self.name),
            Access::Push => Scope::push(&self.name),
        }
    }

    pub(super) fn call<'a>(&self, method: Method, path: &str) -> Call<'a> {
        Call::new(method, self.endpoint().url(&format!("{}/{path}", self.name)))
    }

    /// The error for something that is not there.
    pub fn absent(&self, what: &impl ToString) -> RegistryError {
        RegistryError::Absent {
            host: self.host().clone(),
            repository: self.name.clone(),
            what: what.to_string(),
        }
    }

    /// The error for something that is listed among what refers to `subject` and does not.
    pub fn no_referrer(&self, digest: &Digest, subject: &Digest) -> RegistryError {
        let asked = self.call(Method::GET, &format!("referrers/{subject}")).asked();
        self.endpoint()
            .unexpected(&asked, format!("{digest} is listed as a referrer, and does not refer to it"))
    }

    /// All its tags; `None` if the registry does not know it.
    ///
    /// # Errors
    /// [`RegistryError`]; a list that does not end is one.
    pub fn tags(&self) -> Result<Option<Vec<Tag>>, RegistryError> {
        listing::tags(&self.registry, &self.name, &self.scope())
    }

    /// What a tag or a digest points at, without its bytes; `None` if there is nothing.
    pub fn resolve(&self, reference: &Reference) -> Result<Option<Descriptor>, RegistryError> {
        let mut call =
            self.call(Method::HEAD, &format!("manifests/{reference}")).with(header::ACCEPT, DOCUMENTS);
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope())?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            // Registries that do not support HEAD say so in several ways.
            _ => return Ok(self.manifest(reference)?.map(|(descriptor, _)| descriptor)),
        }
        let digest = answer.header(CONTENT_DIGEST).and_then(|digest| digest.parse::<Digest>().ok());
        let known = (digest, answer.content_length(), self.document_type(&answer, &asked));
        let (Some(digest), Some(size), Ok(Some(media_type))) = known else {
            return Ok(self.manifest(reference)?.map(|(descriptor, _)| descriptor));
        };
        if let Reference::Digest(wanted) = reference
            && *wanted != digest
        {
            return Err(self.endpoint().unexpected(&asked, format!("it says that the digest is {digest}")));
        }
        Ok(Some(Descriptor::new(media_type, digest, size)))
    }

    /// The manifest or index of a tag or a digest, and its descriptor; `None` if there is none. The bytes have the
    /// descriptor's digest.
    ///
    /// # Errors
    /// [`RegistryError`]: one that is too large, of another type, or of another digest is refused.
    pub fn manifest(&self, reference: &Reference) -> Result<Option<(Descriptor, Vec<u8>)>, RegistryError> {
        let mut call =
            self.call(Method::GET, &format!("manifests/{reference}")).with(header::ACCEPT, DOCUMENTS);
        let asked = call.asked();
        let mut tried = 0;
        loop {
            let answer = self.registry.call(&mut call, &self.scope())?;
            match answer.status {
                200 => {}
                404 => {
                    answer.discard();
                    return Ok(None);
                }
                _ => return Err(self.endpoint().refused(answer, &asked)),
            }
            let announced = answer.content_length();
            let said = answer.header(CONTENT_DIGEST).map(str::to_owned);
            let media_type = self.document_type(&answer, &asked)?;
            let bytes = match answer.bytes(DOCUMENT_BYTES_MAX) {
                Ok(bytes) if announced.is_none_or(|announced| announced == bytes.len() as u64) => bytes,
                Ok(bytes) => {
                    let problem =
                        format!("{} bytes, {} were announced", bytes.len(), announced.unwrap_or_default());
                    return Err(self.endpoint().unexpected(&asked, problem));
                }
                Err(error) if tried < self.endpoint().retries() && self.endpoint().may_pass(&error) => {
                    self.endpoint().wait(tried, None)?;
                    tried += 1;
                    continue;
                }
                Err(error) => return Err(self.endpoint().failed(error, &asked)),
            };
            let digest = self.digest_of(&bytes, reference, said.as_deref(), &asked)?;
            let media_type = match media_type {
                Some(media_type) => media_type,
                None => self.inner_type(&bytes, &asked)?,
            };
            return Ok(Some((Descriptor::new(media_type, digest, bytes.len() as u64), bytes)));
        }
    }

    /// The bytes of the manifest or index that a descriptor points at; `None` if it is not there.
    ///
    /// # Errors
    /// [`RegistryError`]: bytes of another type, size or digest than the descriptor says are refused.
    pub fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, RegistryError> {
        let reference = Reference::Digest(descriptor.digest);
        let Some((found, bytes)) = self.manifest(&reference)? else { return Ok(None) };
        if found.size != descriptor.size {
            return Err(self.other_size(descriptor.digest, descriptor.size, found.size));
        }
        if found.media_type != descriptor.media_type {
            let asked = self.call(Method::GET, &format!("manifests/{reference}")).asked();
            let problem =
                format!("it is sent as {}, its descriptor says {}", found.media_type, descriptor.media_type);
            return Err(self.endpoint().unexpected(&asked, problem));
        }
        Ok(Some(bytes))
    }

    fn other_size(&self, digest: Digest, announced: u64, found: u64) -> RegistryError {
        let (host, repository) = (self.host().clone(), self.name.clone());
        RegistryError::Size { host, repository, digest, announced, found }
    }

    /// The digest of a manifest, held against the reference and against what the registry says.
    fn digest_of(
        &self,
        bytes: &[u8],
        reference: &Reference,
        said: Option<&str>,
        asked: &str,
    ) -> Result<Digest, RegistryError> {
        let said = match said.map(str::parse::<Digest>) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            Some(Err(error)) => return Err(self.endpoint().unexpected(asked, error.to_string())),
        };
        let expected = match (reference, said) {
            (Reference::Digest(digest), Some(said)) if *digest != said => {
                return Err(self.endpoint().unexpected(asked, format!("it says that the digest is {said}")));
            }
            (Reference::Digest(digest), _) => *digest,
            (Reference::Tag(_), Some(said)) => said,
            (Reference::Tag(_), None) => return Ok(Digest::sha256(bytes)),
        };
        let found = expected.same_algorithm(bytes);
        if found == expected {
            return Ok(found);
        }
        if let Reference::Tag(_) = reference {
            let problem = format!("it says that the digest is {expected}, the bytes have {found}");
            return Err(self.endpoint().unexpected(asked, problem));
        }
        let size = bytes.len() as u64;
        Err(self.mismatch(BlobMismatch { expected, expected_bytes: size, found, found_bytes: size }))
    }

    /// The type of a document, from its header; `None` where there is none.
    fn document_type(&self, answer: &Answer, asked: &str) -> Result<Option<MediaType>, RegistryError> {
        let Some(text) = answer.content_type() else { return Ok(None) };
        match text.parse::<MediaType>() {
            Ok(media_type) if media_type.role() != Role::Blob => Ok(Some(media_type)),
            _ => {
                let problem =
                    format!("its Content-Type is {}, expected a manifest or an index", escaped(&text));
                Err(self.endpoint().unexpected(asked, problem))
            }
        }
    }

    /// The type that a document states itself.
    fn inner_type(&self, bytes: &[u8], asked: &str) -> Result<MediaType, RegistryError> {
        let json: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
        let text = json.as_ref().and_then(|json| json["mediaType"].as_str());
        let media_type = text.and_then(|text| text.parse::<MediaType>().ok());
        media_type
            .filter(|media_type| media_type.role() != Role::Blob)
            .ok_or_else(|| self.endpoint().unexpected(asked, "no Content-Type, and no mediaType inside"))
    }

    pub(super) fn mismatch(&self, mismatch: BlobMismatch) -> RegistryError {
        RegistryError::Mismatch { host: self.host().clone(), repository: self.name.clone(), mismatch }
    }

    /// The size in bytes of a blob that is there; `None` if it is not. Nothing of it is read.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        let mut call = self.call(Method::HEAD, &format!("blobs/{digest}"));
        let asked = call.asked();
        let answer = self.registry.call(&mut call, &self.scope())?;
        match answer.status {
            200 => answer
                .content_length()
                .map(Some)
                .ok_or_else(|| self.endpoint().unexpected(&asked, "no Content-Length")),
            404 => Ok(None),
            _ => Err(self.endpoint().refused(answer, &asked)),
        }
    }

    /// A blob from `offset` on. Nothing is asked before the first read; a connection that breaks is taken up again
    /// where it broke. The bytes are not proven: the reader hashes them. Errors of the reader are
    /// [`RegistryError`]s inside [`std::io::Error`].
    pub fn blob(&self, descriptor: &Descriptor, offset: u64) -> Box<dyn Read + Send> {
        let origin = BlobOrigin { repository: self.clone(), digest: descriptor.digest };
        Box::new(Download::new(origin, descriptor.size, offset))
    }

    /// What refers to a manifest, as the referrers API has it; `None` where the registry has none.
    pub fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        if self.registry.lacks_referrers(&self.name) {
            return Ok(None);
        }
        let url = self.endpoint().url(&format!("{}/referrers/{subject}", self.name));
        let found = listing::referrers(&self.registry, url, &self.scope())?;
        if found.is_none() {
            self.registry.note_lack_of_referrers(&self.name);
        }
        Ok(found)
    }
}

/// Where the bytes of a blob are asked for: the registry, and wherever that sends us.
struct BlobOrigin {
    repository: Repository,
    digest: Digest,
}

impl BlobOrigin {
    fn asked(&self) -> String {
        self.repository.call(Method::GET, &format!("blobs/{}", self.digest)).asked()
    }
}

impl Origin for BlobOrigin {
    fn ask(&mut self, offset: u64, bytes: u64) -> Result<Answer, RegistryError> {
        let Repository { registry, .. } = &self.repository;
        let mut call = self.repository.call(Method::GET, &format!("blobs/{}", self.digest));
        call.answer_bytes = bytes;
        if offset > 0 {
            call = call.with(header::RANGE, format!("bytes={offset}-"));
        }
        let permit = self.repository.endpoint().permit();
        let mut answer = registry.call(&mut call, &self.repository.scope())?;
        answer.body.hold(permit);
        Ok(answer)
    }

    fn again(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError> {
        let endpoint = self.repository.endpoint();
        if attempt < endpoint.retries() && endpoint.may_pass(&error) {
            endpoint.wait(attempt, None)
        } else {
            Err(endpoint.failed(error, &self.asked()))
        }
    }

    fn refuse(&self, answer: Answer) -> RegistryError {
        match answer.status {
            404 => self.repository.absent(&self.digest),
            _ => self.repository.endpoint().refused(answer, &self.asked()),
        }
    }

    fn unexpected(&self, problem: String) -> RegistryError {
        self.repository.endpoint().unexpected(&self.asked(), problem)
    }

    fn size(&self, announced: u64, found: u64) -> RegistryError {
        self.repository.other_size(self.digest, announced, found)
    }
}
