//! Image layouts as sources, in a directory or an archive (image-spec, "Image Layout").

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::OnceLock;

use serde::Deserialize;

use super::catalog::Catalog;
use super::entries::{Entries, without_unknown_types};
use super::files::Files;
use super::layout_files::{blob_path, check_layout_file, parse_index};
use super::referrer_tag::{stem_of, tag_stem};
use super::referrers::Referrers;
use super::tar_index::Links;
use super::{ArtifactError, ArtifactSource, Expansion, Root, Selection, read_document};
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::graph::Referrer;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, MediaType, json};

/// An image layout as a source of artifacts.
#[derive(Debug)]
pub struct Layout {
    name: String,
    files: Files,
    catalog: Catalog,
    notes: Vec<String>,
    referrers: OnceLock<Referrers>,
}

impl Layout {
    /// Opens the layout in the directory `path`. Messages call it `name`.
    pub fn in_directory(path: &Path, name: &str) -> Result<Layout, ArtifactError> {
        Layout::over(Files::in_directory(path)?, name)
    }

    /// Opens the layout in the tar archive `path`. Messages call it `name`. A compressed one is expanded first if
    /// `expansion` says where.
    pub fn in_archive(
        path: &Path,
        name: &str,
        expansion: Option<&Expansion>,
    ) -> Result<Layout, ArtifactError> {
        Layout::over(Files::in_archive(path, Links::Refused, expansion)?, name)
    }

    pub(super) fn over(files: Files, name: &str) -> Result<Layout, ArtifactError> {
        let path = files.path().to_owned();
        let not_a_layout = |problem: String| ArtifactError::NotALayout { path: path.clone(), problem };
        let Some(bytes) = files.read("oci-layout", DOCUMENT_BYTES_MAX)? else {
            return Err(not_a_layout("the file oci-layout is missing".to_owned()));
        };
        check_layout_file(&bytes).map_err(not_a_layout)?;
        let Some(bytes) = files.read("index.json", DOCUMENT_BYTES_MAX)? else {
            return Err(not_a_layout("the file index.json is missing".to_owned()));
        };
        let listed =
            parse_index(&bytes).map_err(|source| ArtifactError::BadIndex { path: path.clone(), source })?;
        let Entries { roots, aliases, notes } = Entries::of(name, listed);
        let catalog = Catalog::new(name.to_owned(), roots).with_aliases(aliases);
        Ok(Layout { name: name.to_owned(), files, catalog, notes, referrers: OnceLock::new() })
    }

    /// The files of the layout.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Every entry of `index.json`.
    pub(super) fn listed(&self) -> &[Root] {
        self.catalog.roots()
    }

    fn links(&self) -> &Referrers {
        self.referrers.get_or_init(|| Referrers::of(self, self.catalog.roots()))
    }

    /// Whether the layout has the manifest, as a blob or as inline data.
    fn has(&self, digest: &Digest) -> bool {
        let listed = || {
            let mut entries = self.catalog.roots().iter().map(|root| &root.descriptor);
            entries.any(|entry| entry.digest == *digest && entry.data.is_some())
        };
        matches!(self.files.bytes_of(&blob_path(digest)), Ok(Some(_))) || listed()
    }

    /// Whether the layout has the artifact that the digest in a referrer tag belongs to.
    fn has_stem(&self, stem: &str) -> bool {
        match stem.replacen('-', ":", 1).parse() {
            Ok(digest) => self.has(&digest),
            // A tag holds only the first digits of a longer digest.
            Err(_) => self.catalog.roots().iter().any(|root| tag_stem(&root.descriptor.digest) == stem),
        }
    }

    /// Whether an entry is only a referrer of another artifact in the layout.
    pub(super) fn is_only_a_referrer(&self, root: &Root) -> bool {
        let by_tag = root.name.as_ref().and_then(stem_of).is_some_and(|stem| self.has_stem(stem));
        by_tag || self.links().subject(&root.descriptor.digest).is_some_and(|subject| self.has(subject))
    }

    /// Finds a manifest that `index.json` does not list. Its media type is taken from its content.
    pub(super) fn unlisted(&self, digest: &Digest) -> Result<Root, ArtifactError> {
        #[derive(Deserialize)]
        struct Typed {
            #[serde(rename = "mediaType")]
            media_type: Option<MediaType>,
        }
        let refuse = |problem: String| ArtifactError::NotAManifest {
            place: self.name.clone(),
            digest: *digest,
            problem,
        };
        let Some(bytes) = self.files.bytes_of(&blob_path(digest))? else {
            return Err(self.catalog.no_such_digest(digest));
        };
        if bytes > DOCUMENT_BYTES_MAX {
            return Err(refuse(format!("it has {bytes} bytes, the limit is {DOCUMENT_BYTES_MAX} bytes")));
        }
        let untyped = Descriptor::new(MediaType::image_manifest(), *digest, bytes);
        let content = read_document(self, &untyped)?;
        let json::Object(typed): json::Object<Typed> =
            serde_json::from_slice(&content).map_err(|error| refuse(json::message(&error)))?;
        let media_type = typed
            .media_type
            .ok_or_else(|| refuse("it has no mediaType, and index.json does not list it".to_owned()))?;
        if media_type.role() == Role::Blob {
            return Err(refuse(format!("its mediaType is {media_type}")));
        }
        let descriptor = Descriptor::new(media_type, *digest, bytes);
        Document::parse(&descriptor, &content)?;
        Ok(Root { name: None, descriptor })
    }
}

impl ArtifactSource for Layout {
    fn name(&self) -> &str {
        &self.name
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        match selection {
            Selection::Every => {
                let roots = self.catalog.unambiguous()?.iter();
                let roots: Vec<Root> = roots.filter(|root| !self.is_only_a_referrer(root)).cloned().collect();
                Ok(without_unknown_types(roots))
            }
            Selection::Name(name) => self.catalog.named(name),
            Selection::Matching(pattern) => self.catalog.matching(pattern).map(without_unknown_types),
            Selection::Digest(digest) => match self.catalog.with_digest(digest) {
                listed if listed.is_empty() => Ok(vec![self.unlisted(digest)?]),
                listed => Ok(listed),
            },
        }
    }

    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        match self.files.bytes_of(&blob_path(&descriptor.digest))? {
            Some(bytes) => Ok(Some(bytes)),
            None => Ok(descriptor.inline_data().ok().flatten().map(|data| data.len() as u64)),
        }
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        if let Some(extent) = self.files.open(&blob_path(&descriptor.digest))? {
            return Ok(Box::new(extent.reader(offset)));
        }
        match descriptor.inline_data() {
            Ok(Some(data)) => {
                let mut cursor = Cursor::new(data);
                cursor.set_position(offset);
                Ok(Box::new(cursor))
            }
            _ => Err(ArtifactError::NoSuchBlob { place: self.name.clone(), digest: descriptor.digest }),
        }
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        Ok(self.links().to(subject))
    }

    fn unread(&self) -> Vec<(Digest, String)> {
        self.links().unread()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
