//! What is pushed where, and in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::delivery::{Delivery, Form};
use super::papers::Papers;
use crate::format::plan::PlannedBlob;
use crate::format::statement::Class;
use crate::oci::Digest;

/// When a blob's turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Layers that may not be distributed: the first that could fail for being forbidden.
    Nondistributable,
    Layer,
    Configuration,
}

/// A blob, and the repositories that want it. Sent once, it can be mounted in the others.
pub(super) struct BlobJob<'a> {
    pub(super) turn: Turn,
    pub(super) blob: &'a PlannedBlob,
    /// Places in the list of repositories.
    pub(super) repositories: BTreeSet<usize>,
}

/// A manifest or an index for a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DocumentJob {
    /// Artifacts are 0, what refers to them is 1, what refers to that is 2.
    pub(super) generation: usize,
    /// Children first.
    pub(super) level: usize,
    pub(super) repository: usize,
    pub(super) digest: Digest,
}

/// Everything that is pushed, in order.
pub(super) struct Shipment<'a> {
    pub(super) blobs: Vec<BlobJob<'a>>,
    pub(super) documents: Vec<DocumentJob>,
}

impl<'a> Shipment<'a> {
    /// What these deliveries need. Those that failed already need nothing.
    pub(super) fn of(deliveries: &[Delivery<'_>], papers: &Papers<'a>) -> Shipment<'a> {
        let mut documents: BTreeMap<(usize, Digest), usize> = BTreeMap::new();
        let mut blobs: BTreeMap<Digest, BTreeSet<usize>> = BTreeMap::new();
        for delivery in deliveries.iter().filter(|delivery| !delivery.has_failed()) {
            let closure = papers.closure(&delivery.descriptor.digest);
            for digest in closure.documents {
                // The registry keeps such a list itself, or we do for it.
                if delivery.form == Form::List && digest == delivery.descriptor.digest {
                    continue;
                }
                let generation =
                    documents.entry((delivery.repository, digest)).or_insert(delivery.generation);
                *generation = delivery.generation.min(*generation);
            }
            for digest in closure.blobs {
                blobs.entry(digest).or_default().insert(delivery.repository);
            }
        }
        let configurations = papers.configurations();
        let turn = |blob: &PlannedBlob| match blob.class {
            Class::Nondistributable => Turn::Nondistributable,
            _ if configurations.contains(&blob.digest) => Turn::Configuration,
            _ => Turn::Layer,
        };
        let mut blobs: Vec<BlobJob<'a>> = blobs
            .into_iter()
            .filter_map(|(digest, repositories)| {
                papers.blob(&digest).map(|blob| BlobJob { turn: turn(blob), blob, repositories })
            })
            .collect();
        // The largest first: the last to end ends sooner.
        blobs.sort_by_key(|job| (job.turn, Reverse(job.blob.size), job.blob.digest));
        let mut documents: Vec<DocumentJob> = documents
            .into_iter()
            .map(|((repository, digest), generation)| DocumentJob {
                generation,
                level: papers.paper(&digest).level,
                repository,
                digest,
            })
            .collect();
        documents.sort();
        Shipment { blobs, documents }
    }

    /// Leaves all but the layers that may not be distributed.
    pub(super) fn keep_nondistributable(&mut self) {
        self.blobs.retain(|job| job.turn == Turn::Nondistributable);
        self.documents.clear();
    }

    /// The blobs, turn by turn: no turn begins before the one before it has ended.
    pub(super) fn blob_turns(&self) -> impl Iterator<Item = &[BlobJob<'a>]> {
        self.blobs.chunk_by(|a, b| a.turn == b.turn)
    }

    /// The documents, likewise: children before parents, artifacts before what refers to them.
    pub(super) fn document_turns(&self) -> impl Iterator<Item = &[DocumentJob]> {
        self.documents.chunk_by(|a, b| (a.generation, a.level) == (b.generation, b.level))
    }
}
