//! Repositories of a registry as sources.

use std::collections::{BTreeSet, HashMap};
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, OnceLock};

use url::Url;

use super::catalog::similar_names;
use super::referrer_tag::{COSIGN_SUFFIXES, stem_of, tag_stem};
use super::{ArtifactError, ArtifactSource, Root, Selection};
use crate::oci::graph::Referrer;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, RefName};
use crate::registry::{
    Access, External, Host, Reference, Refusal, Registries, Repository, RepositoryName, Tag,
};

/// Size limit of the document cache of one repository, in bytes. Documents beyond it are requested again.
const CACHE_BYTES_MAX: usize = 64 << 20;

/// All registry sources of a run, one for each repository.
pub struct RegistrySources {
    registries: Registries,
    /// Hosts that URLs of non-distributable layers may use even if their addresses are private.
    private: Vec<Host>,
    external: OnceLock<External>,
    open: Mutex<HashMap<(Host, RepositoryName), Arc<RegistrySource>>>,
}

impl RegistrySources {
    /// Creates the set without any open source.
    pub fn new(registries: Registries, private: Vec<Host>) -> RegistrySources {
        RegistrySources { registries, private, external: OnceLock::new(), open: Mutex::default() }
    }

    /// Opens a repository as a source. No request is sent yet.
    ///
    /// # Errors
    /// If a certificate cannot be used.
    #[doc(hidden)]
    pub fn repository(
        &self,
        host: &Host,
        name: &RepositoryName,
    ) -> Result<Arc<RegistrySource>, ArtifactError> {
        let mut open = self.open.lock().expect("no thread panicked");
        if let Some(source) = open.get(&(host.clone(), name.clone())) {
            return Ok(Arc::clone(source));
        }
        let external = if let Some(external) = self.external.get() {
            external.clone()
        } else {
            let made = self.registries.external(&self.private)?;
            self.external.get_or_init(|| made).clone()
        };
        let repository = self.registries.registry(host)?.repository(name, Access::Pull);
        let source = Arc::new(RegistrySource::new(repository, external));
        open.insert((host.clone(), name.clone()), Arc::clone(&source));
        Ok(source)
    }

