//! Why a blob of a bundle cannot be had from its chunk files.

use super::Refusal;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::oci::Digest;
use crate::oci::digest::BlobMismatch;

/// Why a blob of a bundle cannot be had from its chunk files.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// A chunk of it is not there.
    #[error(transparent)]
    Missing(#[from] Refusal),
    /// Its bytes are not what its digest says.
    #[error("{file}: {mismatch}")]
    Damaged {
        /// The chunk file or files it is in.
        file: String,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// A chunk file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The blob that was wanted.
        blob: Digest,
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Diagnose for BlobError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            BlobError::Missing(refusal) => refusal.diagnosis(),
            BlobError::Damaged { .. } => Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            BlobError::Unreadable { .. } => Code::ChunkUnreadable.into(),
        }
    }
}
