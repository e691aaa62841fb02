//! The layout of a bundle: the contents of each chunk and the offset of each byte. It does not change while chunks are
//! written, so any number of workers, even on several machines, can use it.

use super::place::{Placement, PlannedChunk};
use crate::format::plan::Plan;
use crate::format::shape::{Item, head_entry_bytes, signature_entries_bytes};
use crate::format::statement::Statement;
use crate::format::{Sum, SumPair, Timestamp};

/// The position of a piece in its chunk.
#[derive(Clone, Copy)]
struct PieceAt {
    /// The index of its entry in the chunk.
    entry: usize,
    /// The offset of its payload, in bytes from the start of the file.
    offset: u64,
}

/// The layout of a bundle.
pub(super) struct Blueprint {
    plan: Plan,
    bundle: Sum,
    document_bytes: [u64; 3],
    chunks: Vec<PlannedChunk>,
    first_annex: u32,
    /// The position of each piece, by blob, then by piece.
    pieces: Vec<Vec<PieceAt>>,
    /// The size of the signatures in the head with their headers, in bytes.
    signatures_bytes: u64,
    created: Timestamp,
    expires: Option<Timestamp>,
}

impl Blueprint {
    /// Creates the layout of a placement whose chunks are sealed at `created` with signatures of these sizes.
    pub(super) fn new(
        placement: Placement,
        signature_sizes: &[u64],
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
            signatures_bytes: signature_entries_bytes(signature_sizes.iter().copied()),
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

    /// Returns the plan, in which every blob is placed.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the id of the bundle.
    pub(super) fn bundle(&self) -> Sum {
        self.bundle
    }

    /// Returns the sizes of the control chunk's documents in bytes, in the order of `Document::ALL`.
    pub(super) fn document_bytes(&self) -> [u64; 3] {
        self.document_bytes
    }

    /// Returns all chunks, by number from 0.
    pub(super) fn chunks(&self) -> &[PlannedChunk] {
        &self.chunks
    }

    /// Returns a chunk by its number.
    pub(super) fn chunk(&self, number: u32) -> &PlannedChunk {
        &self.chunks[number as usize]
    }

    /// Returns the data chunks with their numbers.
    pub(super) fn data_chunks(&self) -> impl Iterator<Item = (u32, &PlannedChunk)> {
        (1..self.first_annex).map(|number| (number, self.chunk(number)))
    }

    /// Returns the annex chunks with their numbers; none if the control chunk contains the documents.
    pub(super) fn annex_chunks(&self) -> impl Iterator<Item = (u32, &PlannedChunk)> {
        (self.first_annex..=self.plan.last).map(|number| (number, self.chunk(number)))
    }

    /// Returns the statement of a chunk. Its length does not depend on `sums`.
    pub(super) fn statement(&self, number: u32, sums: SumPair) -> Statement {
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

    /// Returns the offset of the sealed part in a chunk file, in bytes.
    pub(super) fn sealed_at(&self, number: u32) -> u64 {
        let statement_bytes = self.statement(number, SumPair::zero(self.plan.profile)).render().len() as u64;
        head_entry_bytes(statement_bytes) + self.signatures_bytes
    }

    /// Returns the size of a chunk file when it is packed, in bytes.
    pub(super) fn file_bytes(&self, number: u32) -> u64 {
        self.sealed_at(number) + self.chunk(number).shape.sealed_bytes()
    }

    /// Returns the sizes that chunk files may reach, in bytes, by number: the control chunk with all its signatures.
    pub(super) fn file_sizes(&self) -> Vec<u64> {
        let control = self.chunk(0).shape.sealed_bytes() + self.plan.heads.control;
        std::iter::once(control).chain((1..=self.plan.last).map(|number| self.file_bytes(number))).collect()
    }

    /// Returns the chunk number of a piece, the index of its entry in that chunk, and the entry.
    pub(super) fn entry_of(&self, blob: usize, piece: usize) -> (u32, usize, Item) {
        let chunk = self.plan.blobs[blob].pieces[piece].chunk;
        let entry = self.pieces[blob][piece].entry;
        (chunk, entry, self.chunk(chunk).shape.items()[entry])
    }

    /// Returns the offset of the payload of a piece in its chunk file, in bytes.
    pub(super) fn offset_of(&self, blob: usize, piece: usize) -> u64 {
        self.pieces[blob][piece].offset
    }
}
