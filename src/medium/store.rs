//! A place that takes the chunk files of bundles.

use std::io;
use std::sync::Arc;

use super::{ChunkFile, MediumError};
use crate::format::{BundleName, Sum};

/// The name of a chunk's file (docs/format.md, "Files").
pub fn chunk_file_name(name: &BundleName, number: u32) -> String {
    format!("{name}_{number:05}.tar")
}

/// What may happen to files that are in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Nothing: they are an error.
    Never,
    /// They are replaced when the new bundle is complete, one right after the other, the control chunk last.
    WhenComplete,
}

/// A place for chunk files: a folder, a bucket.
pub trait ChunkStore: Send + Sync {
    /// How messages name it.
    fn name(&self) -> &str;

    /// Takes hold of it for one bundle; it is made if it is not there.
    ///
    /// # Errors
    /// [`MediumError::Busy`] while another process packs a bundle of this name here.
    fn hold(&self, name: &BundleName, replace: Replace) -> Result<Box<dyn ChunkSink + '_>, MediumError>;

    /// The files in it, in any order.
    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError>;

    /// Puts a small file beside the chunks, whole or not at all; one of that name is replaced.
    fn put_beside(&self, file: &str, bytes: &[u8]) -> Result<(), MediumError>;
}

/// Writes stretches of a pending chunk. Independent of other writers to the same chunk.
pub trait WriteAt: Send {
    /// Writes all of `bytes` from `offset` on. The writers of a chunk together write each of its bytes once, in any
    /// order, from many threads; so a store of parts knows when a part is full. Only a chunk that
    /// [`ChunkSink::unfinished`] gave is written in part.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

/// Takes the chunk files of one bundle. A chunk is pending from `begin` to `commit`, and nobody sees it. Dropped
/// before `commit`, nothing of it remains, and finished chunks stay.
pub trait ChunkSink: Sync {
    /// The chunk files of this bundle's name that are there, by number; whatever bundle they are of.
    fn present(&self) -> Result<Vec<u32>, MediumError>;

    /// The finished file under this number, whatever it is.
    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError>;

    /// Makes sure early that `bytes` more can be written, where that can be known.
    ///
    /// # Errors
    /// [`MediumError::Full`] when they cannot.
    fn reserve(&self, bytes: u64) -> Result<(), MediumError>;

    /// Begins a chunk of this many bytes. Beginning again starts over.
    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError>;

    /// Opens a pending chunk for writing; many threads may.
    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError>;

    /// Makes a pending chunk durable and then visible under its name, whole.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if something else has the name and may not be replaced.
    fn commit(&self, number: u32) -> Result<(), MediumError>;

    /// A chunk that was committed, to be read again: also one that waits for others before it is visible.
    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError>;

    /// How messages name this chunk's file.
    fn file_name(&self, number: u32) -> String;

    /// Ends the bundle: chunks that waited become visible, the control chunk last, and chunks beyond `last`, which
    /// an earlier bundle of the name left, are removed where they may be replaced.
    fn publish(&self, last: u32) -> Result<(), MediumError>;

    /// Removes the chunks that this sink has made visible.
    fn withdraw(&self) -> Result<(), MediumError>;

    /// Throws away what an earlier run left unfinished, and what this one leaves.
    fn clear(&self) -> Result<(), MediumError>;

    /// Keeps what an earlier run for this very bundle left unfinished, until this one ends well; anything else is
    /// thrown away. A store that keeps nothing unfinished has nothing to do.
    fn take_over(&self, bundle: &Sum) -> Result<(), MediumError>;

    /// Whether what is unfinished stays for the next run when this sink is dropped.
    fn leave(&self, left: bool);

    /// A chunk that an earlier run began and did not finish.
    fn unfinished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError>;
}
