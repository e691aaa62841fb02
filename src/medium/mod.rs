//! Where chunk files live. [`ChunkSink`] takes them when packing, [`ChunkFile`] gives them when they
//! have arrived. Chunks are known by number when they are written and by content when they are read.

mod arrived;
mod folder;
mod on_disk;
mod temporary;

use std::io;

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};

pub use arrived::{ArrivedFile, collect};
pub(crate) use on_disk::{Writeback, reserve};
pub(crate) use temporary::Temporary;

pub use folder::{Folder, Replace, chunk_file_name};

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

/// Reads at any place. Independent of other readers of the same file.
pub trait ReadAt: Send {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// When the file ends before that, too.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file that may be a chunk.
pub trait ChunkFile: Send + Sync {
    /// How messages name it, escaped.
    fn name(&self) -> &str;

    /// Its size in bytes when it was found.
    fn bytes(&self) -> u64;

    /// Opens it. May be called again and again: no file stays open that is not being read.
    ///
    /// # Errors
    /// When it is not the file any more that was found.
    fn open(&self) -> io::Result<Box<dyn ReadAt>>;
}

/// Writes at any place. Independent of other writers to the same file.
pub trait WriteAt: Send {
    /// Writes all of `bytes` from `offset` on.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

/// Takes the chunk files of one bundle. A chunk is pending from `begin` to `commit`, and seen by
/// nobody; dropped before `commit`, nothing of it remains, and finished chunks stay.
pub trait ChunkSink: Sync {
    /// The finished file under this number, whatever it is.
    fn finished(&self, number: u32) -> Result<Option<std::sync::Arc<dyn ChunkFile>>, MediumError>;

    /// Begins a chunk of this many bytes, all zero. Beginning again starts over.
    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError>;

    /// Opens a pending chunk for writing; may be called by many threads.
    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError>;

    /// Makes a pending chunk durable and then visible under its name, whole.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if something else has the name and may not be replaced.
    fn commit(&self, number: u32) -> Result<(), MediumError>;

    /// A chunk that was committed, to be read again: also one that waits for others to be put in place.
    fn sealed(&self, number: u32) -> Result<std::sync::Arc<dyn ChunkFile>, MediumError>;

    /// How messages name this chunk's file, escaped.
    fn file_name(&self, number: u32) -> String;
}
