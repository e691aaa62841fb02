//! The part of a bundle that one of several processes works on (docs/scale.md).

use std::collections::{BTreeMap, BTreeSet};

use super::Contents;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::plan::PlannedBlob;
use crate::format::statement::Class;

/// Largest number of pieces. Job arrays of Slurm have at most 1001 by default.
pub const SHARES_MAX: u32 = 1000;

/// One of the pieces that several processes work on. Which chunks it has follows from the plan of the bundle and the number of
/// pieces alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    piece: u32,
    pieces: u32,
}

/// There is no piece of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no piece {piece}: {pieces} pieces are numbered from 0 to {}", pieces.saturating_sub(1))]
pub struct NoSuchShare {
    /// The number that was asked for.
    pub piece: u32,
    /// The number of pieces.
    pub pieces: u32,
}

/// All pieces of a bundle.
pub struct Shares {
    /// The data chunks of each piece. A bundle with few chunks has fewer pieces than were asked for.
    chunks: Vec<BTreeSet<u32>>,
    /// The piece of each data chunk.
    pieces: BTreeMap<u32, u32>,
    asked: u32,
}

impl Share {
    /// Returns the piece with this number, from 0.
    ///
    /// # Errors
    /// [`NoSuchShare`] if there are not so many.
    pub fn new(piece: u32, pieces: u32) -> Result<Share, NoSuchShare> {
        if piece < pieces { Ok(Share { piece, pieces }) } else { Err(NoSuchShare { piece, pieces }) }
    }

    /// Returns its number, from 0.
    pub fn piece(self) -> u32 {
        self.piece
    }

    /// Returns the number of pieces.
    pub fn pieces(self) -> u32 {
        self.pieces
    }

    /// Returns the data chunks of this piece; none if the bundle has too few chunks for so many pieces.
    pub fn chunks(self, contents: &Contents) -> BTreeSet<u32> {
        let mut all = Shares::of(contents, self.pieces).chunks;
        let at = self.piece as usize;
        if at < all.len() { all.swap_remove(at) } else { BTreeSet::new() }
    }

    /// Returns the data chunks that are needed to work on this piece: also those with manifests.
    pub(super) fn needed(self, contents: &Contents) -> BTreeSet<u32> {
        let mut needed = self.chunks(contents);
        let documents = contents.plan.blobs.iter().filter(|blob| blob.class == Class::Metadata);
        needed.extend(
            documents.flat_map(|blob| &blob.pieces).map(|piece| piece.chunk).filter(|&chunk| chunk > 0),
        );
        needed
    }

    /// Whether a parity file belongs to this piece.
    pub fn has_parity(self, number: u32) -> bool {
        number % self.pieces == self.piece
    }
}

impl Shares {
    /// Deals the data chunks of a bundle to this number of pieces.
    pub fn of(contents: &Contents, pieces: u32) -> Shares {
        let bytes_of = |number| contents.chunks.line(number).map_or(0, |line| line.bytes);
        let chunks = contents.plan.deal(pieces as usize, &bytes_of);
        let owners =
            (0..).zip(&chunks).flat_map(|(piece, chunks)| chunks.iter().map(move |&chunk| (chunk, piece)));
        Shares { pieces: owners.collect(), chunks, asked: pieces }
    }

    /// Returns the piece that a blob belongs to; `None` if it is in the control chunk, which belongs to no piece.
    pub fn piece_of(&self, blob: &PlannedBlob) -> Option<u32> {
        self.pieces.get(&blob.pieces.first()?.chunk).copied()
    }

    /// Returns the piece that a data chunk belongs to.
    pub fn piece_of_chunk(&self, number: u32) -> Option<u32> {
        self.pieces.get(&number).copied()
    }

    /// Returns the piece that a parity file belongs to.
    pub fn piece_of_parity(&self, number: u32) -> u32 {
        number % self.asked
    }
}

impl Diagnose for NoSuchShare {
    fn diagnosis(&self) -> Diagnosis {
        Code::NoSuchPiece.into()
    }
}
