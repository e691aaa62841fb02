//! What packing says when it is done.

use schemars::JsonSchema;
use serde::Serialize;

use super::blueprint::Blueprint;
use super::failure::ArtifactFailure;
use super::file_sums::FileSums;
use super::gather::Cargo;
use super::place::PlannedChunk;
use crate::format::Sum;
use crate::format::statement::{Class, Crossing, Kind};
use crate::medium::chunk_file_name;
use crate::stream::hash::Output;
use crate::verbs::report::{ArtifactReport, OmissionReport};

/// What became of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing was written; this is what would be.
    Planned,
    /// The bundle is there.
    Packed,
    /// The bundle was there already, whole and the same.
    Unchanged,
}

/// A chunk file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChunkReport {
    /// Its number.
    pub number: u32,
    /// Its file's name.
    pub file: String,
    /// Control or data.
    pub kind: Kind,
    /// What its blobs are.
    pub class: Class,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// How many blobs or slices are in it.
    pub entries: usize,
    /// The sums of the whole file that were asked for, in that order.
    #[serde(skip)]
    pub file_sums: Vec<Output>,
}

/// What packing says when it is done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackReport {
    /// What became of it.
    pub outcome: Outcome,
    /// The bundle's id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The limit of a file, in bytes.
    pub chunk_bytes: u64,
    /// The artifacts that were asked for.
    pub artifacts: Vec<ArtifactReport>,
    /// How many signatures, SBOMs and other referrers travel with them.
    pub referrers: usize,
    /// How many blobs.
    pub blobs: u64,
    /// Their size in bytes.
    pub payload_bytes: u64,
    /// Of those, non-distributable layers.
    pub nondistributable_blobs: u64,
    /// Their size in bytes.
    pub nondistributable_bytes: u64,
    /// What is reachable and not carried.
    pub omitted: Vec<OmissionReport>,
    /// Where non-distributable layers were pushed to beside that.
    pub nondistributable_pushed_to: Option<String>,
    /// The files, by number.
    pub chunks: Vec<ChunkReport>,
    /// Artifacts that could not be had.
    pub failures: Vec<ArtifactFailure>,
    /// What the operator should know and that is no failure.
    pub warnings: Vec<String>,
}

impl PackReport {
    /// What becomes of a bundle; `file_sums` are those of its chunk files, where any were written.
    pub(super) fn new(
        blueprint: &Blueprint,
        cargo: &Cargo,
        file_sums: Option<&FileSums>,
        outcome: Outcome,
    ) -> PackReport {
        let plan = blueprint.plan();
        let nondistributable = || plan.blobs.iter().filter(|blob| blob.class == Class::Nondistributable);
        let chunk = |(number, chunk): (u32, &PlannedChunk)| ChunkReport {
            number,
            file: chunk_file_name(&plan.crossing.name, number),
            kind: chunk.kind,
            class: chunk.class,
            bytes: blueprint.file_bytes(number),
            // An annex chunk holds parts of documents.
            entries: match chunk.pieces.len() {
                0 if number > 0 => chunk.shape.items().len(),
                pieces => pieces,
            },
            file_sums: file_sums.map(|sums| sums.of(number)).unwrap_or_default(),
        };
        PackReport {
            outcome,
            bundle: blueprint.bundle(),
            crossing: plan.crossing.clone(),
            chunk_bytes: plan.chunk_bytes,
            artifacts: ArtifactReport::all(plan),
            referrers: plan.referrers.len(),
            blobs: plan.blobs.len() as u64,
            payload_bytes: plan.payload_bytes(),
            nondistributable_blobs: nondistributable().count() as u64,
            nondistributable_bytes: nondistributable().map(|blob| blob.size).sum(),
            omitted: OmissionReport::all(plan),
            nondistributable_pushed_to: None,
            chunks: (0..).zip(blueprint.chunks()).map(chunk).collect(),
            failures: cargo.failures.clone(),
            warnings: cargo.warnings.clone(),
        }
    }

    /// The size of all files in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }
}
