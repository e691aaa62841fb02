//! The manifests and indexes of a bundle, as far as their chunks are at hand, and whether the plan tells
//! the truth about what they point at.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Bundle, Opened, segments};
use crate::format::plan::{Plan, PlannedBlob};
use crate::format::statement::Class;
use crate::oci::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, MediaType};
use crate::stream::segments::Segments;

impl Bundle {
    /// What its manifests say and its plan does not; see [`Documents::unsound`].
    pub fn unsound(&self) -> Vec<String> {
        let Some(contents) = self.contents() else { return Vec::new() };
        Documents::new(&contents.plan, &self.copies()).unsound()
    }
}

/// How many problems are told; more say nothing new.
const PROBLEMS_MAX: usize = 100;

/// Reads documents of a bundle from its chunks, of which some may have arrived twice.
pub struct Documents<'a> {
    blobs: HashMap<Digest, &'a PlannedBlob>,
    plan: &'a Plan,
    copies: &'a BTreeMap<u32, Vec<&'a Opened>>,
}

impl<'a> Documents<'a> {
    /// The documents of the bundle with this plan, in these files.
    pub fn new(plan: &'a Plan, copies: &'a BTreeMap<u32, Vec<&'a Opened>>) -> Documents<'a> {
        Documents { blobs: plan.blobs.iter().map(|blob| (blob.digest, blob)).collect(), plan, copies }
    }

    /// The blob of this digest, if it is carried.
    pub fn blob(&self, digest: &Digest) -> Option<&'a PlannedBlob> {
        self.blobs.get(digest).copied()
    }

    /// The document that `descriptor` points at; `None` if it is none by its type, or is not at hand.
    ///
    /// # Errors
    /// [`DocumentError`] for bytes that are no document that all readers read alike, and for a document that
    /// the plan does not call metadata.
    pub fn read(&self, descriptor: &Descriptor) -> Result<Option<Document>, DocumentError> {
        let Some(blob) = self.blob(&descriptor.digest) else { return Ok(None) };
        if descriptor.media_type.role() == Role::Blob {
            return Ok(None);
        }
        let digest = descriptor.digest;
        if blob.size > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge { digest, bytes: blob.size });
        }
        if blob.class != Class::Metadata {
            let problem = format!("the plan calls it {}, expected metadata", blob.class);
            return Err(DocumentError::Shape { digest, problem });
        }
        match self.bytes(blob) {
            Some(bytes) => Document::parse(descriptor, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of a document, hashed, from the first copy of its chunks that has them.
    pub fn bytes(&self, blob: &PlannedBlob) -> Option<Vec<u8>> {
        let copies_of = |number: u32| self.copies.get(&number).map_or(&[][..], Vec::as_slice);
        let copies = blob.pieces.iter().map(|piece| copies_of(piece.chunk).len()).max()?;
        (0..copies).find_map(|copy| {
            let file = |number: u32| copies_of(number).get(copy).or(copies_of(number).first()).copied();
            let pieces = segments(blob, &file)?;
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
        })
    }

    /// What is wrong with the closure: everything that a carried document points at must be carried with
    /// that size, or be named as left out (docs/format.md, "plan.txt"). Sorted, and not endless.
    pub fn unsound(&self) -> Vec<String> {
        let omitted: HashSet<Digest> = self.plan.omitted.iter().map(|omitted| omitted.digest).collect();
        let artifacts = self.plan.artifacts.iter().map(|a| (&a.media_type, a.digest, a.size));
        let referrers = self.plan.referrers.iter().map(|r| (&r.media_type, r.digest, r.size));
        let mut waiting: Vec<Descriptor> = Vec::new();
        // What a digest is depends on who points at it, so each type of one is looked at.
        let mut seen: HashSet<(Digest, MediaType)> = HashSet::new();
        let mut problems = Vec::new();
        for (media_type, digest, size) in artifacts.chain(referrers) {
            if media_type.role() == Role::Blob {
                problems.push(format!("{digest} is of type {media_type}, neither a manifest nor an index"));
            } else if seen.insert((digest, media_type.clone())) {
                waiting.push(Descriptor::new(media_type.clone(), digest, size));
            }
        }
        while let Some(descriptor) = waiting.pop()
            && problems.len() < PROBLEMS_MAX
        {
            let document = match self.read(&descriptor) {
                Ok(Some(document)) => document,
                Ok(None) => continue,
                Err(error) => {
                    problems.push(error.to_string());
                    continue;
                }
            };
            let is_index = matches!(document, Document::Index { .. });
            let children = document.successors().map(|child| (child, is_index));
            for (child, walk) in children.chain(document.subject().map(|subject| (subject, true))) {
                if let Some(problem) = self.pointed_at(&descriptor.digest, child, &omitted) {
                    problems.push(problem);
                } else if walk && seen.insert((child.digest, child.media_type.clone())) {
                    waiting.push(Descriptor::new(child.media_type.clone(), child.digest, child.size));
                }
            }
        }
        problems.sort();
        problems.truncate(PROBLEMS_MAX);
        problems
    }

    /// What is wrong with a pointer of a document.
    fn pointed_at(&self, parent: &Digest, child: &Descriptor, omitted: &HashSet<Digest>) -> Option<String> {
        let (digest, media_type, size) = (child.digest, &child.media_type, child.size);
        match self.blob(&digest) {
            Some(blob) if blob.size == size => None,
            Some(blob) => {
                Some(format!("{parent} announces {size} bytes for {digest}, the plan {}", blob.size))
            }
            None if omitted.contains(&digest) => None,
            None => Some(format!(
                "{parent} points at {media_type} {digest}, which is neither carried nor said to be left out"
            )),
        }
    }
}
