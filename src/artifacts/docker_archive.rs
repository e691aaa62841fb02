//! Archives from `docker save` as sources: with an image layout inside, or in the legacy format, for which the
//! manifests must be generated.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::docker_images::{Content, Images, malformed};
use super::docker_items::{Item, parse_items};
use super::docker_layout::Merge;
use super::entries::{unnamed, without_unknown_types};
use super::files::Files;
use super::layout::Layout;
use super::tar_index::Links;
use super::{ArtifactError, ArtifactSource, Expansion, Root, Selection};
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::graph::Referrer;
use crate::oci::{Descriptor, Digest};

/// A Docker archive as a source of artifacts: what its layout lists, and what only `manifest.json` does.
#[derive(Debug)]
pub struct DockerArchive {
    name: String,
    catalog: Catalog,
    /// The layout that Docker 25 and later write; `None` in the legacy format.
    layout: Option<Layout>,
    /// The blobs of images for which manifests were made.
    made: BTreeMap<Digest, Content>,
    /// Manifests of the layout that `manifest.json` contradicts.
    overruled: BTreeSet<Digest>,
    /// What is not as `manifest.json` and the layout say, in sentences.
    notes: Vec<String>,
}

impl DockerArchive {
    /// Opens the archive `path`. Messages call it `name`. Compressed layers are hashed here if the archive does not
    /// contain their digests. A compressed archive is expanded first if `expansion` says where.
    pub fn open(
        path: &Path,
        name: &str,
        expansion: Option<&Expansion>,
    ) -> Result<DockerArchive, ArtifactError> {
        let files = Files::in_archive(path, Links::FollowedInside, expansion)?;
        let items = files.read("manifest.json", DOCUMENT_BYTES_MAX)?;
        let items = items
            .map(|bytes| parse_items(&bytes))
            .transpose()
            .map_err(|error| malformed(path, format!("\"manifest.json\": {error}")))?;
        if files.open("oci-layout")?.is_some() && files.open("index.json")?.is_some() {
            let layout = Layout::over(files, name)?;
            return DockerArchive::with_layout(layout, &items.unwrap_or_default(), name);
        }
        let Some(items) = items else {
            let problem = "the archive has neither manifest.json nor an image layout".to_owned();
            return Err(ArtifactError::NotADockerImage { place: name.to_owned(), problem });
        };
        DockerArchive::legacy(&files, &items, name)
    }

    fn with_layout(layout: Layout, items: &[Item], name: &str) -> Result<DockerArchive, ArtifactError> {
        let mut images = Images::new(layout.files());
        let mut merge = Merge::new(&layout)?;
        for item in items {
            merge.add(item, &mut images)?;
        }
        let Merge { roots, overruled, mut notes, .. } = merge;
        notes.extend(layout.notes());
        let (catalog, made) = (Catalog::new(name.to_owned(), roots), images.blobs);
        Ok(DockerArchive { name: name.to_owned(), catalog, layout: Some(layout), made, overruled, notes })
    }

    fn legacy(files: &Files, items: &[Item], name: &str) -> Result<DockerArchive, ArtifactError> {
        let mut images = Images::new(files);
        let (mut roots, mut notes) = (Vec::new(), Vec::new());
        for item in items {
            let image = images.make(item)?;
            images.keep(&image)?;
            let descriptor = image.manifest;
            for text in item.tags() {
                match text.parse() {
                    Ok(name) => roots.push(Root { name: Some(name), descriptor: descriptor.clone() }),
                    Err(problem) => notes.push(unnamed(name, &descriptor.digest, &problem)),
                }
            }
            // The catalog removes it if there is a name.
            roots.push(Root { name: None, descriptor });
        }
        let (catalog, made) = (Catalog::new(name.to_owned(), roots), images.blobs);
        let overruled = BTreeSet::new();
        Ok(DockerArchive { name: name.to_owned(), catalog, layout: None, made, overruled, notes })
    }

    /// The artifact with a digest that is not in the catalog.
    fn unlisted(&self, digest: &Digest) -> Result<Root, ArtifactError> {
        match &self.layout {
            Some(layout) if !self.overruled.contains(digest) => layout.unlisted(digest),
            _ => Err(self.catalog.no_such_digest(digest)),
        }
    }
}

impl ArtifactSource for DockerArchive {
    fn name(&self) -> &str {
        &self.name
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        match selection {
            Selection::Every => {
                let refers = |root: &Root| {
                    let listed =
                        self.layout.as_ref().filter(|_| !self.made.contains_key(&root.descriptor.digest));
                    listed.is_some_and(|layout| layout.is_only_a_referrer(root))
                };
                let roots = self.catalog.unambiguous()?.iter();
                Ok(without_unknown_types(roots.filter(|root| !refers(root)).cloned().collect()))
            }
            Selection::Name(name) => self.catalog.named(name),
            Selection::Matching(pattern) => self.catalog.matching(pattern).map(without_unknown_types),
            Selection::Digest(digest) => match self.catalog.with_digest(digest) {
                found if found.is_empty() => Ok(vec![self.unlisted(digest)?]),
                found => Ok(found),
            },
        }
    }

    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        match (self.made.get(&descriptor.digest), &self.layout) {
            (Some(content), _) => Ok(Some(content.bytes())),
            (None, Some(layout)) => layout.size_of(descriptor),
            (None, None) => Ok(None),
        }
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        match (self.made.get(&descriptor.digest), &self.layout) {
            (Some(Content::InArchive(extent)), _) => Ok(Box::new(extent.reader(offset))),
            (Some(Content::Bytes(bytes)), _) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                Ok(Box::new(cursor))
            }
            (None, Some(layout)) => layout.open(descriptor, offset),
            (None, None) => {
                Err(ArtifactError::NoSuchBlob { place: self.name.clone(), digest: descriptor.digest })
            }
        }
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        // The legacy format cannot hold referrers.
        self.layout.as_ref().map_or(Ok(Vec::new()), |layout| layout.referrers(subject))
    }

    fn unread(&self) -> Vec<(Digest, String)> {
        self.layout.as_ref().map(Layout::unread).unwrap_or_default()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
