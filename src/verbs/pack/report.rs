//! The report of `pack`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::failure::ArtifactFailure;
use super::place::PlannedChunk;
use super::prepared::Prepared;
use super::request::PackRequest;
use super::sealer::{Only, Sealer};
use crate::format::head::Head;
use crate::format::statement::{Class, Crossing, Kind};
use crate::format::volume::{Volume, volume_folder};
use crate::format::{Profile, Sum, Timestamp};
use crate::medium::chunk_file_name;
use crate::parity::ParityReport;
use crate::stream::hash::Output;
use crate::verbs::report::{ArtifactReport, LeftOutReport, OmissionReport, OriginReport};
use crate::verbs::sums::{FileSums, SumFunction, SumsReport};

/// The outcome of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A dry run: nothing was written, and the report says what would be.
    Planned,
    /// The bundle was written.
    Packed,
    /// The same bundle already exists, complete.
    Unchanged,
}

/// A chunk file of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChunkReport {
    /// The number of the chunk; 0 for the control chunk.
    pub number: u32,
    /// The name of the chunk file, without folders.
    pub file: String,
    /// The kind of the chunk: control or data.
    pub kind: Kind,
    /// The class of the blobs in the chunk.
    pub class: Class,
    /// The size of the chunk file in bytes.
    pub bytes: u64,
    /// How many blobs and slices it contains, or parts of documents in an annex chunk.
    pub entries: usize,
    /// The SHA-256 of the signed statement of the chunk; absent in a dry run.
    pub statement: Option<Sum>,
    /// The requested checksums of the whole file, in the order of the request.
    #[serde(skip)]
    pub file_sums: Vec<Output>,
}

/// A volume: a folder that fits a medium.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VolumeReport {
    /// The name of the folder.
    pub folder: String,
    /// The number of its first chunk. Each volume has the control chunk besides.
    pub first: u32,
    /// The number of its last chunk.
    pub last: u32,
    /// What it takes up on a medium at most, in bytes, with the file system.
    pub bytes: u64,
}

/// How chunks were made again.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AgainReport {
    /// The time of sealing in their statements.
    pub sealed: Timestamp,
    /// Whether the request gives this time. Then the bytes are those of the first time, if the key and the expiry are.
    pub as_requested: bool,
    /// Whether every blob was read, because the control chunk lists the sums of all chunks.
    pub read_everything: bool,
}

/// The report of `pack`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackReport {
    /// The outcome of packing.
    pub outcome: Outcome,
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The maximum size of a chunk file, in bytes.
    pub chunk_bytes: u64,
    /// The profile that the bundle keeps; absent if none.
    pub profile: Option<Profile>,
    /// The artifacts in the bundle, without referrers.
    pub artifacts: Vec<ArtifactReport>,
    /// How many signatures, SBOMs and other referrers the bundle contains.
    pub referrers: usize,
    /// How many blobs the bundle contains, manifests and indexes included.
    pub blobs: u64,
    /// The total size of these blobs, in bytes.
    pub payload_bytes: u64,
    /// How many of these blobs are non-distributable layers.
    pub nondistributable_blobs: u64,
    /// The total size of the non-distributable layers, in bytes.
    pub nondistributable_bytes: u64,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The bundles that this one was made of; none if it was packed from sources.
    pub origins: Vec<OriginReport>,
    /// The registry or repository that the non-distributable layers were pushed to as well, if any.
    pub nondistributable_pushed_to: Option<String>,
    /// The volumes, in order; none if all chunks are in one folder.
    pub volumes: Vec<VolumeReport>,
    /// How chunks were made again; absent if the whole bundle was packed.
    pub again: Option<AgainReport>,
    /// The chunk files, by chunk number; only those of the request if chunks were made again.
    pub chunks: Vec<ChunkReport>,
    /// The head of the control chunk; absent in a dry run.
    #[serde(skip)]
    #[doc(hidden)]
    pub control: Option<Head>,
    /// The parity files, if they were asked for.
    #[doc(hidden)]
    pub parity: Option<ParityReport>,
    /// Artifacts that were not packed because of an error.
    pub failures: Vec<ArtifactFailure>,
    /// Warnings: problems that did not fail an artifact.
    pub warnings: Vec<String>,
}

impl PackReport {
    /// Returns the checksums that packing computed, if it was asked for these `functions`.
    #[doc(hidden)]
    pub fn sums(&self, functions: &[SumFunction]) -> SumsReport {
        let file =
            |chunk: &ChunkReport| FileSums::new(chunk.file.clone(), chunk.bytes, functions, &chunk.file_sums);
        SumsReport { files: self.chunks.iter().map(file).collect() }
    }

    /// Creates the report; `sealer` knows the chunk files, if any were written.
    pub(super) fn new(
        request: &PackRequest<'_>,
        prepared: &Prepared,
        sealer: Option<&Sealer<'_>>,
        outcome: Outcome,
    ) -> PackReport {
        let Prepared { gathered, blueprint, volumes, .. } = prepared;
        let plan = blueprint.plan();
        let volume = |(number, volume): (usize, &Volume)| VolumeReport {
            folder: volume_folder(plan.crossing.name.as_str(), number),
            first: volume.first,
            last: volume.last,
            bytes: volume.bytes,
        };
        let nondistributable = || plan.blobs.iter().filter(|blob| blob.class == Class::Nondistributable);
        let chunk = |(number, chunk): (u32, &PlannedChunk)| ChunkReport {
            number,
            file: chunk_file_name(&plan.crossing.name, number),
            kind: chunk.kind,
            class: chunk.class,
            bytes: blueprint.file_bytes(number),
            // An annex chunk holds parts of documents.
            entries: match chunk.pieces.len() {
                0 if number > 0 => chunk.entries(),
                pieces => pieces,
            },
            statement: sealer.and_then(|sealer| sealer.statement_of(number)),
            file_sums: sealer.map(|sealer| sealer.file_sums.of(number)).unwrap_or_default(),
        };
        let again = request.part.request();
        let wanted = again.map(|request| request.chunks().collect::<BTreeSet<u32>>());
        let is_wanted = |(number, _): &(u32, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(number));
        PackReport {
            outcome,
            bundle: blueprint.bundle(),
            crossing: plan.crossing.clone(),
            chunk_bytes: plan.chunk_bytes,
            profile: plan.profile,
            artifacts: ArtifactReport::all(plan),
            referrers: plan.referrers.len(),
            blobs: plan.blobs.len() as u64,
            payload_bytes: plan.payload_bytes(),
            nondistributable_blobs: nondistributable().count() as u64,
            nondistributable_bytes: nondistributable().map(|blob| blob.size).sum(),
            omitted: OmissionReport::all(plan),
            left_out: LeftOutReport::all(plan),
            origins: OriginReport::all(plan),
            nondistributable_pushed_to: None,
            parity: None,
            volumes: (1..).zip(volumes).map(volume).collect(),
            again: again.map(|only| AgainReport {
                sealed: request.created,
                as_requested: only.sealed() == Some(request.created),
                read_everything: Only::of(&request.part, blueprint).is_some_and(|only| only.lists_all()),
            }),
            chunks: (0..).zip(blueprint.chunks()).filter(is_wanted).map(chunk).collect(),
            control: sealer.and_then(Sealer::control_head),
            failures: gathered.failures.clone(),
            warnings: gathered.warnings.clone(),
        }
    }

    /// Returns the total size of the chunk files, in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }
}
