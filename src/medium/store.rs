//! Stores for the chunk files of bundles.

use std::io;
use std::sync::Arc;

use super::{ChunkFile, MediumError};
use crate::format::volume::Volume;
use crate::format::{BundleName, Sum};

/// Returns the file name of a chunk (docs/format.md, "Files").
pub fn chunk_file_name(name: &BundleName, number: u32) -> String {
    FileNames::chunks(name).of(number)
}

/// Returns the name of a release file. `key` are the first bytes of the id of the key that signed it.
pub fn release_file_name(name: &BundleName, key: [u8; 8]) -> String {
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}_release_{key}.tar")
}

/// Returns the chunk number in a file name that [`chunk_file_name`] made for a bundle of this name.
pub fn chunk_number(name: &BundleName, file_name: &str) -> Option<u32> {
    FileNames::chunks(name).number(file_name)
}

/// The names of the files of a bundle, by number. Parity files are numbered apart from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNames {
    bundle: BundleName,
    /// What stands before the number and its underscore.
    stem: String,
    /// What stands behind the number.
    ending: &'static str,
}

impl FileNames {
    /// The names of the chunks of the plan.
    pub fn chunks(name: &BundleName) -> FileNames {
        FileNames { bundle: name.clone(), stem: name.to_string(), ending: ".tar" }
    }

    /// The names of chunks that somebody else will sign.
    pub fn unsigned(name: &BundleName) -> FileNames {
        FileNames { ending: ".unsigned", ..FileNames::chunks(name) }
    }

    /// The names of the parity files.
    pub fn parity(name: &BundleName) -> FileNames {
        FileNames { bundle: name.clone(), stem: format!("{name}_parity"), ending: ".tar" }
    }

    /// Returns the name of the bundle.
    pub fn bundle(&self) -> &BundleName {
        &self.bundle
    }

    /// Returns what all of the names begin with.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Returns the name of the file with this number.
    pub fn of(&self, number: u32) -> String {
        format!("{}_{number:05}{}", self.stem, self.ending)
    }

    /// Returns the number in a name that [`FileNames::of`] made.
    pub fn number(&self, file_name: &str) -> Option<u32> {
        let digits = file_name.strip_prefix(&self.stem)?.strip_prefix('_')?.strip_suffix(self.ending)?;
        digits.parse().ok().filter(|&number| self.of(number) == file_name)
    }
}

/// Whether existing files may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Existing files are an error.
    Never,
    /// Existing files are replaced when the new bundle is complete, one after the other, the control chunk last.
    WhenComplete,
    /// An existing file is replaced by the chunk of its name as soon as that is complete. No other file changes.
    EachByItself,
}

/// The sums of a whole chunk file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeSums {
    /// The MD5 sum. Stores keep it, and some tools want it; it proves nothing.
    pub md5: [u8; 16],
    /// The SHA-256 sum.
    pub sha256: Sum,
}

/// What is to be done in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// To read a file that is there.
    Read,
    /// To write files.
    Write,
    /// To delete files.
    Delete,
}

/// Something that was tried in a store.
#[derive(Debug)]
pub struct Trial {
    /// What was tried, in words.
    pub what: String,
    /// Whether it is possible.
    pub done: Result<(), MediumError>,
}

