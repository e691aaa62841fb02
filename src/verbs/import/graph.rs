//! The manifests and indexes of a bundle, and what each references.

use std::collections::{BTreeSet, HashMap};
use std::io;

use super::ImportError;
use crate::arrival::{BlobError, Documents, ReleasedBundle, UnreadableFile};
use crate::format::plan::{Elsewhere, PlannedBlob};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document};

/// A manifest or an index of the bundle.
pub(super) struct GraphNode {
    pub(super) descriptor: Descriptor,
    pub(super) document: Document,
    /// The height of the tree of documents below it; 0 if it references no other document.
    pub(super) level: usize,
}

/// The manifests and indexes of a bundle that were read so far.
pub(super) struct DocumentGraph<'a> {
    documents: &'a Documents<'a>,
    bundle: &'a ReleasedBundle<'a>,
    read: HashMap<Digest, GraphNode>,
}

/// A manifest or index and everything it references, directly or indirectly.
#[derive(Default)]
pub(super) struct Closure {
    pub(super) documents: BTreeSet<Digest>,
    pub(super) blobs: BTreeSet<Digest>,
    /// What the bundle leaves out because an earlier one carries it.
    pub(super) elsewhere: BTreeSet<Digest>,
}

/// Whether a child of an index, or an artifact, is a document and not a blob.
fn is_document(descriptor: &Descriptor) -> bool {
    descriptor.media_type.role() != Role::Blob
}

impl GraphNode {
    /// Returns the documents that it references.
    fn children(&self) -> impl Iterator<Item = &Descriptor> {
        let is_index = matches!(self.document, Document::Index { .. });
        self.document.successors().filter(move |child| is_index && is_document(child))
    }

    /// Returns the blobs that it references. Everything in a manifest is a blob, whatever its media type.
    fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let is_index = matches!(self.document, Document::Index { .. });
        self.document.successors().filter(move |child| !(is_index && is_document(child)))
    }
}

impl<'a> DocumentGraph<'a> {
    /// Creates a graph in which no document was read yet.
    pub(super) fn new(documents: &'a Documents<'a>, bundle: &'a ReleasedBundle<'a>) -> DocumentGraph<'a> {
        DocumentGraph { documents, bundle, read: HashMap::new() }
    }

    /// Reads a document and all documents below it.
    ///
    /// # Errors
    /// [`ImportError::Document`] if one is damaged.
    pub(super) fn read(&mut self, root: &Descriptor) -> Result<(), ImportError> {
        // Iterative, because the nesting depth of indexes is not under our control.
        let mut waiting = vec![(root.clone(), None)];
        while let Some((descriptor, opened)) = waiting.pop() {
            if self.read.contains_key(&descriptor.digest) {
                continue;
            }
            let Some(document) = opened else {
                let document = self.open(&descriptor)?;
                let node = GraphNode { descriptor: descriptor.clone(), document, level: 0 };
                let children: Vec<Descriptor> = self.in_bundle(node.children()).cloned().collect();
                // Visit it again after its children.
                waiting.push((descriptor, Some(node.document)));
                waiting.extend(children.into_iter().map(|child| (child, None)));
                continue;
            };
            let mut node = GraphNode { descriptor, document, level: 0 };
            let levels = node.children().filter_map(|child| self.read.get(&child.digest));
            node.level = levels.map(|child| child.level + 1).max().unwrap_or(0);
            self.read.insert(node.descriptor.digest, node);
        }
        Ok(())
    }

    fn in_bundle<'d>(
        &self,
        descriptors: impl Iterator<Item = &'d Descriptor>,
    ) -> impl Iterator<Item = &'d Descriptor> {
        descriptors.filter(|descriptor| self.documents.blob(&descriptor.digest).is_some())
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Document, ImportError> {
        self.bytes(&descriptor.digest)?;
        match self.documents.read(descriptor) {
            Ok(Some(document)) => Ok(document),
            // Opening the bundle checked that every document can be parsed, so any error here means damage.
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

    /// Returns a document that was read.
    pub(super) fn node(&self, digest: &Digest) -> &GraphNode {
        &self.read[digest]
    }

    /// Returns the bytes of a document, after checking its digest.
    ///
    /// # Errors
    /// [`ImportError::Document`] if they are damaged, [`BlobError::Unreadable`] if their chunk cannot be read.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, ImportError> {
        let bytes = self.documents.blob(digest).map(|blob| self.documents.bytes(blob)).transpose();
        let bytes = bytes.map_err(|UnreadableFile { file, reason }| {
            let source = io::Error::other(reason);
            BlobError::Unreadable { blob: *digest, file, source }
        })?;
        bytes.flatten().ok_or_else(|| self.damaged(digest))
    }

    /// Returns a blob of the bundle.
    pub(super) fn blob(&self, digest: &Digest) -> Option<&'a PlannedBlob> {
        self.documents.blob(digest)
    }

    /// Returns everything below a document that the bundle contains. The document must have been read.
    pub(super) fn closure(&self, root: &Digest) -> Closure {
        let mut closure = Closure::default();
        let mut waiting = vec![*root];
        while let Some(digest) = waiting.pop() {
            if !closure.documents.insert(digest) {
                continue;
            }
            let node = self.node(&digest);
            waiting.extend(self.in_bundle(node.children()).map(|child| child.digest));
            closure.blobs.extend(self.in_bundle(node.blobs()).map(|blob| blob.digest));
            closure.elsewhere.extend(self.left_out(node));
        }
        closure
    }

    /// Returns what a document references directly and the bundle leaves out because an earlier one carries it.
    pub(super) fn left_out_of(&self, digest: &Digest) -> Vec<Digest> {
        self.left_out(self.node(digest)).collect()
    }

    fn left_out<'n>(&'n self, node: &'n GraphNode) -> impl Iterator<Item = Digest> + 'n {
        let left_out = node.blobs().filter(|blob| self.documents.elsewhere(&blob.digest).is_some());
        left_out.map(|blob| blob.digest)
    }

    /// Returns a blob that the bundle leaves out because an earlier one carries it.
    pub(super) fn elsewhere(&self, digest: &Digest) -> Option<&'a Elsewhere> {
        self.documents.elsewhere(digest)
    }

    /// Returns what a document references directly and the bundle contains: documents, then blobs.
    pub(super) fn references(&self, digest: &Digest) -> (Vec<Digest>, Vec<Digest>) {
        let node = self.node(digest);
        let digests = |found: Vec<&Descriptor>| found.into_iter().map(|d| d.digest).collect();
        (digests(self.in_bundle(node.children()).collect()), digests(self.in_bundle(node.blobs()).collect()))
    }

    /// Returns the config blobs of all manifests that were read.
    pub(super) fn configs(&self) -> BTreeSet<Digest> {
        let config = |node: &GraphNode| match &node.document {
            Document::Manifest { config, .. } => Some(config.digest),
            _ => None,
        };
        self.read.values().filter_map(config).collect()
    }
}
