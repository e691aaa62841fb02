//! What a blob was announced as, held against what is written.

use super::ArtifactError;
use crate::oci::digest::BlobMismatch;
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// The announcement, and how much of it came.
#[derive(Debug)]
pub(super) struct Announced {
    digest: Digest,
    bytes: u64,
    written: u64,
}

impl Announced {
    pub(super) fn of(descriptor: &Descriptor) -> Announced {
        Announced { digest: descriptor.digest, bytes: descriptor.size, written: 0 }
    }

    /// How many bytes came so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Counts the next bytes, before they are written.
    ///
    /// # Errors
    /// When they are more than announced.
    pub(super) fn advance(&mut self, count: usize) -> Result<(), ArtifactError> {
        let found = self.written.saturating_add(count as u64);
        if found > self.bytes {
            return Err(ArtifactError::BlobSize { digest: self.digest, announced: self.bytes, found });
        }
        self.written = found;
        Ok(())
    }

    /// The digest of the blob, if all of it came and the proof is of it.
    pub(super) fn accept(&self, proof: VerifiedBlob) -> Result<Digest, ArtifactError> {
        if proof.digest() != self.digest || proof.size() != self.bytes {
            return Err(ArtifactError::from(BlobMismatch {
                expected: self.digest,
                expected_bytes: self.bytes,
                found: proof.digest(),
                found_bytes: proof.size(),
            }));
        }
        if self.written != self.bytes {
            let (announced, found) = (self.bytes, self.written);
            return Err(ArtifactError::BlobSize { digest: self.digest, announced, found });
        }
        Ok(self.digest)
    }
}
