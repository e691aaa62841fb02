//! What is to be packed, and how.

use std::sync::Arc;

use crate::artifacts::{ArtifactSource, OnFailure, Selection};
use crate::format::Timestamp;
use crate::format::chunk_size::ChunkSize;
use crate::format::plan::Carriage;
use crate::format::statement::Crossing;
use crate::medium::{ChunkStore, Replace};
use crate::oci::{Platform, RefName};
use crate::stream::hash::Function;

/// A source and what of it is wanted.
pub struct Wanted {
    /// Where the artifacts are.
    pub source: Arc<dyn ArtifactSource>,
    /// Which of them.
    pub selection: Selection,
    /// The name that the one artifact gets.
    pub rename: Option<RefName>,
}

/// When the chunks of a bundle expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At this time.
    At(Timestamp),
    /// This long after they were sealed.
    After {
        /// In seconds.
        seconds: u64,
    },
}

impl Expiry {
    /// The point in time at which a chunk that is sealed at `created` expires.
    pub fn from(self, created: Timestamp) -> Option<Timestamp> {
        match self {
            Expiry::At(time) => Some(time),
            Expiry::After { seconds } => created.plus_seconds(seconds),
        }
    }
}

/// Whether blobs larger than a chunk are cut into slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitting {
    /// They are.
    Allowed,
    /// They are an error.
    Forbidden,
}

/// What is to be packed, and how.
pub struct PackRequest<'a> {
    /// Where the artifacts come from.
    pub sources: Vec<Wanted>,
    /// Name, stream, sequence and label of the bundle.
    pub crossing: Crossing,
    /// Where the chunk files go.
    pub store: &'a dyn ChunkStore,
    /// No file is larger.
    pub chunk_size: ChunkSize,
    /// Whether larger blobs are cut.
    pub splitting: Splitting,
    /// Whether non-distributable layers travel.
    pub nondistributable: Carriage,
    /// Whether referrers travel.
    pub referrers: Carriage,
    /// The platforms that indexes are narrowed to; empty for all.
    pub platforms: Vec<Platform>,
    /// When the chunks are sealed, as their statements say.
    pub created: Timestamp,
    /// When they expire.
    pub expires: Option<Expiry>,
    /// Whether chunk files in the way are replaced.
    pub replace: Replace,
    /// What a failing artifact means for the others.
    pub on_failure: OnFailure,
    /// Sums of the whole chunk files that the report should have.
    pub file_sums: Vec<Function>,
}
