//! A folder as a chunk store.

mod sink;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{
    ChunkFile, ChunkSink, ChunkStore, Deed, FileNames, MediumError, Replace, Temporary, Trial, collect,
};
use crate::format::Sum;

use sink::FolderSink;

/// How many processes may write the same part of a bundle at the same time.
const RUNS_OF_PART_MAX: u32 = 16;

/// A folder of the file system. Packing creates it if it does not exist.
pub struct Folder {
    path: PathBuf,
    /// The folders that were there when the files were listed last.
    folders: Mutex<Vec<PathBuf>>,
}

impl Folder {
    /// Creates a store for the folder at `path`.
    pub fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), folders: Mutex::new(vec![path.to_owned()]) }
    }
}

impl ChunkStore for Folder {
    /// Pending chunks are kept in the hidden folder `.NAME.partial` inside, under a lock.
    fn hold(
        &self,
        names: &FileNames,
        bundle: &Sum,
        replace: Replace,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        let staging = format!(".{}.partial", names.stem());
        Ok(Box::new(FolderSink::hold(&self.path, &staging, names, bundle, replace)?))
    }

    /// Each process has a hidden folder of its own, `.NAME.PART.partial` or `.NAME.PART.2.partial` and so on. So what a killed
    /// process left is taken over by the next one, and nobody waits.
    fn hold_part(
        &self,
        names: &FileNames,
        part: &str,
        bundle: &Sum,
    ) -> Result<Box<dyn ChunkSink + '_>, MediumError> {
        let mut place = 1;
        loop {
            let number = if place == 1 { String::new() } else { format!(".{place}") };
            let staging = format!(".{}.{part}{number}.partial", names.stem());
            match FolderSink::hold(&self.path, &staging, names, bundle, Replace::EachByItself) {
                Err(MediumError::Busy { .. }) if place < RUNS_OF_PART_MAX => place += 1,
                held => return Ok(Box::new(held?)),
            }
        }
    }

    fn files(&self) -> Result<Vec<Arc<dyn ChunkFile>>, MediumError> {
        let collected = collect(std::slice::from_ref(&self.path))?;
        *self.folders.lock().unwrap_or_else(PoisonError::into_inner) = collected.folders;
        Ok(collected.files)
    }

    /// The times at which its folders were last changed.
    fn pulse(&self) -> Option<String> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pulse = String::new();
        for folder in folders.iter() {
            let metadata = fs::metadata(folder).ok()?;
            let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
            pulse += &format!("{}-{seconds}.{nanoseconds} ", metadata.ino());
        }
        Some(pulse)
    }

    fn try_out(&self, deeds: &[Deed]) -> Vec<Trial> {
        let write = || {
            let path = self.path.join("carnet-check");
            Temporary::beside(&path).map(drop).map_err(failed("write in", &self.path))
        };
        let read = || match self.files() {
            Ok(files) => files
                .first()
                .map(|file| file.open().map(drop).map_err(failed("read", Path::new(file.name())))),
            Err(error) => Some(Err(error)),
        };
        let place = self.path.display();
        let mut trials = Vec::new();
        for &deed in deeds {
            let (what, done) = match deed {
                Deed::Read => match read() {
                    Some(done) => (format!("read from {place}"), done),
                    None => continue,
                },
                Deed::Write => (format!("write to {place}"), write()),
                Deed::Delete => (format!("delete in {place}"), write()),
            };
            trials.push(Trial { what, done });
        }
        trials
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
