//! Errors of chunk files and chunk stores.

use std::io;

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::storage::StorageError;

/// An error of a chunk file or a chunk store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediumError {
    /// An operation on a file or folder failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation that failed, e.g. `read` or `write`.
        what: &'static str,
        /// The path of the file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// An object store, or access to it, failed.
    #[error(transparent)]
    #[doc(hidden)]
    Store(#[from] StorageError),
    /// An upload failed, as an earlier error said.
    #[error("{problem}")]
    UploadFailed {
        /// That error.
        problem: String,
        /// Its code and circumstance.
        diagnosis: Diagnosis,
    },
    /// The path is neither a regular file nor a folder.
    #[error("{path} is neither a regular file nor a folder")]
    NotRegular {
        /// The path of the file.
        path: String,
    },
    /// There are more files than a bundle can have.
    #[error("found more than {limit} files, which is the limit")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Packing would have to replace an existing file.
    #[error("{path} exists and is not a finished chunk of this bundle")]
    Exists {
        /// The path of the file.
        path: String,
    },
    /// A new file would have to replace an existing one.
    #[error("{path} exists already")]
    NameTaken {
        /// The path of the file.
        path: String,
    },
    /// The file name cannot be written into a checksum file.
    #[error("the file name of {path} contains control characters or is not UTF-8")]
    OddName {
        /// The path of the file.
        path: String,
    },
    /// Volumes are folders, and the store has none.
    #[error("volumes are folders, and {place} is not in one")]
    NoVolumes {
        /// The name of a file there.
        place: String,
    },
    /// Chunks that are signed later can be written into a folder only.
    #[error(
        "chunks that are signed later cannot be written to {place}: an object is written once, with its signature"
    )]
    SignedLater {
        /// The place.
        place: String,
    },
    /// Another process is packing the same bundle.
    #[error("another process is packing into {path}")]
    Busy {
        /// The path of the staging folder.
        path: String,
    },
    /// There is not enough free space.
    #[error("{path} has {free} bytes free, but the bundle needs {needed} bytes")]
    Full {
        /// The path of the folder.
        path: String,
        /// The free space in bytes.
        free: u64,
        /// The number of bytes still to be written.
        needed: u64,
    },
}

impl Diagnose for MediumError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            MediumError::Io { source, .. } => return Code::FileUnusable.with(Advice::of_io(source)),
            MediumError::Store(error) => return error.diagnosis(),
            MediumError::UploadFailed { diagnosis, .. } => return diagnosis.clone(),
            MediumError::Exists { .. } => return Code::TargetExists.with(Advice::OtherBundleInTheWay),
            MediumError::NameTaken { .. } => Code::TargetExists,
            MediumError::NotRegular { .. } => Code::FileNotRegular,
            MediumError::TooMany { .. } => Code::TooManyFiles,
            MediumError::OddName { .. } => Code::FileNameOdd,
            MediumError::NoVolumes { .. } => {
                return Code::BadPlace.with(Advice::VolumesNeedFolder);
            }
            MediumError::SignedLater { .. } => return Code::BadPlace.with(Advice::PiecesNeedFolder),
            MediumError::Busy { .. } => Code::TargetBusy,
            MediumError::Full { .. } => Code::DiskFull,
        };
        code.into()
    }
}
