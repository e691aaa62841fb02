//! The manifests and indexes of a bundle, as far as their chunks are at hand, and whether the plan tells
//! the truth about what they point at.

use std::collections::{HashMap, HashSet};

use super::{Opened, segments};
use crate::format::plan::{Plan, PlannedBlob};
use crate::format::statement::Class;
use crate::oci::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document};
use crate::stream::segments::Segments;

/// Reads documents of a bundle from its chunks.
pub struct Documents<'a> {
    blobs: HashMap<Digest, &'a PlannedBlob>,
    plan: &'a Plan,
    file: &'a dyn Fn(u32) -> Option<&'a Opened>,
}

impl<'a> Documents<'a> {
    /// The documents of the bundle with this plan; `file` gives the file of a chunk.
    pub fn new(plan: &'a Plan, file: &'a dyn Fn(u32) -> Option<&'a Opened>) -> Documents<'a> {
        Documents { blobs: plan.blobs.iter().map(|blob| (blob.digest, blob)).collect(), plan, file }
    }

    /// The blob of this digest, if it is carried.
    pub fn blob(&self, digest: &Digest) -> Option<&'a PlannedBlob> {
        self.blobs.get(digest).copied()
    }

    /// The document that `descriptor` points at; `None` if it is none, is not at hand, or its bytes are
    /// not those of its digest, which is for others to say.
    ///
    /// # Errors
    /// [`DocumentError`] for bytes that are right and no document that all readers read alike.
    pub fn read(&self, descriptor: &Descriptor) -> Result<Option<Document>, DocumentError> {
        let role = descriptor.media_type.role();
        let Some(blob) = self.blob(&descriptor.digest) else { return Ok(None) };
        if role == Role::Blob || blob.class != Class::Metadata || blob.size > DOCUMENT_BYTES_MAX {
            return Ok(None);
        }
        match self.bytes(blob) {
            Some(bytes) => Document::parse(descriptor, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn bytes(&self, blob: &PlannedBlob) -> Option<Vec<u8>> {
        let pieces = segments(blob, self.file)?;
        let mut reader = Segments::new(pieces.into_iter().map(|(segment, _)| segment).collect());
        let mut bytes = vec![0; usize::try_from(blob.size).ok()?];
        let mut at = 0;
        while at < bytes.len() {
            match reader.fill(&mut bytes[at..]) {
                Ok(read) if read > 0 => at += read,
                _ => return None,
            }
        }
        (blob.digest.same_algorithm(&bytes) == blob.digest).then_some(bytes)
    }

    /// What is wrong with the closure: everything that a carried document points at must be carried with
    /// that size, or be named as left out (docs/format.md, "plan.txt"). Sorted.
    pub fn unsound(&self) -> Vec<String> {
        let omitted: HashSet<Digest> = self.plan.omitted.iter().map(|omitted| omitted.digest).collect();
        let artifacts = self.plan.artifacts.iter().map(|a| (a.media_type.clone(), a.digest, a.size));
        let referrers = self.plan.referrers.iter().map(|r| (r.media_type.clone(), r.digest, r.size));
        let roots = artifacts.chain(referrers);
        let mut waiting: Vec<Descriptor> =
            roots.map(|(media_type, digest, size)| Descriptor::new(media_type, digest, size)).collect();
        let mut seen: HashSet<Digest> = HashSet::new();
        let mut problems = Vec::new();
        while let Some(descriptor) = waiting.pop() {
            if !seen.insert(descriptor.digest) {
                continue;
            }
            match self.read(&descriptor) {
                Err(error) => problems.push(error.to_string()),
                Ok(None) => {}
                Ok(Some(document)) => {
                    for child in document.successors() {
                        let parent = descriptor.digest;
                        match self.blob(&child.digest) {
                            Some(blob) if blob.size == child.size => waiting.push(child.clone()),
                            Some(blob) => problems.push(format!(
                                "{parent} announces {} bytes for {}, the plan {}",
                                child.size, child.digest, blob.size
                            )),
                            None if omitted.contains(&child.digest) => {}
                            None => problems.push(format!(
                                "{parent} points at {} {}, which is neither carried nor said to be left out",
                                child.media_type, child.digest
                            )),
                        }
                    }
                }
            }
        }
        problems.sort();
        problems
    }
}
