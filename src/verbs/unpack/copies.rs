//! Retries a failed blob from another copy of its chunk, if there are several.

use super::UnpackError;
use super::unloading::Unloading;
use crate::arrival::{BlobError, Carrier};
use crate::stream::flow::{Filled, Flow as _};

/// Whether a failed blob may be intact in another file, because there are several copies of one of its chunks.
pub(super) fn may_have_intact_copy(carrier: Carrier<'_>, error: &UnpackError) -> bool {
    let is_chunk_damage = matches!(
        error,
        UnpackError::Blob(
            BlobError::Damaged { .. } | BlobError::OtherSha384 { .. } | BlobError::Unreadable { .. }
        )
    );
    is_chunk_damage && carrier.bundle.has_copies(carrier.blob)
}

/// Unpacks a single blob.
pub(super) fn unpack_one(mut flow: Unloading<'_>) -> Result<(), UnpackError> {
    let mut digests = flow.digests();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let Filled::Bytes(filled) = flow.fill(&mut buffer)? else { return flow.finish(digests.finish()) };
        digests.update(&buffer[..filled]);
        flow.drain(&buffer[..filled])?;
    }
}
