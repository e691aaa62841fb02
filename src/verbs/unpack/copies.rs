//! A second chance for a blob that failed: a chunk of it may have arrived twice.

use super::UnpackError;
use super::unloading::Unloading;
use crate::arrival::{BlobError, ReleasedBundle};
use crate::format::plan::PlannedBlob;
use crate::stream::flow::{Filled, Flow as _};

/// Whether another file may have a blob that failed, because a chunk of it arrived more than once.
pub(super) fn may_have_a_copy(bundle: &ReleasedBundle<'_>, blob: &PlannedBlob, error: &UnpackError) -> bool {
    let is_the_chunks_fault =
        matches!(error, UnpackError::Blob(BlobError::Damaged { .. } | BlobError::Unreadable { .. }));
    is_the_chunks_fault && bundle.has_copies(blob)
}

/// Moves a blob alone.
pub(super) fn move_one(mut flow: Unloading<'_>) -> Result<(), UnpackError> {
    let mut digests = flow.digests();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let Filled::Bytes(filled) = flow.fill(&mut buffer)? else { return flow.finish(digests.finish()) };
        digests.update(&buffer[..filled]);
        flow.drain(&buffer[..filled])?;
    }
}
