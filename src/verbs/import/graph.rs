//! The manifests and indexes of a bundle, and what each leads to.

use std::collections::{BTreeSet, HashMap};

use super::ImportError;
use crate::arrival::{Documents, ReleasedBundle};
use crate::format::plan::PlannedBlob;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document};

/// A manifest or an index of the bundle.
pub(super) struct Paper {
    pub(super) descriptor: Descriptor,
    pub(super) document: Document,
    /// How many levels of documents stand below it.
    pub(super) level: usize,
}

/// The manifests and indexes of a bundle, read.
pub(super) struct Papers<'a> {
    documents: &'a Documents<'a>,
    bundle: &'a ReleasedBundle<'a>,
    read: HashMap<Digest, Paper>,
}

/// What must be there before a manifest or an index is whole, itself included.
#[derive(Default)]
pub(super) struct Closure {
    pub(super) documents: BTreeSet<Digest>,
    pub(super) blobs: BTreeSet<Digest>,
}

/// Whether an index's child, or what an artifact is, is a document and no blob.
fn is_document(descriptor: &Descriptor) -> bool {
    descriptor.media_type.role() != Role::Blob
}

impl Paper {
    /// The documents that it points at.
    fn children(&self) -> impl Iterator<Item = &Descriptor> {
        let is_index = matches!(self.document, Document::Index { .. });
        self.document.successors().filter(move |child| is_index && is_document(child))
    }

    /// The blobs that it points at. What a manifest lists is a blob, whatever its type.
    fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let is_index = matches!(self.document, Document::Index { .. });
        self.document.successors().filter(move |child| !(is_index && is_document(child)))
    }
}

impl<'a> Papers<'a> {
    /// Nothing is read yet.
    pub(super) fn new(documents: &'a Documents<'a>, bundle: &'a ReleasedBundle<'a>) -> Papers<'a> {
        Papers { documents, bundle, read: HashMap::new() }
    }

    /// Reads a document and all that it leads to.
    ///
    /// # Errors
    /// [`ImportError::Document`] for one that is damaged.
    pub(super) fn read(&mut self, root: &Descriptor) -> Result<(), ImportError> {
        // Without recursion: how deep indexes are nested is for others to say.
        let mut waiting = vec![(root.clone(), None)];
        while let Some((descriptor, opened)) = waiting.pop() {
            if self.read.contains_key(&descriptor.digest) {
                continue;
            }
            let Some(document) = opened else {
                let document = self.open(&descriptor)?;
                let paper = Paper { descriptor: descriptor.clone(), document, level: 0 };
                let children: Vec<Descriptor> = self.carried(paper.children()).cloned().collect();
                // It comes again once its children are there.
                waiting.push((descriptor, Some(paper.document)));
                waiting.extend(children.into_iter().map(|child| (child, None)));
                continue;
            };
            let mut paper = Paper { descriptor, document, level: 0 };
            let levels = paper.children().filter_map(|child| self.read.get(&child.digest));
            paper.level = levels.map(|child| child.level + 1).max().unwrap_or(0);
            self.read.insert(paper.descriptor.digest, paper);
        }
        Ok(())
    }

    fn carried<'d>(
        &self,
        descriptors: impl Iterator<Item = &'d Descriptor>,
    ) -> impl Iterator<Item = &'d Descriptor> {
        descriptors.filter(|descriptor| self.documents.blob(&descriptor.digest).is_some())
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Document, ImportError> {
        match self.documents.read(descriptor) {
            Ok(Some(document)) => Ok(document),
            // That all documents can be understood was checked for the whole bundle: what is left is damage.
            Ok(None) | Err(_) => Err(self.damaged(&descriptor.digest)),
        }
    }

    fn damaged(&self, digest: &Digest) -> ImportError {
        let pieces = self.documents.blob(digest).map(|blob| blob.pieces.as_slice()).unwrap_or_default();
        let files: Vec<&str> = pieces
            .iter()
            .filter_map(|piece| self.bundle.file(piece.chunk))
            .map(|opened| opened.file.name())
            .collect();
        ImportError::Document { digest: *digest, files: files.join(", ") }
    }

    /// A document that was read.
    pub(super) fn paper(&self, digest: &Digest) -> &Paper {
        &self.read[digest]
    }

    /// The very bytes of a document, hashed as they were read.
    ///
    /// # Errors
    /// [`ImportError::Document`] if they are damaged.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, ImportError> {
        let blob = self.documents.blob(digest);
        blob.and_then(|blob| self.documents.bytes(blob)).ok_or_else(|| self.damaged(digest))
    }

    /// A blob of the bundle.
    pub(super) fn blob(&self, digest: &Digest) -> Option<&'a PlannedBlob> {
        self.documents.blob(digest)
    }

    /// Everything that a document leads to and that is carried. It must have been read.
    pub(super) fn closure(&self, root: &Digest) -> Closure {
        let mut closure = Closure::default();
        let mut waiting = vec![*root];
        while let Some(digest) = waiting.pop() {
            if !closure.documents.insert(digest) {
                continue;
            }
            let paper = self.paper(&digest);
            waiting.extend(self.carried(paper.children()).map(|child| child.digest));
            closure.blobs.extend(self.carried(paper.blobs()).map(|blob| blob.digest));
        }
        closure
    }

    /// What a document itself points at and that is carried: documents, then blobs.
    pub(super) fn points_at(&self, digest: &Digest) -> (Vec<Digest>, Vec<Digest>) {
        let paper = self.paper(digest);
        let digests = |found: Vec<&Descriptor>| found.into_iter().map(|d| d.digest).collect();
        (digests(self.carried(paper.children()).collect()), digests(self.carried(paper.blobs()).collect()))
    }

    /// The blobs that are configurations of a manifest that was read.
    pub(super) fn configurations(&self) -> BTreeSet<Digest> {
        let config = |paper: &Paper| match &paper.document {
            Document::Manifest { config, .. } => Some(config.digest),
            _ => None,
        };
        self.read.values().filter_map(config).collect()
    }
}
