//! The request of `pack`.

use std::sync::Arc;

use super::{Bases, Part};
use crate::artifacts::{ArtifactSource, OnFailure, Selection};
use crate::format::chunk_size::ChunkSize;
use crate::format::plan::{Carriage, Origin};
use crate::format::statement::Crossing;
use crate::format::volume::VolumeLimits;
use crate::format::{BundleName, Profile, Timestamp};
use crate::logbook::Numbers;
use crate::medium::{ChunkStore, Replace};
use crate::oci::{Platform, RefName};
use crate::stream::hash::Function;

/// A source and the selection of artifacts to pack from it.
pub struct Wanted {
    /// The source of the artifacts.
    pub source: Arc<dyn ArtifactSource>,
    /// Which artifacts of the source are packed.
    pub selection: Selection,
    /// A new name; the selection must then be a single artifact.
    pub rename: Option<RefName>,
}

impl Wanted {
    /// Everything in a source, under the names that it has there.
    pub fn all(source: Arc<dyn ArtifactSource>) -> Wanted {
        Wanted { source, selection: Selection::Every, rename: None }
    }
}

/// The expiry of a bundle's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At this time.
    At(Timestamp),
    /// At this interval after they were sealed.
    After {
        /// The interval in seconds.
        seconds: u64,
    },
}

impl Expiry {
    /// Returns when a chunk that was sealed at `created` expires.
    pub fn from(self, created: Timestamp) -> Option<Timestamp> {
        match self {
            Expiry::At(time) => Some(time),
            Expiry::After { seconds } => created.plus_seconds(seconds),
        }
    }
}

/// Whether blobs that do not fit into a chunk may be split into slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitting {
    /// They are split.
    Allowed,
    /// They cause an error.
    Forbidden,
}

/// The request of `pack`. [`PackRequest::new`] makes one, whose fields can be changed.
#[non_exhaustive]
pub struct PackRequest<'a> {
    /// The sources, each with its selection.
    pub sources: Vec<Wanted>,
    /// The name, stream, sequence and label of the bundle, unless `numbers` says so.
    pub crossing: Crossing,
    /// Gives out the number of the bundle, and with it its name, stream and label.
    #[doc(hidden)]
    pub numbers: Option<&'a dyn Numbers>,
    /// The store that the chunk files are written to.
    pub store: &'a dyn ChunkStore,
    /// The maximum size of a chunk file.
    pub chunk_size: ChunkSize,
    /// Whether blobs that do not fit into a chunk may be split.
    pub splitting: Splitting,
    /// Whether non-distributable layers are included.
    pub nondistributable: Carriage,
    /// Whether referrers are included.
    pub referrers: Carriage,
    /// The platforms that are included of indexes; empty for all.
    pub platforms: Vec<Platform>,
    /// The time of sealing that is written into the statements.
    pub created: Timestamp,
    /// When the chunks expire, if they do.
    pub expires: Option<Expiry>,
    /// Whether existing chunk files are replaced.
    pub replace: Replace,
    /// Whether to continue when an artifact fails.
    pub on_failure: OnFailure,
    /// What earlier bundles carried, so that this one leaves it out.
    pub bases: Bases,
    /// The bundles that this one is made of, by id; none if it is packed from other sources.
    #[doc(hidden)]
    pub origins: Vec<Origin>,
    /// The checksums of whole chunk files to include in the report.
    pub file_sums: Vec<Function>,
    /// Put the chunks into volumes, each in a folder of its own.
    pub volumes: Option<VolumeLimits>,
    /// The profile that the bundle keeps, if any.
    pub profile: Option<Profile>,
    /// What of the bundle is written.
    #[doc(hidden)]
    pub part: Part,
}

impl<'a> PackRequest<'a> {
    /// A request to pack these sources into chunks of the usual size, with everything that belongs to them: non-distributable
    /// layers, referrers, and all platforms. Blobs may be split, nothing expires, and no file is replaced. `created` is the time
    /// of sealing; the same time gives the same bytes.
    pub fn new(
        sources: Vec<Wanted>,
        name: BundleName,
        store: &'a dyn ChunkStore,
        created: Timestamp,
    ) -> PackRequest<'a> {
        PackRequest {
            sources,
            crossing: Crossing { name, stream: None, sequence: None, previous: None, label: None },
            numbers: None,
            store,
            chunk_size: ChunkSize::default(),
            splitting: Splitting::Allowed,
            nondistributable: Carriage::Carry,
            referrers: Carriage::Carry,
            platforms: Vec::new(),
            created,
            expires: None,
            replace: Replace::Never,
            on_failure: OnFailure::Stop,
            bases: Bases::default(),
            origins: Vec::new(),
            file_sums: Vec::new(),
            volumes: None,
            profile: None,
            part: Part::Whole,
        }
    }
}
