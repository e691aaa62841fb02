//! Errors of reading a blob from chunk files.

use super::Refusal;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;

/// A blob of a bundle cannot be read from its chunk files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// A chunk that holds part of the blob is missing.
    #[error(transparent)]
    Missing(#[from] Refusal),
    /// The bytes of the blob do not match its digest.
    #[error("{file}: {mismatch}")]
    Damaged {
        /// The chunk file or files that hold the blob.
        file: String,
        /// The expected and the actual digest and size.
        mismatch: BlobMismatch,
    },
    /// A piece of the blob does not have the SHA-384 that its chunk lists.
    #[error("{file}: a piece of blob {blob} has another SHA-384 than its chunk lists")]
    OtherSha384 {
        /// The digest of the blob.
        blob: Digest,
        /// The chunk file or files that hold the blob.
        file: String,
    },
    /// A chunk file cannot be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The digest of the blob.
        blob: Digest,
        /// The path of the chunk file.
        file: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl Diagnose for BlobError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            BlobError::Missing(refusal) => refusal.diagnosis(),
            BlobError::Damaged { .. } | BlobError::OtherSha384 { .. } => {
                Code::BlobMismatch.with(Advice::ChunksAreDamaged)
            }
            BlobError::Unreadable { .. } => Code::ChunkUnreadable.into(),
        }
    }
}
