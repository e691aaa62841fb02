//! What is pushed to which repositories, and in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::delivery::{Delivery, PushAs};
use super::graph::DocumentGraph;
use crate::arrival::{Beside, Carrier, ReleasedBundle};
use crate::format::plan::{Elsewhere, PlannedBlob};
use crate::format::statement::Class;
use crate::oci::Digest;

/// The stage in which a blob is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Non-distributable layers. They come first, because a registry may forbid them.
    Nondistributable,
    Layer,
    Config,
}

/// A blob and the repositories that need it. It is sent to one and mounted in the others.
pub(super) struct BlobJob<'a> {
    pub(super) stage: Stage,
    pub(super) blob: &'a PlannedBlob,
    /// The bundle whose chunks hold it.
    pub(super) bundle: &'a ReleasedBundle<'a>,
    /// Indexes in the list of repositories.
    pub(super) repositories: BTreeSet<usize>,
}

/// A blob that the bundle leaves out because an earlier one carried it, and the repositories that need it.
pub(super) struct MountJob<'a> {
    pub(super) left_out: &'a Elsewhere,
    /// Indexes in the list of repositories.
    pub(super) repositories: BTreeSet<usize>,
}

/// A manifest or index to push to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DocumentJob {
    /// 0 for artifacts, 1 for their referrers, 2 for the referrers of those, and so on.
    pub(super) generation: usize,
    /// The height of the tree of documents below it; lower levels are pushed first.
    pub(super) level: usize,
    pub(super) repository: usize,
    pub(super) digest: Digest,
}

/// Everything that must be pushed, in order.
pub(super) struct PushPlan<'a> {
    pub(super) blobs: Vec<BlobJob<'a>>,
    pub(super) mounts: Vec<MountJob<'a>>,
    pub(super) documents: Vec<DocumentJob>,
}

impl<'a> PushPlan<'a> {
    /// Plans the push of these deliveries; those that failed already are skipped. Blobs come from the bundle, or from one
    /// beside it.
    pub(super) fn of(
        deliveries: &[Delivery<'_>],
        graph: &DocumentGraph<'a>,
        bundle: &'a ReleasedBundle<'a>,
        beside: &'a Beside<'a>,
    ) -> PushPlan<'a> {
        let mut documents: BTreeMap<(usize, Digest), usize> = BTreeMap::new();
        let mut blobs: BTreeMap<Digest, BTreeSet<usize>> = BTreeMap::new();
        for delivery in deliveries.iter().filter(|delivery| !delivery.has_failed()) {
            let closure = graph.closure(&delivery.descriptor.digest);
            for digest in closure.documents {
                // The registry maintains the referrers list, or `referrers` does.
                if delivery.push_as == PushAs::List && digest == delivery.descriptor.digest {
                    continue;
                }
                let generation =
                    documents.entry((delivery.repository, digest)).or_insert(delivery.generation);
                *generation = delivery.generation.min(*generation);
            }
            for digest in closure.blobs.into_iter().chain(closure.elsewhere) {
                blobs.entry(digest).or_default().insert(delivery.repository);
            }
        }
        let configs = graph.configs();
        let stage = |blob: &PlannedBlob| match blob.class {
            Class::Nondistributable => Stage::Nondistributable,
            _ if configs.contains(&blob.digest) => Stage::Config,
            _ => Stage::Layer,
        };
        let (mut jobs, mut mounts) = (Vec::new(), Vec::new());
        for (digest, repositories) in blobs {
            let own = graph.blob(&digest).map(|blob| Carrier { blob, bundle });
            if let Some(Carrier { blob, bundle }) = own.or_else(|| beside.carrier(&digest)) {
                jobs.push(BlobJob { stage: stage(blob), blob, bundle, repositories });
            } else if let Some(left_out) = graph.elsewhere(&digest) {
                mounts.push(MountJob { left_out, repositories });
            }
        }
        let mut blobs = jobs;
        // The largest first, so that no large blob is left to the end.
        blobs.sort_by_key(|job| (job.stage, Reverse(job.blob.size), job.blob.digest));
        let mut documents: Vec<DocumentJob> = documents
            .into_iter()
            .map(|((repository, digest), generation)| DocumentJob {
                generation,
                level: graph.node(&digest).level,
                repository,
                digest,
            })
            .collect();
        documents.sort();
        PushPlan { blobs, mounts, documents }
    }

    /// Removes everything except the non-distributable layers.
    pub(super) fn keep_nondistributable(&mut self) {
        self.blobs.retain(|job| job.stage == Stage::Nondistributable);
        self.mounts.clear();
        self.documents.clear();
    }

    /// Removes everything except the blobs of the bundle that are in these chunks.
    pub(super) fn keep_chunks(&mut self, graph: &DocumentGraph<'_>, chunks: &BTreeSet<u32>) {
        self.blobs.retain(|job| {
            let first = job.blob.pieces.first().map(|piece| piece.chunk);
            graph.blob(&job.blob.digest).is_some() && first.is_some_and(|first| chunks.contains(&first))
        });
        self.mounts.clear();
        self.documents.clear();
    }

    /// Returns the blobs by stage. A stage must finish before the next one starts.
    pub(super) fn blob_stages(&self) -> impl Iterator<Item = &[BlobJob<'a>]> {
        self.blobs.chunk_by(|a, b| a.stage == b.stage)
    }

    /// Returns the documents by stage: children before parents, artifacts before their referrers.
    pub(super) fn document_stages(&self) -> impl Iterator<Item = &[DocumentJob]> {
        self.documents.chunk_by(|a, b| (a.generation, a.level) == (b.generation, b.level))
    }
}
