//! Reading from a repository: tags, manifests, blobs and referrers.

use std::io::Read;
use std::sync::Arc;

use super::auth::Scope;
use super::client::Registry;
use super::download::{Download, Origin};
use super::endpoint::Endpoint;
use super::listing::{self, Listed};
use super::{Host, Reference, RegistryError, RepositoryName, Tag};
use crate::http::{Call, HeaderName, HttpError, Method, Response, bounded, header, is_redirect};
use crate::oci::digest::BlobMismatch;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, MediaType};

/// The header in which a registry reports the digest of the content.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The `Accept` header for manifests: all types that registries store.
const DOCUMENTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";

/// The access to a repository that a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read access.
    Pull,
    /// Read and write access.
    Push,
}

/// The state of a tag when it was read: its entity tag (RFC 9110, section 8.8.3), if the registry sends one.
#[derive(Clone, Debug)]
pub struct State(Option<String>);

impl State {
    /// The entity tag, if it can be compared byte by byte. A weak one cannot.
    pub(super) fn strong(&self) -> Option<&str> {
        self.0.as_deref().filter(|tag| tag.starts_with('"'))
    }
}

/// A repository of a registry. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    pub(super) registry: Arc<Registry>,
    pub(super) name: RepositoryName,
    access: Access,
}

impl Registry {
    /// A repository of the registry. It need not exist.
    #[doc(hidden)]
    pub fn repository(self: &Arc<Self>, name: &RepositoryName, access: Access) -> Repository {
        Repository { registry: Arc::clone(self), name: name.clone(), access }
    }
}

