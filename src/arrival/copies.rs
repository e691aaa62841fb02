//! Fallback to other copies: a chunk that arrived twice may be damaged in one file and good in the other.

use super::{ReleasedBundle, segments};
use crate::format::SumPair;
use crate::format::plan::PlannedBlob;
use crate::stream::flow::Filled;
use crate::stream::hash::{Function, Stream, update_together};
use crate::stream::segments::{Segment, Segments};

/// Bytes that are hashed at once.
const BLOCK_BYTES: usize = 256 << 10;

impl ReleasedBundle<'_> {
    /// Returns whether any chunk of a blob arrived more than once.
    #[doc(hidden)]
    pub fn has_copies(&self, blob: &PlannedBlob) -> bool {
        blob.pieces.iter().any(|piece| self.copies(piece.chunk).len() > 1)
    }

    /// Finds a good copy of each piece of a blob by hashing them; `None` if a piece has none. Returns them with their sums.
    #[doc(hidden)]
    pub fn good_segments(&self, blob: &PlannedBlob) -> Option<Vec<(Segment, SumPair)>> {
        let copies = blob.pieces.iter().map(|piece| self.copies(piece.chunk).len()).max()?;
        let all: Vec<_> = (0..copies)
            .filter_map(|copy| {
                segments(blob, &|number| {
                    let files = self.copies(number);
                    files.get(copy).or(files.first()).copied()
                })
            })
            .collect();
        let good = |piece: usize| {
            let mut candidates = all.iter().map(|segments| &segments[piece]);
            candidates.find(|(segment, pair)| pair_of(segment, pair.sha384.is_some()) == Some(*pair)).cloned()
        };
        (0..blob.pieces.len()).map(good).collect()
    }
}

/// Computes the SHA-256 of a range of a file, and its SHA-384 if that is wanted; `None` if it cannot be read.
fn pair_of(segment: &Segment, wants_sha384: bool) -> Option<SumPair> {
    let mut stream = Stream::new(Function::Sha256);
    let mut strong = wants_sha384.then(|| Stream::new(Function::Sha384));
    let mut segments = Segments::new(vec![segment.clone()]);
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        match segments.fill(&mut buffer).ok()? {
            Filled::Bytes(filled) => {
                let streams = std::iter::once(&mut stream).chain(&mut strong);
                let mut streams: Vec<_> = streams.map(|stream| (stream, &buffer[..filled])).collect();
                update_together(&mut streams);
            }
            Filled::Waiting | Filled::End => {
                let sha384 = strong.and_then(|strong| strong.finish().sum384());
                return stream.finish().sum().map(|sha256| SumPair { sha256, sha384 });
            }
        }
    }
}
