//! A container of an object store as a chunk store.
//!
//! Chunks are assembled in files without a name on the local disk, because the head of a chunk is written last and the
//! sum of the whole file begins with it. A sealed chunk is uploaded in parts by threads of its own while the next ones
//! are packed, and then its space is free again (docs/decisions/0039-chunks-are-spooled.md). A
//! full chunk whose blob is not proven yet goes up without its first part (docs/decisions/0027).
//!
//! Chunks are read by ranges, pinned to the entity tag that was found. Small reads go through windows in memory.

mod category;
mod parts;
mod sink;
mod spool;
mod stored_file;
mod sums;
mod trial;
mod upload;
mod uploads;
mod windows;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::collect::FILES_MAX;
use super::{ChunkFile, ChunkSink, ChunkStore, Deed, FileNames, MediumError, Replace, Trial, WholeSums};
use crate::format::Sum;
use crate::storage::{Container, Location, NewObject, Object, Permission, Precondition};

pub use category::Category;
use sink::BucketSink;
use stored_file::StoredFile;
use windows::Windows;

/// How a bucket is used.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// The folder on the local disk in which chunks are assembled.
    pub spool: PathBuf,
    /// How many parts are uploaded at once.
    pub connections: NonZeroUsize,
    /// The `category` in the metadata of every chunk.
    pub category: Category,
}

/// A container of an object store, or the objects in it whose keys begin with a prefix.
pub struct Bucket {
    place: Arc<Place>,
    settings: BucketSettings,
}

/// A container and a prefix in it.
struct Place {
    container: Arc<dyn Container>,
    /// The container without the prefix, for messages.
    name: String,
    /// The prefix with a slash at its end, or nothing.
    prefix: String,
    windows: Windows,
    spool: PathBuf,
}

impl Place {
    /// Returns the name of an object for messages.
    fn name_of(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    /// Returns the key of a file in this place.
    fn key(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    fn find(self: &Arc<Self>, key: &str) -> Result<Option<StoredFile>, MediumError> {
        Ok(self.container.find(key)?.map(|object| StoredFile::new(self, object)))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(Object)) -> Result<(), MediumError> {
        let mut count = 0;
        self.container.list(prefix, &mut |object| {
            count += 1;
            if count > FILES_MAX {
                return ControlFlow::Break(());
            }
            visit(object);
            ControlFlow::Continue(())
        })?;
        if count > FILES_MAX { Err(MediumError::TooMany { limit: FILES_MAX }) } else { Ok(()) }
    }
}

impl Bucket {
    /// Creates a store for the place that `location` names in `container`. Nothing is requested yet.
    pub fn new(container: Arc<dyn Container>, location: &Location, settings: BucketSettings) -> Bucket {
        let name = location.container().to_string();
        let prefix = match location.prefix() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let spool = settings.spool.clone();
        let place = Arc::new(Place { container, name, prefix, windows: Windows::default(), spool });
        Bucket { place, settings }
    }
}

impl ChunkStore for Bucket {
    /// Nothing is locked: an object that exists is never replaced unless that is wanted.
    fn hold(
        &self,
        names: &FileNames,
        bundle: &Sum,
        replace: Replace,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        // To delete is needed only if an earlier bundle of this name has more chunks.
        let mut needed = vec![Permission::List, Permission::Read, Permission::Write];
        if replace != Replace::Never {
            needed.push(Permission::Replace);
        }
        self.place.container.check_access(&needed)?;
        Ok(Box::new(BucketSink::new(&self.place, &self.settings, names, bundle, replace)))
    }

    /// Uploads of other processes are not ended: they may be of the same part, and under way.
    fn hold_part(
        &self,
        names: &FileNames,
        _part: &str,
        bundle: &Sum,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        // The beginning of an object cannot be written again without all that follows it.
        if *names == FileNames::unsigned(names.bundle()) {
            return Err(MediumError::SignedLater {
                place: self.place.name_of(self.place.prefix.trim_end_matches('/')),
            });
        }
        let needed = [Permission::List, Permission::Read, Permission::Write, Permission::Replace];
        self.place.container.check_access(&needed)?;
        let sink = BucketSink::new(&self.place, &self.settings, names, bundle, Replace::EachByItself);
        Ok(Box::new(sink.beside_others()))
    }

    /// If no key begins with the prefix and a slash, the prefix may be the whole key of one object.
    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError> {
        let place = &self.place;
        place.container.check_access(&[Permission::List, Permission::Read])?;
        // Files of an earlier list have other windows than those of this one.
        place.windows.clear();
        let mut files: Vec<Arc<dyn ChunkFile>> = Vec::new();
        place.list(&place.prefix, &mut |object| {
            let relative = object.key.strip_prefix(&place.prefix).unwrap_or(&object.key);
            if !relative.split('/').any(|part| part.starts_with('.')) {
                files.push(Arc::new(StoredFile::new(place, object)));
            }
        })?;
        if files.is_empty() && !place.prefix.is_empty() {
            let found = place.find(place.prefix.trim_end_matches('/'))?;
            files.extend(found.map(|file| Arc::new(file) as Arc<dyn ChunkFile>));
        }
        files.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(files)
    }

    fn pulse(&self) -> Option<String> {
        // What is wrong is told when the files are listed.
        self.place.container.pulse(&self.place.prefix).ok().flatten().map(|sum| sum.to_string())
    }

    fn access(&self) -> Option<String> {
        Some(self.place.container.access())
    }

    fn ask(&self) -> Result<(), MediumError> {
        Ok(self.place.container.find(&self.place.key(trial::WRITTEN)).map(drop)?)
    }

    fn try_out(&self, deeds: &[Deed]) -> Vec<Trial> {
        trial::try_out(&self.place, deeds)
    }

    fn put_beside(&self, file: &str, bytes: &[u8]) -> Result<(), MediumError> {
        let key = self.place.key(file);
        let WholeSums { md5, sha256 } = sums::of(bytes);
        let (bytes_max, precondition) = (bytes.len() as u64, Precondition::None);
        let object = NewObject { key: &key, bytes: bytes_max, md5, sha256, metadata: &[], precondition };
        Ok(self.place.container.put(&object, bytes)?)
    }
}
