//! The manifests and indexes of a bundle whose chunks are available, and a check that the plan matches their
//! references.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Bundle, Contradiction, Opened, UnreadableFile, segments};
use crate::format::plan::{Elsewhere, Plan, PlannedBlob};
use crate::format::statement::Class;
use crate::format::{Sum384, SumPair};
use crate::oci::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, MediaType};
use crate::stream::flow::Filled;
use crate::stream::segments::{Segment, Segments};

impl Bundle {
    /// Returns the contradictions between manifests and plan; see [`Documents::unsound`].
    pub fn unsound(&self) -> Vec<Contradiction> {
        let Some(contents) = self.contents() else { return Vec::new() };
        Documents::new(&contents.plan, &self.copies()).unsound()
    }
}

/// Reads the pieces of a document, whose size was checked.
fn read_all(blob: &PlannedBlob, pieces: &[(Segment, SumPair)]) -> Result<Vec<u8>, UnreadableFile> {
    let mut reader = Segments::new(pieces.iter().map(|(segment, _)| segment.clone()).collect());
    let mut bytes = vec![0; usize::try_from(blob.size).expect("a document fits into memory")];
    let mut at = 0;
    while at < bytes.len() {
        match reader.fill(&mut bytes[at..]) {
            Ok(Filled::Bytes(read)) => at += read,
            Ok(Filled::Waiting | Filled::End) => break,
            Err((file, error)) => return Err(UnreadableFile { file, reason: error.to_string() }),
        }
    }
    Ok(bytes)
}

/// Whether each piece of a document has the SHA-384 that its chunk lists, if it lists any.
fn has_strong_sums(mut bytes: &[u8], pieces: &[(Segment, SumPair)]) -> bool {
    pieces.iter().all(|(segment, pair)| {
        let length = usize::try_from(segment.bytes).unwrap_or(usize::MAX).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        bytes = rest;
        pair.sha384.is_none_or(|expected| Sum384::of(piece) == expected)
    })
}

/// The maximum number of problems in a report.
const PROBLEMS_MAX: usize = 100;

/// Reads documents of a bundle from its chunks. A chunk may have several copies.
pub struct Documents<'a> {
    blobs: HashMap<Digest, &'a PlannedBlob>,
    /// What the bundle leaves out because an earlier one carries it.
    elsewhere: HashMap<Digest, &'a Elsewhere>,
    plan: &'a Plan,
    copies: &'a BTreeMap<u32, Vec<&'a Opened>>,
}

impl<'a> Documents<'a> {
    /// Creates a reader for the bundle with this plan and these files.
    pub fn new(plan: &'a Plan, copies: &'a BTreeMap<u32, Vec<&'a Opened>>) -> Documents<'a> {
        Documents {
            blobs: plan.blobs.iter().map(|blob| (blob.digest, blob)).collect(),
            elsewhere: plan.elsewhere.iter().map(|left_out| (left_out.digest, left_out)).collect(),
            plan,
            copies,
        }
    }

    /// Returns the blob with this digest, if the bundle contains it.
    pub fn blob(&self, digest: &Digest) -> Option<&'a PlannedBlob> {
        self.blobs.get(digest).copied()
    }

    /// Returns the blob with this digest, if the bundle leaves it out because an earlier one carries it.
    pub fn elsewhere(&self, digest: &Digest) -> Option<&'a Elsewhere> {
        self.elsewhere.get(digest).copied()
    }

    /// Reads the document that `descriptor` references; `None` if it is not a document or not available.
    ///
    /// # Errors
    /// [`DocumentError`] if the document is malformed or ambiguous, or if the plan does not class it as
    /// metadata.
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
            let problem = format!("the plan has class {} for it, expected metadata", blob.class);
            return Err(DocumentError::Shape { digest, problem });
        }
        match self.bytes(blob) {
            Ok(Some(bytes)) => Document::parse(descriptor, &bytes).map(Some),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Reads a document from the first copy of its chunks in which it matches its digest; `None` if it is missing or
    /// damaged in all of them.
    ///
    /// # Errors
    /// The file and the reason, if no copy is good and one cannot be read.
    pub fn bytes(&self, blob: &PlannedBlob) -> Result<Option<Vec<u8>>, UnreadableFile> {
        let copies_of = |number: u32| self.copies.get(&number).map_or(&[][..], Vec::as_slice);
        let copies = blob.pieces.iter().map(|piece| copies_of(piece.chunk).len()).max().unwrap_or(0);
        let mut unreadable = None;
        for copy in 0..copies {
            let file = |number: u32| copies_of(number).get(copy).or(copies_of(number).first()).copied();
            let Some(pieces) = segments(blob, &file) else { continue };
            match read_all(blob, &pieces) {
                Ok(bytes) => {
                    let is_good = blob.digest.same_algorithm(&bytes) == blob.digest;
                    if is_good && has_strong_sums(&bytes, &pieces) {
                        return Ok(Some(bytes));
                    }
                }
                Err(failure) => unreadable = unreadable.or(Some(failure)),
            }
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// Returns the problems of the closure: everything that a document references must be in the bundle with
    /// that size, or be listed as omitted (docs/format.md, "plan.txt"). Sorted; at most 100.
    pub fn unsound(&self) -> Vec<Contradiction> {
        let omitted: HashSet<Digest> = self.plan.omitted.iter().map(|omitted| omitted.digest).collect();
        let artifacts = self.plan.artifacts.iter().map(|a| (&a.media_type, a.digest, a.size));
        let referrers = self.plan.referrers.iter().map(|r| (&r.media_type, r.digest, r.size));
        let mut waiting: Vec<Descriptor> = Vec::new();
        // References may give one digest several media types: each is checked.
        let mut seen: HashSet<(Digest, MediaType)> = HashSet::new();
        let mut problems = Vec::new();
        for (media_type, digest, size) in artifacts.chain(referrers) {
            if media_type.role() == Role::Blob {
                problems.push(Contradiction::NotADocument { digest, media_type: media_type.clone() });
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
                    let (digest, problem) = (descriptor.digest, error.to_string());
                    problems.push(Contradiction::Malformed { digest, problem });
                    continue;
                }
            };
            let is_index = matches!(document, Document::Index { .. });
            let children = document.successors().map(|child| (child, is_index));
            for (child, walk) in children.chain(document.subject().map(|subject| (subject, true))) {
                let is_document = walk && child.media_type.role() != Role::Blob;
                if is_document && self.elsewhere.contains_key(&child.digest) {
                    let (parent, digest) = (descriptor.digest, child.digest);
                    problems.push(Contradiction::DocumentElsewhere { parent, digest });
                } else if let Some(problem) = self.reference_problem(&descriptor.digest, child, &omitted) {
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

    /// Returns the problem of one reference of a document.
    fn reference_problem(
        &self,
        parent: &Digest,
        child: &Descriptor,
        omitted: &HashSet<Digest>,
    ) -> Option<Contradiction> {
        let (parent, digest, announced) = (*parent, child.digest, child.size);
        let carried = self.blob(&digest).map(|blob| blob.size);
        match carried.or_else(|| self.elsewhere(&digest).map(|left_out| left_out.size)) {
            Some(planned) if planned == announced => None,
            Some(planned) => Some(Contradiction::SizesDiffer { parent, digest, announced, planned }),
            None if omitted.contains(&digest) => None,
            None => Some(Contradiction::Unlisted { parent, digest, media_type: child.media_type.clone() }),
        }
    }
}