/// A store for chunk files, e.g. a folder or a bucket.
pub trait ChunkStore: Send + Sync {
    /// Locks the store for files with these names of one bundle, whose id is `bundle`. A folder is created if it does not
    /// exist.
    ///
    /// # Errors
    /// [`MediumError::Busy`] if another process is writing files with these names into the store.
    #[doc(hidden)]
    fn hold(
        &self,
        names: &FileNames,
        bundle: &Sum,
        replace: Replace,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError>;

    /// Holds one part of a bundle, for a process that writes these files besides others that write other parts. What is
    /// there under a name is replaced. If another process writes the same part, both go on.
    ///
    /// # Errors
    /// [`MediumError::SignedLater`] if the files are to be signed later and the store has no folders, and [`MediumError::Busy`] if
    /// too many processes write the part.
    #[doc(hidden)]
    fn hold_part(
        &self,
        names: &FileNames,
        part: &str,
        bundle: &Sum,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError>;

    /// Returns the files in the store, in any order.
    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError>;

    /// Returns a text that changes when a file appears in the store or leaves it, or when it is replaced; `None` if only
    /// [`ChunkStore::files`] can tell. It costs less than that, and does not show that a file was written to in place.
    #[doc(hidden)]
    fn pulse(&self) -> Option<String> {
        None
    }

    /// Returns what gives access to the store, without secrets; `None` for a folder.
    #[doc(hidden)]
    fn access(&self) -> Option<String> {
        None
    }

    /// Asks whether the store is there, with one small request. A folder is not asked: to use it tells.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    #[doc(hidden)]
    fn ask(&self) -> Result<(), MediumError> {
        Ok(())
    }

    /// Tries each deed. No file that counts is changed, and nothing stays that is visible.
    #[doc(hidden)]
    fn try_out(&self, deeds: &[Deed]) -> Vec<Trial>;

    /// Writes a small file next to the chunks, atomically. An existing file of that name is replaced.
    fn put_beside(&self, file: &str, bytes: &[u8]) -> Result<(), MediumError>;
}

/// Writes ranges of a pending chunk, independently of other writers of the same chunk.
pub trait WriteAt: Send {
    /// Writes all of `bytes` at `offset`. Together, the writers of a chunk write each byte once, in any order and
    /// from many threads, so a store with multipart uploads knows when a part is full. Only a chunk returned by
    /// [`ChunkSink::unfinished`] is written in part.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

/// Receives the chunk files of one bundle. A chunk is pending, and invisible, from `begin` to `commit`. If the sink
/// is dropped before `commit`, the pending chunk is removed unless [`ChunkSink::leave`] keeps it; finished chunks
/// stay.
pub trait ChunkSink: Sync {
    /// Returns the numbers of existing chunk files with this bundle's name, even if they belong to another bundle.
    fn present(&self) -> Result<Vec<u32>, MediumError>;

    /// Returns the existing file for this number, whatever its content.
    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError>;

    /// Puts the chunks into volumes, each in a folder of its own. It is called first, if at all.
    ///
    /// # Errors
    /// [`MediumError::NoVolumes`] if the store has no folders.
    fn arrange(&self, _volumes: &[Volume]) -> Result<(), MediumError> {
        Err(MediumError::NoVolumes { place: self.file_name(0) })
    }

    /// Puts a copy of the `control` chunk and a label into each volume, once all files are visible. What is there already
    /// stays. `label` gives the text for a volume by its number, from 1.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if a file of another bundle is in the way.
    fn label(&self, _control: &dyn ChunkFile, _label: &dyn Fn(usize) -> Vec<u8>) -> Result<(), MediumError> {
        Ok(())
    }

    /// Checks in advance that `bytes` more can be written, if the store can know that.
    ///
    /// # Errors
    /// [`MediumError::Full`] if there is not enough space.
    fn reserve(&self, bytes: u64) -> Result<(), MediumError>;

    /// Claims room for a pending chunk of this many bytes before it begins, if no more than `most` bytes are used with it.
    /// If there is none, [`ChunkSink::begin`] may still be called, for chunks that others depend on.
    fn claim(&self, _number: u32, _bytes: u64, _most: u64) -> bool {
        true
    }

    /// After [`ChunkSink::claim`] found no room: waits until there may be some. Returns false if waiting cannot help.
    ///
    /// # Errors
    /// If storing an earlier chunk failed.
    fn wait_for_room(&self) -> Result<bool, MediumError> {
        Ok(false)
    }

    /// Begins a chunk of this many bytes. A pending chunk of this number is discarded.
    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError>;

    /// Returns whether pending chunks are on another disk than the place that they go to, which may have little room.
    fn spools(&self) -> bool {
        false
    }

    /// Opens a pending chunk for writing. Several threads may write to it.
    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError>;

    /// Returns how many bytes of a chunk of this size still need room after [`ChunkSink::set_aside`]; `None` if the sink has
    /// no use for that.
    fn kept_aside(&self, _bytes: u64) -> Option<u64> {
        None
    }

    /// Takes a pending chunk of which every byte is written, but whose blobs are not proven yet, so that it needs less room.
    /// Nothing of it is visible before [`ChunkSink::commit`], and its head does not leave this process.
    /// [`ChunkSink::begin`] discards it.
    ///
    /// # Errors
    /// If it cannot be stored. If the store works later, then also a later call.
    fn set_aside(&self, _number: u32) -> Result<(), MediumError> {
        Ok(())
    }

    /// Makes a pending chunk durable, and then atomically visible under its name. A store may do that later, by the end
    /// of [`ChunkSink::publish`]; the control chunk is never visible before all others.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if a file with that name exists and may not be replaced. If the store works later, then
    /// also a later call.
    fn commit(&self, number: u32) -> Result<(), MediumError>;

    /// Returns a committed chunk for reading, even if it is not visible yet.
    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError>;

    /// Returns whether the sink computes the sums of the chunks that are written, so that nobody needs to read them.
    fn sums_itself(&self) -> bool {
        false
    }

    /// Returns the sums of a chunk that this sink received, if it computes them.
    fn whole_sums(&self, _: u32) -> Result<Option<WholeSums>, MediumError> {
        Ok(None)
    }

    /// Takes a file that another process left under one of the names `from`, writes what `front` returns over its beginning,
    /// and gives it the name of the chunk. Returns false if there is none.
    ///
    /// # Errors
    /// If `front` refuses the file, or if it cannot be written. The next call takes it again then.
    fn adopt(
        &self,
        _number: u32,
        _from: &FileNames,
        _front: &dyn Fn(&dyn ChunkFile) -> io::Result<Vec<u8>>,
    ) -> Result<bool, MediumError> {
        Ok(false)
    }

    /// Removes a file that another process left under one of the names `from`, if there is one.
    fn discard(&self, _number: u32, _from: &FileNames) -> Result<(), MediumError> {
        Ok(())
    }

    /// Returns the name of the chunk's file, for messages.
    fn file_name(&self, number: u32) -> String;

    /// Completes the bundle: makes waiting chunks visible, the control chunk last. If files may be replaced, also
    /// removes chunks beyond `last` of an earlier bundle with this name.
    fn publish(&self, last: u32) -> Result<(), MediumError>;

    /// Removes the chunks that this sink made visible.
    fn withdraw(&self) -> Result<(), MediumError>;

    /// Removes the unfinished chunks of an earlier run, and later those of this run.
    fn clear(&self) -> Result<(), MediumError>;

    /// Keeps the unfinished chunks of an earlier run for the same bundle until this run succeeds, and removes all
    /// others. A store that never keeps unfinished chunks does nothing.
    fn take_over(&self) -> Result<(), MediumError>;

    /// Sets whether unfinished chunks are kept for the next run when this sink is dropped.
    fn leave(&self, left: bool);

    /// Returns a chunk that an earlier run began and did not finish.
    fn unfinished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError>;
}