impl Repository {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.registry.endpoint
    }

    /// The host of the registry.
    pub fn host(&self) -> &Host {
        self.registry.host()
    }

    /// The name of the repository, without the host.
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

    /// The error for something that the repository lacks.
    pub fn absent(&self, what: &impl ToString) -> RegistryError {
        RegistryError::Absent {
            host: self.host().clone(),
            repository: self.name.clone(),
            what: what.to_string(),
        }
    }

    /// The error for a manifest that is listed as a referrer of `subject` but does not reference it.
    pub fn no_referrer(&self, digest: &Digest, subject: &Digest) -> RegistryError {
        let request = self.call(Method::GET, &format!("referrers/{subject}")).describe();
        self.endpoint().unexpected(
            &request,
            format!("{digest} is listed as a referrer, but does not reference {subject}"),
        )
    }

    /// Lists the tags of the repository; `None` if it does not exist.
    ///
    /// # Errors
    /// [`RegistryError`], also if the list is too long.
    pub fn tags(&self) -> Result<Option<Vec<Tag>>, RegistryError> {
        listing::tags(&self.registry, &self.name, &self.scope())
    }

    /// The descriptor of the manifest with a tag or digest, without reading it; `None` if there is none.
    pub fn resolve(&self, reference: &Reference) -> Result<Option<Descriptor>, RegistryError> {
        let mut call =
            self.call(Method::HEAD, &format!("manifests/{reference}")).with(header::ACCEPT, DOCUMENTS);
        let request = call.describe();
        let response = self.registry.call(&mut call, &self.scope())?;
        match response.status {
            200 => {}
            404 => return Ok(None),
            // Registries without HEAD respond with various statuses. Use GET instead.
            _ => return Ok(self.manifest(reference)?.map(|(descriptor, _)| descriptor)),
        }
        let digest = response.header(CONTENT_DIGEST).and_then(|digest| digest.parse::<Digest>().ok());
        let known = (digest, response.content_length(), self.document_type(&response, &request));
        let (Some(digest), Some(size), Ok(Some(media_type))) = known else {
            return Ok(self.manifest(reference)?.map(|(descriptor, _)| descriptor));
        };
        if let Reference::Digest(wanted) = reference
            && *wanted != digest
        {
            return Err(self
                .endpoint()
                .unexpected(&request, format!("{CONTENT_DIGEST} is {digest}, expected {wanted}")));
        }
        Ok(Some(Descriptor::new(media_type, digest, size)))
    }

    /// Reads the manifest or index with a tag or digest, and returns it with its descriptor; `None` if there is none.
    /// The digest is verified.
    ///
    /// # Errors
    /// [`RegistryError`], also if it is too large, or has a wrong type or digest.
    pub fn manifest(&self, reference: &Reference) -> Result<Option<(Descriptor, Vec<u8>)>, RegistryError> {
        Ok(self.manifest_in_state(reference)?.map(|(descriptor, bytes, _)| (descriptor, bytes)))
    }

    /// The same, with the state that it was found in.
    fn manifest_in_state(
        &self,
        reference: &Reference,
    ) -> Result<Option<(Descriptor, Vec<u8>, State)>, RegistryError> {
        let mut call =
            self.call(Method::GET, &format!("manifests/{reference}")).with(header::ACCEPT, DOCUMENTS);
        let request = call.describe();
        let mut retried = 0;
        loop {
            let response = self.registry.call(&mut call, &self.scope())?;
            match response.status {
                200 => {}
                404 => {
                    response.discard();
                    return Ok(None);
                }
                _ => return Err(self.endpoint().refused(response, &request)),
            }
            let announced = response.content_length();
            let reported = response.header(CONTENT_DIGEST).map(str::to_owned);
            let state = State(response.header(header::ETAG).map(str::to_owned));
            let media_type = self.document_type(&response, &request)?;
            let bytes = match response.bytes(DOCUMENT_BYTES_MAX) {
                Ok(bytes) if announced.is_none_or(|announced| announced == bytes.len() as u64) => bytes,
                Ok(bytes) => {
                    let problem =
                        format!("expected {} bytes, found {}", announced.unwrap_or_default(), bytes.len());
                    return Err(self.endpoint().unexpected(&request, problem));
                }
                Err(error) if retried < self.endpoint().retries() && self.endpoint().is_retryable(&error) => {
                    self.endpoint().wait(retried, None)?;
                    retried += 1;
                    continue;
                }
                Err(error) => return Err(self.endpoint().failed(error, &request)),
            };
            let digest = self.digest_of(&bytes, reference, reported.as_deref(), &request)?;
            let media_type = match media_type {
                Some(media_type) => media_type,
                None => self.inner_type(&bytes, &request)?,
            };
            return Ok(Some((Descriptor::new(media_type, digest, bytes.len() as u64), bytes, state)));
        }
    }

    /// Reads the manifest or index of a descriptor; `None` if the repository lacks it.
    ///
    /// # Errors
    /// [`RegistryError`], also if the type, size or digest differs from the descriptor.
    pub fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, RegistryError> {
        let reference = Reference::Digest(descriptor.digest);
        let Some((found, bytes)) = self.manifest(&reference)? else { return Ok(None) };
        if found.size != descriptor.size {
            return Err(self.wrong_size(descriptor.digest, descriptor.size, found.size));
        }
        if found.media_type != descriptor.media_type {
            let request = self.call(Method::GET, &format!("manifests/{reference}")).describe();
            let problem = format!(
                "Content-Type is {}, expected {} as in the descriptor",
                found.media_type, descriptor.media_type
            );
            return Err(self.endpoint().unexpected(&request, problem));
        }
        Ok(Some(bytes))
    }

    fn wrong_size(&self, digest: Digest, announced: u64, found: u64) -> RegistryError {
        let (host, repository) = (self.host().clone(), self.name.clone());
        RegistryError::Size { host, repository, digest, announced, found }
    }

    /// Computes the digest of a manifest, and compares it with the reference and with the digest that the registry
    /// reports.
    fn digest_of(
        &self,
        bytes: &[u8],
        reference: &Reference,
        reported: Option<&str>,
        request: &str,
    ) -> Result<Digest, RegistryError> {
        let reported = match reported.map(str::parse::<Digest>) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            Some(Err(error)) => {
                return Err(self.endpoint().unexpected(
                    request,
                    format!("invalid {CONTENT_DIGEST}: {}", bounded(&error.to_string())),
                ));
            }
        };
        let expected = match (reference, reported) {
            (Reference::Digest(digest), Some(reported)) if *digest != reported => {
                return Err(self
                    .endpoint()
                    .unexpected(request, format!("{CONTENT_DIGEST} is {reported}, expected {digest}")));
            }
            (Reference::Digest(digest), _) => *digest,
            (Reference::Tag(_), Some(reported)) => reported,
            (Reference::Tag(_), None) => return Ok(Digest::sha256(bytes)),
        };
        let found = expected.same_algorithm(bytes);
        if found == expected {
            return Ok(found);
        }
        if let Reference::Tag(_) = reference {
            let problem = format!("{CONTENT_DIGEST} is {expected}, but the content has {found}");
            return Err(self.endpoint().unexpected(request, problem));
        }
        let size = bytes.len() as u64;
        Err(self.mismatch(BlobMismatch { expected, expected_bytes: size, found, found_bytes: size }))
    }

    /// The media type of a document in the `Content-Type` header; `None` if the header is missing.
    fn document_type(&self, response: &Response, request: &str) -> Result<Option<MediaType>, RegistryError> {
        let Some(text) = response.content_type() else { return Ok(None) };
        match text.parse::<MediaType>() {
            Ok(media_type) if media_type.role() != Role::Blob => Ok(Some(media_type)),
            _ => {
                let problem = format!("Content-Type is {}, expected a manifest or an index", bounded(&text));
                Err(self.endpoint().unexpected(request, problem))
            }
        }
    }

    /// The media type in the `mediaType` field of a document.
    fn inner_type(&self, bytes: &[u8], request: &str) -> Result<MediaType, RegistryError> {
        let json: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
        let text = json.as_ref().and_then(|json| json["mediaType"].as_str());
        let media_type = text.and_then(|text| text.parse::<MediaType>().ok());
        media_type.filter(|media_type| media_type.role() != Role::Blob).ok_or_else(|| {
            self.endpoint().unexpected(request, "no Content-Type header, and no mediaType in the document")
        })
    }

    pub(super) fn mismatch(&self, mismatch: BlobMismatch) -> RegistryError {
        RegistryError::Mismatch { host: self.host().clone(), repository: self.name.clone(), mismatch }
    }

    /// The size of a blob in bytes; `None` if the repository lacks it. Does not read the blob.
    ///
    /// Some registries do not tell the size, or redirect to the blob store that has the blob, which is not contacted:
    /// a store may refuse HEAD, and need not be allowed. The size is then `expected`.
    pub fn blob_size(&self, digest: &Digest, expected: u64) -> Result<Option<u64>, RegistryError> {
        let mut call = self.call(Method::HEAD, &format!("blobs/{digest}"));
        let request = call.describe();
        let response = self.registry.call_here(&mut call, &self.scope())?;
        match response.status {
            200 => Ok(Some(response.content_length().unwrap_or(expected))),
            status if is_redirect(status) => Ok(Some(expected)),
            404 => Ok(None),
            _ => Err(self.endpoint().refused(response, &request)),
        }
    }

    /// Opens a blob at `offset`. Sends no request before the first read, and resumes after a broken connection. The
    /// caller must verify the digest. Errors of the reader are [`RegistryError`]s wrapped in [`std::io::Error`].
    pub fn blob(&self, descriptor: &Descriptor, offset: u64) -> Box<dyn Read + Send> {
        let origin = BlobOrigin { repository: self.clone(), digest: descriptor.digest };
        Box::new(Download::new(origin, descriptor.size, offset))
    }

    /// Lists the referrers of a manifest from the referrers API; `None` if the registry lacks that API.
    ///
    /// # Errors
    /// [`RegistryError::Referrers`] if the registry has the API and refuses to answer.
    pub fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        if self.registry.lacks_referrers(&self.name) {
            return Ok(None);
        }
        let url = self.endpoint().url(&format!("{}/referrers/{subject}", self.name));
        match listing::referrers(&self.registry, &url, &self.scope(), subject).map_err(of_referrers)? {
            Listed::Items(found) => Ok(Some(found)),
            Listed::Nothing => Ok(None),
            Listed::Unsupported => {
                self.registry.note_lack_of_referrers(&self.name);
                Ok(None)
            }
        }
    }

    /// Reads the manifest or index under a tag for referrers, and the state of the tag, so that it can be replaced in
    /// that state only; `None` if there is none.
    ///
    /// # Errors
    /// As [`Repository::referrers_tag`].
    pub fn referrers_list(&self, tag: &Tag) -> Result<Option<(Descriptor, Vec<u8>, State)>, RegistryError> {
        self.manifest_in_state(&Reference::Tag(tag.clone())).map_err(of_referrers)
    }

    /// Reads the manifest or index under a tag for referrers; `None` if there is none.
    ///
    /// # Errors
    /// As [`Repository::manifest`], and [`RegistryError::Referrers`] if the registry refuses to answer.
    pub fn referrers_tag(&self, tag: &Tag) -> Result<Option<(Descriptor, Vec<u8>)>, RegistryError> {
        self.manifest(&Reference::Tag(tag.clone())).map_err(of_referrers)
    }
}

