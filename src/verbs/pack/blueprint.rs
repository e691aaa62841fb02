//! The geometry of a bundle: what each chunk holds, and where each byte of it lies. Nothing in it changes while
//! chunks are written, so any number of workers, or of machines, can build from it.

use super::place::{Placement, PlannedChunk};
use crate::format::plan::Plan;
use crate::format::shape::{Item, head_entry_bytes};
use crate::format::statement::Statement;
use crate::format::{Sum, Timestamp};

/// Where a piece lies in its chunk.
#[derive(Clone, Copy)]
struct PieceAt {
    entry: usize,
    /// Of its payload, in bytes from the start of the file.
    offset: u64,
}

/// A bundle before it is written.
pub(super) struct Blueprint {
    plan: Plan,
    bundle: Sum,
    document_bytes: [u64; 3],
    chunks: Vec<PlannedChunk>,
    first_annex: u32,
    /// By blob, then by piece.
    pieces: Vec<Vec<PieceAt>>,
    signature_bytes: u64,
    created: Timestamp,
    expires: Option<Timestamp>,
}

impl Blueprint {
    /// Of blobs that have their places, in chunks that are sealed at `created` with one signature of this length.
    pub(super) fn new(
        placement: Placement,
        signature_bytes: u64,
        created: Timestamp,
        expires: Option<Timestamp>,
    ) -> Blueprint {
        let Placement { plan, document_bytes, chunks, annex } = placement;
        let mut blueprint = Blueprint {
            bundle: plan.bundle_id(),
            pieces: plan.blobs.iter().map(|blob| Vec::with_capacity(blob.pieces.len())).collect(),
            first_annex: u32::try_from(chunks.len()).expect("chunk numbers are bounded"),
            chunks: chunks.into_iter().chain(annex).collect(),
            plan,
            document_bytes,
            signature_bytes,
            created,
            expires,
        };
        for number in 0..=blueprint.plan.last {
            let sealed_at = blueprint.sealed_at(number);
            let PlannedChunk { shape, pieces, .. } = blueprint.chunk(number);
            let fixed = shape.items().len() - pieces.len();
            let offsets: Vec<(usize, u64)> = shape.offsets().enumerate().skip(fixed).collect();
            let blobs: Vec<usize> = pieces.iter().map(|placed| placed.blob).collect();
            for ((entry, offset), blob) in offsets.into_iter().zip(blobs) {
                blueprint.pieces[blob].push(PieceAt { entry, offset: sealed_at + offset });
            }
        }
        blueprint
    }

    /// The plan in which every blob has its place.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The bundle's id.
    pub(super) fn bundle(&self) -> Sum {
        self.bundle
    }

    /// The sizes of the control chunk's documents in bytes, in the order of `Document::ALL`.
    pub(super) fn document_bytes(&self) -> [u64; 3] {
        self.document_bytes
    }

    /// Every chunk, by number from 0.
    pub(super) fn chunks(&self) -> &[PlannedChunk] {
        &self.chunks
    }

    /// A chunk.
    pub(super) fn chunk(&self, number: u32) -> &PlannedChunk {
        &self.chunks[number as usize]
    }

    /// The data chunks, with their numbers.
    pub(super) fn data_chunks(&self) -> impl Iterator<Item = (u32, &PlannedChunk)> {
        (1..self.first_annex).map(|number| (number, self.chunk(number)))
    }

    /// The annex chunks, with their numbers: none where the documents stand in the control chunk.
    pub(super) fn annex_chunks(&self) -> impl Iterator<Item = (u32, &PlannedChunk)> {
        (self.first_annex..=self.plan.last).map(|number| (number, self.chunk(number)))
    }

    /// The statement of a chunk; its length does not depend on the sums.
    pub(super) fn statement(&self, number: u32, sums: Sum) -> Statement {
        let PlannedChunk { kind, class, shape, .. } = self.chunk(number);
        Statement {
            bundle: self.bundle,
            crossing: self.plan.crossing.clone(),
            kind: *kind,
            class: Some(*class),
            number,
            last: self.plan.last,
            bytes: shape.sealed_bytes(),
            created: self.created,
            expires: self.expires,
            sums,
        }
    }

    /// Where the sealed part of a chunk begins in its file, in bytes.
    pub(super) fn sealed_at(&self, number: u32) -> u64 {
        let statement_bytes = self.statement(number, Sum([0; 32])).render().len() as u64;
        head_entry_bytes(statement_bytes) + head_entry_bytes(self.signature_bytes)
    }

    /// The size of a chunk's file as it is packed, in bytes.
    pub(super) fn file_bytes(&self, number: u32) -> u64 {
        self.sealed_at(number) + self.chunk(number).shape.sealed_bytes()
    }

    /// The chunk of a piece, the place of its entry among those of that chunk, and the entry.
    pub(super) fn entry_of(&self, blob: usize, piece: usize) -> (u32, usize, Item) {
        let chunk = self.plan.blobs[blob].pieces[piece].chunk;
        let entry = self.pieces[blob][piece].entry;
        (chunk, entry, self.chunk(chunk).shape.items()[entry])
    }

    /// Where the payload of a piece begins in its chunk's file, in bytes.
    pub(super) fn offset_of(&self, blob: usize, piece: usize) -> u64 {
        self.pieces[blob][piece].offset
    }
}
