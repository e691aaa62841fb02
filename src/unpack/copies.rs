//! A second chance: a chunk that arrived twice may be damaged in one file and good in the other.

use super::UnpackError;
use super::unloading::Unloading;
use crate::arrival::{ReleasedBundle, segments};
use crate::format::Sum;
use crate::format::plan::PlannedBlob;
use crate::stream::hash::{Function, Stream, update_together};
use crate::stream::pump::{Filled, Flow as _};
use crate::stream::segments::{Segment, Segments};

/// The blob that failed, if any of its chunks arrived more than once: a copy may be good.
pub(super) fn has_copies<'a>(bundle: &ReleasedBundle<'a>, error: &UnpackError) -> Option<&'a PlannedBlob> {
    let digest = match error {
        UnpackError::Damaged { mismatch, .. } => mismatch.expected,
        UnpackError::Unreadable { blob, .. } => *blob,
        _ => return None,
    };
    let blob = bundle.contents().plan.blobs.iter().find(|blob| blob.digest == digest)?;
    blob.pieces.iter().any(|piece| bundle.copies(piece.chunk).len() > 1).then_some(blob)
}

/// Where good copies of all pieces of a blob are, found by hashing each.
pub(super) fn good_segments(bundle: &ReleasedBundle<'_>, blob: &PlannedBlob) -> Option<Vec<Segment>> {
    let copies = blob.pieces.iter().map(|piece| bundle.copies(piece.chunk).len()).max()?;
    let all: Vec<_> = (0..copies)
        .filter_map(|copy| {
            segments(blob, &|number| {
                let files = bundle.copies(number);
                files.get(copy).or(files.first()).copied()
            })
        })
        .collect();
    let good = |piece: usize| {
        let mut candidates = all.iter().map(|segments| &segments[piece]);
        candidates.find(|(segment, sum)| sum_of(segment) == Some(*sum)).map(|(segment, _)| segment.clone())
    };
    (0..blob.pieces.len()).map(good).collect()
}

/// The SHA-256 of a stretch of a file; `None` if it cannot be read.
fn sum_of(segment: &Segment) -> Option<Sum> {
    let mut stream = [Stream::new(Function::Sha256)];
    let mut segments = Segments::new(vec![segment.clone()]);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match segments.fill(&mut buffer).ok()? {
            0 => break,
            filled => update_together(&mut [(&mut stream[0], &buffer[..filled])]),
        }
    }
    let [stream] = stream;
    stream.finish().sum()
}

/// Moves a blob alone.
pub(super) fn move_one(mut flow: Unloading<'_>) -> Result<(), UnpackError> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let Filled::Bytes(filled) = flow.fill(&mut buffer)? else { return flow.finish() };
        update_together(&mut [(&mut flow.streams()[0], &buffer[..filled])]);
        flow.drain(&buffer[..filled])?;
    }
}
