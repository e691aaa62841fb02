//! What goes wrong with chunk files and the places where they live.

use std::io;

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};

/// What goes wrong with files of a medium.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    /// A file or folder cannot be used.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried: `read`, `write`, …
        what: &'static str,
        /// Which file, escaped.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Not a regular file or a folder.
    #[error("{path} is neither a regular file nor a folder")]
    NotRegular {
        /// Which file, escaped.
        path: String,
    },
    /// More files than a bundle can have.
    #[error("more than {limit} files are named")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// Something is there that packing would have to replace.
    #[error("{path} exists and is not a finished chunk of this bundle")]
    Exists {
        /// Which file, escaped.
        path: String,
    },
    /// A name that cannot stand in a list of sums.
    #[error("the name of {path} has control characters or is no UTF-8")]
    OddName {
        /// The file, escaped.
        path: String,
    },
    /// Folders in folders in folders.
    #[error("{path} lies deeper than {limit} folders, and is not looked into")]
    TooDeep {
        /// The folder, escaped.
        path: String,
        /// The bound.
        limit: u32,
    },
    /// Another process packs the same bundle.
    #[error("another process is packing into {path}")]
    Busy {
        /// The staging folder, escaped.
        path: String,
    },
    /// The medium is too small.
    #[error("{path} has {free} bytes free, the bundle needs {needed}")]
    Full {
        /// The folder, escaped.
        path: String,
        /// Free bytes.
        free: u64,
        /// Bytes still to be written.
        needed: u64,
    },
}

impl Diagnose for MediumError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            MediumError::Io { source, .. } => return Code::FileUnusable.with(Advice::of_io(source)),
            MediumError::Exists { .. } => return Code::TargetExists.with(Advice::OtherBundleInTheWay),
            MediumError::NotRegular { .. } => Code::FileNotRegular,
            MediumError::TooMany { .. } => Code::TooManyFiles,
            MediumError::OddName { .. } => Code::FileNameOdd,
            MediumError::TooDeep { .. } => Code::FoldersTooDeep,
            MediumError::Busy { .. } => Code::TargetBusy,
            MediumError::Full { .. } => Code::DiskFull,
        };
        code.into()
    }
}
