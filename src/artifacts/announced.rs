//! Compares the descriptor of a blob with the bytes that are written.

use super::ArtifactError;
use crate::oci::digest::BlobMismatch;
use crate::oci::{Descriptor, Digest, VerifiedBlob};

/// The digest and size of a blob from its descriptor, and the number of bytes written so far.
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

    /// The number of bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Counts the next bytes before they are written.
    ///
    /// # Errors
    /// If the blob would become longer than its descriptor says.
    pub(super) fn advance(&mut self, count: usize) -> Result<(), ArtifactError> {
        let found = self.written.saturating_add(count as u64);
        if found > self.bytes {
            return Err(ArtifactError::BlobSize { digest: self.digest, announced: self.bytes, found });
        }
        self.written = found;
        Ok(())
    }

    /// Returns the digest of the blob if the blob is complete and `proof` is for it.
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
