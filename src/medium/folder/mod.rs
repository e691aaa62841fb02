//! A folder as a chunk store.

mod sink;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ChunkFile, ChunkSink, ChunkStore, MediumError, Replace, Temporary, collect};
use crate::format::{BundleName, Sum};

use sink::FolderSink;

/// A folder of the file system. Packing creates it if it does not exist.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates a store for the folder at `path`.
    pub fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }
}

impl ChunkStore for Folder {
    /// Pending chunks are kept in the hidden folder `.NAME.partial` inside, under a lock.
    fn hold(
        &self,
        name: &BundleName,
        bundle: &Sum,
        replace: Replace,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        Ok(Box::new(FolderSink::hold(&self.path, name, bundle, replace)?))
    }

    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError> {
        Ok(collect(std::slice::from_ref(&self.path))?.files)
    }

    fn put_beside(&self, file: &str, bytes: &[u8]) -> Result<(), MediumError> {
        let path = self.path.join(file);
        Temporary::beside(&path)
            .and_then(|mut temporary| {
                temporary.file().write_all(bytes)?;
                temporary.place(&path)
            })
            .map_err(failed("write", &path))
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MediumError {
    let path = path.display().to_string();
    move |source| MediumError::Io { what, path, source }
}

fn sync_folder(folder: &Path) -> Result<(), MediumError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(failed("sync", folder))
}
