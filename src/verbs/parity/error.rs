//! Errors of making parity.

use std::io;

use crate::arrival::{Finding, OpenError, Refusal};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::volume::NoVolume;
use crate::medium::MediumError;
use crate::stream::pump::Halted;
use crate::trust::SignerError;

/// An error that stops making parity.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// The files cannot be opened as bundles.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The bundle is not complete, or not trusted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A chunk is damaged.
    #[error("{file}: {finding}")]
    Damaged {
        /// The path of the chunk.
        file: String,
        /// What is damaged.
        finding: Finding,
    },
    /// A chunk cannot be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The path of the chunk.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// So much parity does not fit into files within the limit of the bundle.
    #[error(
        "{losses} parity files for each group of {chunks} chunks do not fit into files of at most {chunk_bytes} bytes"
    )]
    TooMuch {
        /// How many files may be lost.
        losses: u32,
        /// The chunks of a group.
        chunks: usize,
        /// The maximum size of a chunk file, in bytes.
        chunk_bytes: u64,
    },
    /// A parity file does not fit into a volume, or there are too many.
    #[error("parity: {0}")]
    Volumes(#[from] NoVolume),
    /// The place for the parity files cannot be read or written.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// A parity file cannot be written.
    #[error("cannot write {file}: {source}")]
    Unwritable {
        /// The path of the file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The key cannot sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The system is out of memory or threads.
    #[error("out of memory or threads: {0}")]
    System(io::Error),
    /// A signal interrupted the work.
    #[error("interrupted")]
    Interrupted,
}

impl From<Halted> for ParityError {
    fn from(halted: Halted) -> ParityError {
        match halted {
            Halted::System(source) => ParityError::System(source),
            Halted::Interrupted => ParityError::Interrupted,
        }
    }
}

impl Diagnose for ParityError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            ParityError::Open(error) => return error.diagnosis(),
            ParityError::Refused(error) => return error.diagnosis(),
            ParityError::Volumes(error) => return error.diagnosis(),
            ParityError::Medium(error) => return error.diagnosis(),
            ParityError::Signer(error) => return error.diagnosis(),
            ParityError::Damaged { .. } => Code::BundleIncomplete,
            ParityError::Unreadable { .. } => Code::ChunkUnreadable,
            ParityError::TooMuch { .. } => Code::ParityTooMuch,
            ParityError::Unwritable { .. } => Code::ChunkUnwritable,
            ParityError::System(_) => Code::System,
            ParityError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}
