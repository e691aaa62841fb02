//! The artifacts of a bundle. Chunks may be missing.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::{Carried, read_small};
use crate::arrival::{Bundle, Contents, Opened, segments};
use crate::artifacts::Root;
use crate::format::plan::{PlannedBlob, PlannedReferrer};
use crate::oci::graph::Referrer;
use crate::oci::{Descriptor, Digest};
use crate::stream::checked::Checked;

/// A bundle whose control chunk was read.
pub(in super::super) struct InBundle<'a> {
    contents: &'a Contents,
    blobs: HashMap<Digest, &'a PlannedBlob>,
    by_subject: HashMap<Digest, Vec<&'a PlannedReferrer>>,
    copies: BTreeMap<u32, Vec<&'a Opened>>,
}

impl<'a> InBundle<'a> {
    /// Returns the artifacts of a bundle; `None` if its control chunk was not read.
    pub(in super::super) fn of(bundle: &'a Bundle) -> Option<InBundle<'a>> {
        let contents = bundle.contents()?;
        let mut by_subject: HashMap<Digest, Vec<&PlannedReferrer>> = HashMap::new();
        for referrer in &contents.plan.referrers {
            by_subject.entry(referrer.subject).or_default().push(referrer);
        }
        Some(InBundle {
            contents,
            blobs: contents.plan.blobs.iter().map(|blob| (blob.digest, blob)).collect(),
            by_subject,
            copies: bundle.copies(),
        })
    }

    /// Opens one copy of a blob: the copy with this number of each chunk, or the first where there are fewer.
    fn open_copy(&self, blob: &PlannedBlob, copy: usize) -> Option<Checked> {
        let file = |number: u32| {
            let copies = self.copies.get(&number)?;
            copies.get(copy).or(copies.first()).copied()
        };
        segments(blob, &file).map(Checked::new)
    }

    fn copies_of(&self, blob: &PlannedBlob) -> usize {
        let copies = blob.pieces.iter().map(|piece| self.copies.get(&piece.chunk).map_or(0, Vec::len));
        copies.max().unwrap_or(0)
    }
}

impl Carried for InBundle<'_> {
    fn roots(&self) -> Vec<Root> {
        let root = |artifact: &crate::format::plan::Artifact| Root {
            name: artifact.name.clone(),
            descriptor: Descriptor {
                artifact_type: artifact.artifact_type.clone(),
                ..Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size)
            },
        };
        self.contents.plan.artifacts.iter().map(root).collect()
    }

    fn descriptor(&self, digest: &Digest) -> Option<Descriptor> {
        let blob = self.blobs.get(digest)?;
        Some(Descriptor::new(blob.media_type.clone(), blob.digest, blob.size))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, String> {
        let Some(blob) = self.blobs.get(&descriptor.digest) else { return Ok(None) };
        let mut result = Ok(None);
        for copy in 0..self.copies_of(blob).max(1) {
            let Some(reader) = self.open_copy(blob, copy) else { continue };
            match read_small(descriptor, Box::new(reader)) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(problem) => result = Err(problem),
            }
        }
        result
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Option<Box<dyn Read + Send>>, String> {
        let Some(blob) = self.blobs.get(&descriptor.digest) else { return Ok(None) };
        Ok(self.open_copy(blob, 0).map(|reader| Box::new(reader) as Box<dyn Read + Send>))
    }

    fn left_out(&self, digest: &Digest) -> Option<String> {
        let plan = &self.contents.plan;
        let at = plan.elsewhere.binary_search_by(|left_out| left_out.digest.cmp(digest)).ok()?;
        let base = plan.bases.iter().find(|base| base.bundle == plan.elsewhere[at].base)?;
        Some(format!("bundle {} ({})", base.name, base.bundle))
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, String> {
        let referrer = |planned: &&PlannedReferrer| Referrer {
            descriptor: Descriptor {
                artifact_type: planned.artifact_type.clone(),
                ..Descriptor::new(planned.media_type.clone(), planned.digest, planned.size)
            },
            subject: planned.subject,
            name: planned.name.clone(),
        };
        Ok(self.by_subject.get(subject).into_iter().flatten().map(referrer).collect())
    }
}
