//! Where chunk files live.
//!
//! A [`ChunkStore`] is a place for them: a folder, later a bucket. Packing takes hold of it for one bundle and gets a
//! [`ChunkSink`], which takes chunks by number. What lies in a place, or was named file by file, are
//! [`ChunkFile`]s; they are known by content. Verbs know these traits only.

mod arrived;
mod error;
mod file;
mod folder;
mod on_disk;
mod store;
mod temporary;

pub use arrived::{ArrivedFile, collect};
pub use error::MediumError;
pub use file::{ChunkFile, ReadAt};
pub use folder::Folder;
pub use store::{ChunkSink, ChunkStore, Replace, WriteAt, chunk_file_name};

pub(crate) use on_disk::{Writeback, reserve};
pub(crate) use temporary::Temporary;
