//! A second chance for a blob that failed: a chunk of it may have arrived twice.

use super::UnpackError;
use super::unloading::Unloading;
use crate::arrival::ReleasedBundle;
use crate::format::plan::PlannedBlob;
use crate::stream::flow::{Filled, Flow as _};

/// The blob that failed, if any of its chunks arrived more than once: a copy may be good.
pub(super) fn has_copies<'a>(bundle: &ReleasedBundle<'a>, error: &UnpackError) -> Option<&'a PlannedBlob> {
    let digest = match error {
        UnpackError::Damaged { mismatch, .. } => mismatch.expected,
        UnpackError::Unreadable { blob, .. } => *blob,
        _ => return None,
    };
    let blob = bundle.contents().plan.blobs.iter().find(|blob| blob.digest == digest)?;
    bundle.has_copies(blob).then_some(blob)
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