/// Marks the refusal of a request for referrers, which can be avoided by leaving referrers out.
fn of_referrers(error: RegistryError) -> RegistryError {
    match error {
        RegistryError::Unauthorized { .. } | RegistryError::Denied { .. } | RegistryError::Failed { .. } => {
            RegistryError::Referrers(Box::new(error))
        }
        error => error,
    }
}

/// The registry that a blob is downloaded from. It may redirect to another host.
struct BlobOrigin {
    repository: Repository,
    digest: Digest,
}

impl BlobOrigin {
    fn describe(&self) -> String {
        self.repository.call(Method::GET, &format!("blobs/{}", self.digest)).describe()
    }
}

impl Origin for BlobOrigin {
    fn request(&mut self, offset: u64, bytes: u64) -> Result<Response, RegistryError> {
        let Repository { registry, .. } = &self.repository;
        let mut call = self.repository.call(Method::GET, &format!("blobs/{}", self.digest));
        call.response_bytes = bytes;
        if offset > 0 {
            call = call.with(header::RANGE, format!("bytes={offset}-"));
        }
        let permit = self.repository.endpoint().permit();
        let mut response = registry.call(&mut call, &self.repository.scope())?;
        response.body.hold(permit);
        Ok(response)
    }

    fn retry(&self, attempt: u32, error: HttpError) -> Result<(), RegistryError> {
        let endpoint = self.repository.endpoint();
        if attempt < endpoint.retries() && endpoint.is_retryable(&error) {
            endpoint.wait(attempt, None)
        } else {
            Err(endpoint.failed(error, &self.describe()))
        }
    }

    fn refused(&self, response: Response) -> RegistryError {
        match response.status {
            404 => self.repository.absent(&self.digest),
            _ => self.repository.endpoint().refused(response, &self.describe()),
        }
    }

    fn unexpected(&self, problem: String) -> RegistryError {
        self.repository.endpoint().unexpected(&self.describe(), problem)
    }

    fn wrong_size(&self, announced: u64, found: u64) -> RegistryError {
        self.repository.wrong_size(self.digest, announced, found)
    }
}
