//! Storage of chunk files.
//!
//! A [`ChunkStore`] stores chunk files: a folder, or a container of an object store. Packing locks it for one bundle and gets a
//! [`ChunkSink`], which receives chunks by number. The files in a store, or those named individually, are
//! [`ChunkFile`]s, which are identified by their content. Verbs use only these traits.

mod arrived;
#[cfg(feature = "full")]
mod bucket;
mod chunk_place;
mod collect;
mod error;
mod file;
mod folder;
mod new_file;
mod new_name;
mod on_disk;
mod store;
mod temporary;
mod whole_file;

pub use arrived::ArrivedFile;
pub use collect::{Collected, PassedOver, Why, collect};
pub use error::MediumError;
pub use file::{ChunkFile, ReadAt};
pub use folder::Folder;
pub use store::{ChunkStore, Replace};

pub(crate) use file::in_order;
pub(crate) use new_name::rename_new;
pub(crate) use on_disk::{Writeback, reserve};
pub(crate) use temporary::Temporary;

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[doc(hidden)]
pub use self::{
    chunk_place::ChunkPlace,
    new_file::NewFile,
    store::{
        ChunkSink, Deed, FileNames, Trial, WholeSums, WriteAt, chunk_file_name, chunk_number,
        release_file_name,
    },
    whole_file::WholeFile,
};
#[cfg(feature = "full")]
#[doc(hidden)]
pub use bucket::{Bucket, BucketSettings, Category};