    /// The repositories of a registry for whose names `matches` returns true, sorted. The list may be empty.
    ///
    /// # Errors
    /// If the registry does not list its repositories.
    #[doc(hidden)]
    pub fn matching(
        &self,
        host: &Host,
        matches: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<RepositoryName>, ArtifactError> {
        let place = format!("docker://{host}");
        let Some(mut names) = self.registries.registry(host)?.repositories(matches)? else {
            return Err(ArtifactError::NoCatalogue { place });
        };
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// A repository of a registry as a source of artifacts.
pub struct RegistrySource {
    name: String,
    repository: Repository,
    external: External,
    cache: Mutex<Cache>,
    /// All tags, for suggestions only. The inner value is `None` if the registry does not list them.
    tags: OnceLock<Option<BTreeSet<Tag>>>,
}

/// The cache of registry responses.
#[derive(Default)]
struct Cache {
    documents: HashMap<Digest, Arc<Vec<u8>>>,
    bytes: usize,
    /// The working URL of each non-distributable layer that the registry does not have.
    urls: HashMap<Digest, Url>,
    /// The URLs of such layers that failed.
    refusals: HashMap<Digest, Vec<Refusal>>,
}

impl RegistrySource {
    fn new(repository: Repository, external: External) -> RegistrySource {
        let name = format!("docker://{}/{}", repository.host(), repository.name());
        RegistrySource { name, repository, external, cache: Mutex::default(), tags: OnceLock::new() }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().expect("no thread panicked")
    }

    /// Fetches the manifest or index that a tag or digest points at; `None` if it does not exist.
    fn manifest(&self, reference: &Reference) -> Result<Option<Descriptor>, ArtifactError> {
        let Some((descriptor, bytes)) = self.repository.manifest(reference)? else { return Ok(None) };
        self.remember(descriptor.digest, bytes);
        Ok(Some(descriptor))
    }

    fn remember(&self, digest: Digest, bytes: Vec<u8>) {
        let mut cache = self.cache();
        if cache.bytes + bytes.len() <= CACHE_BYTES_MAX && !cache.documents.contains_key(&digest) {
            cache.bytes += bytes.len();
            cache.documents.insert(digest, Arc::new(bytes));
        }
    }

    /// Fetches the document that a descriptor points at; `None` if it does not exist.
    fn document(&self, descriptor: &Descriptor) -> Result<Option<Arc<Vec<u8>>>, ArtifactError> {
        if let Some(bytes) = self.cache().documents.get(&descriptor.digest) {
            return Ok(Some(Arc::clone(bytes)));
        }
        let Some(bytes) = self.repository.document(descriptor)? else { return Ok(None) };
        self.remember(descriptor.digest, bytes.clone());
        Ok(Some(Arc::new(bytes)))
    }

    /// All tags, requested once; `None` if the registry does not list them or has too many. Only for suggestions: the
    /// list may be old, shortened or delayed, so whether a tag exists is asked for by its name.
    fn tags(&self) -> Option<&BTreeSet<Tag>> {
        // An error here can be ignored: it comes back when single tags are requested.
        let listed = || self.repository.tags().ok().flatten().map(BTreeSet::from_iter);
        self.tags.get_or_init(listed).as_ref()
    }

    /// The full name of an artifact: host and repository, then `suffix`, a tag or digest.
    fn full_name(&self, suffix: &str) -> Option<RefName> {
        let (host, name) = (self.repository.host(), self.repository.name());
        // A name cannot contain an IPv6 address in brackets.
        format!("{host}/{name}{suffix}").parse().or_else(|_| format!("{name}{suffix}").parse()).ok()
    }

    fn root(&self, tag: &Tag, descriptor: Descriptor) -> Root {
        Root { name: self.full_name(&format!(":{tag}")), descriptor }
    }

    fn no_such(&self, wanted: &str) -> ArtifactError {
        let tags = self.tags().into_iter().flatten().map(Tag::as_str);
        let similar = similar_names(tags, wanted, &|_| false);
        ArtifactError::NoSuchArtifact { place: self.name.clone(), wanted: wanted.to_owned(), similar }
    }

    fn tagged(&self, tag: &Tag) -> Result<Root, ArtifactError> {
        match self.manifest(&Reference::Tag(tag.clone()))? {
            Some(descriptor) => Ok(self.root(tag, descriptor)),
            None => Err(self.no_such(tag.as_str())),
        }
    }

    /// Makes sure that the artifact has a name. Refuses a tag that a bundle cannot carry, because the name would be
    /// lost silently.
    fn named(&self, root: Root, tag: &Tag) -> Result<Root, ArtifactError> {
        let (place, digest) = (self.name.clone(), root.descriptor.digest);
        let bad = |source| ArtifactError::BadName { place, digest, source };
        match root.name {
            Some(_) => Ok(root),
            None => match format!("{}:{tag}", self.repository.name()).parse::<RefName>() {
                Ok(name) => Ok(Root { name: Some(name), ..root }),
                Err(source) => Err(bad(source)),
            },
        }
    }

    /// The artifacts under the tags for which `matches` returns true, without referrer tags made from a digest.
    fn roots_with_tags(
        &self,
        wanted: &str,
        matches: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Root>, ArtifactError> {
        let listed = self.repository.tags()?.ok_or_else(|| self.no_such(wanted))?;
        let own = |tag: &Tag| tag.as_str().parse().map_or(true, |name: RefName| stem_of(&name).is_none());
        let tags: BTreeSet<Tag> =
            listed.into_iter().filter(|tag| matches(tag.as_str()) && own(tag)).collect();
        if tags.is_empty() {
            return Err(self.no_such(wanted));
        }
        tags.iter().map(|tag| self.named(self.tagged(tag)?, tag)).collect()
    }

    /// Finds a non-distributable layer in the repository or at one of its URLs, and returns its size in bytes.
    fn find_nondistributable(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        if let Some(size) = self.repository.blob_size(&descriptor.digest, descriptor.size)? {
            return Ok(Some(size));
        }
        if descriptor.urls.is_empty() {
            return Ok(None);
        }
        self.find_url(descriptor).map(|()| Some(descriptor.size))
    }

    /// Finds the next URL that provides the layer.
    fn find_url(&self, descriptor: &Descriptor) -> Result<(), ArtifactError> {
        let digest = descriptor.digest;
        let mut refusals = self.cache().refusals.remove(&digest).unwrap_or_default();
        let Some(url) = self.external.find(descriptor, &mut refusals) else {
            return Err(ArtifactError::NondistributableAbsent { place: self.name.clone(), digest, refusals });
        };
        let mut cache = self.cache();
        cache.urls.insert(digest, url);
        cache.refusals.insert(digest, refusals);
        Ok(())
    }

    /// The referrers that the registry lists for `subject`. Each is checked to name `subject` itself.
    fn by_subject(&self, subject: &Digest) -> Result<Vec<Descriptor>, ArtifactError> {
        let listed = self.listed(subject)?;
        for descriptor in &listed {
            let refers = match descriptor.media_type.role() {
                Role::Blob => false,
                _ => match self.document(descriptor)? {
                    Some(bytes) => {
                        let document = Document::parse(descriptor, &bytes)?;
                        document.subject().is_some_and(|found| found.digest == *subject)
                    }
                    // The code that copies the document reports that it is missing.
                    None => true,
                },
            };
            if !refers {
                return Err(self.repository.no_referrer(&descriptor.digest, subject).into());
            }
        }
        Ok(listed)
    }

    /// The list of referrers, from the referrers API or from the index under the referrers tag.
    fn listed(&self, subject: &Digest) -> Result<Vec<Descriptor>, ArtifactError> {
        if let Some(found) = self.repository.referrers(subject)? {
            return Ok(found);
        }
        let tag: Tag = tag_stem(subject).parse().expect("a stem is a tag");
        let Some((descriptor, bytes)) = self.repository.referrers_tag(&tag)? else {
            return Ok(Vec::new());
        };
        // Some registries take this tag for the digest that it is made from.
        if descriptor.digest == *subject {
            return Ok(Vec::new());
        }
        match Document::parse(&descriptor, &bytes)? {
            Document::Index { manifests, .. } => Ok(manifests),
            _ => Ok(Vec::new()),
        }
    }
}

impl ArtifactSource for RegistrySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        match selection {
            Selection::Every => self.roots_with_tags("any tag", &|_| true),
            Selection::Matching(pattern) => {
                self.roots_with_tags(pattern.as_str(), &|tag| pattern.matches(tag))
            }
            Selection::Name(name) => match name.as_str().parse::<Tag>() {
                Ok(tag) => Ok(vec![self.tagged(&tag)?]),
                Err(_) => Err(self.no_such(name.as_str())),
            },
            Selection::Digest(digest) => match self.manifest(&Reference::Digest(*digest))? {
                Some(descriptor) => {
                    Ok(vec![Root { name: self.full_name(&format!("@{digest}")), descriptor }])
                }
                None => Err(ArtifactError::NoSuchArtifact {
                    place: self.name.clone(),
                    wanted: digest.to_string(),
                    similar: Vec::new(),
                }),
            },
        }
    }

    /// Fetches documents, and searches for non-distributable layers. For any other blob the size in the descriptor is
    /// returned without a request; it is checked during the download.
    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        if descriptor.media_type.role() != Role::Blob {
            return Ok(self.document(descriptor)?.map(|bytes| bytes.len() as u64));
        }
        if descriptor.media_type.is_nondistributable() {
            return self.find_nondistributable(descriptor);
        }
        Ok(Some(descriptor.size))
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let digest = descriptor.digest;
        if descriptor.media_type.role() != Role::Blob {
            let missing = || ArtifactError::NoSuchBlob { place: self.name.clone(), digest };
            let bytes = self.document(descriptor)?.ok_or_else(missing)?;
            let mut reader = Cursor::new(bytes.to_vec());
            reader.set_position(offset);
            return Ok(Box::new(reader));
        }
        let url = self.cache().urls.get(&digest).cloned();
        Ok(match url {
            Some(url) => self.external.open(&url, descriptor, offset),
            None => self.repository.blob(descriptor, offset),
        })
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        let unnamed = |descriptor| Referrer { descriptor, subject: *subject, name: None };
        let mut found: Vec<Referrer> = self.by_subject(subject)?.into_iter().map(unnamed).collect();
        for suffix in COSIGN_SUFFIXES {
            let tag: Tag = format!("{}{suffix}", tag_stem(subject)).parse().expect("a stem is a tag");
            // Asked for by name: a list of tags may be old or shortened, and then hides a signature.
            if let Some((descriptor, bytes)) = self.repository.referrers_tag(&tag)?
                && descriptor.digest != *subject
            {
                self.remember(descriptor.digest, bytes);
                let name = tag.as_str().parse().ok();
                found.push(Referrer { descriptor, subject: *subject, name });
            }
        }
        found.sort_by(|a, b| (&a.descriptor.digest, &a.name).cmp(&(&b.descriptor.digest, &b.name)));
        found.dedup_by(|a, b| a.descriptor.digest == b.descriptor.digest && a.name == b.name);
        Ok(found)
    }

    fn waits(&self) -> bool {
        true
    }

    fn try_elsewhere(&self, descriptor: &Descriptor, why: &str) -> Result<bool, ArtifactError> {
        {
            let mut cache = self.cache();
            let Some(url) = cache.urls.remove(&descriptor.digest) else { return Ok(false) };
            cache.refusals.entry(descriptor.digest).or_default().push(Refusal::of(&url, why));
        }
        self.find_url(descriptor).map(|()| true)
    }
}
