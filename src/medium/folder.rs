//! A folder that takes the chunk files of one bundle.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::on_disk::{Writeback, reserve};
use super::{ArrivedFile, ChunkFile, ChunkSink, MediumError, WriteAt};
use crate::format::{BundleName, Sum};

/// The file in staging that tells two runs apart.
const LOCK: &str = "lock";

/// The file in staging that says of which bundle the others are.
const MARK: &str = "bundle";

/// What the system counts the space of a file in, in bytes (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// What may happen to files that are in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Nothing: they are an error.
    Never,
    /// They are replaced when the new bundle is complete, one right after the other, the control chunk last.
    WhenComplete,
}

/// Takes chunks into a folder: pending ones in a hidden folder inside, finished ones by renaming.
pub struct Folder {
    path: PathBuf,
    staging: PathBuf,
    name: BundleName,
    replace: Replace,
    /// Chunks that wait in staging for [`Folder::publish`].
    waiting: Mutex<Vec<u32>>,
    /// Whether staging stays when this run ends, for the next one.
    left: AtomicBool,
    writeback: Arc<Writeback>,
    /// Held as long as this process packs.
    _lock: File,
}

/// The name of a chunk's file (docs/format.md, "Files").
pub fn chunk_file_name(name: &BundleName, number: u32) -> String {
    format!("{name}_{number:05}.tar")
}

fn shown(path: &Path) -> String {
    format!("{}", path.display()).escape_debug().to_string()
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MediumError {
    let path = shown(path);
    move |source| MediumError::Io { what, path, source }
}

impl Folder {
    /// Takes hold of `folder`, which is made if it is not there, for the bundle `name`. What an earlier run left in
    /// staging waits for [`Folder::take_over`] or [`Folder::clear`].
    ///
    /// # Errors
    /// [`MediumError::Busy`] while another process packs the same name here.
    pub fn open(folder: &Path, name: &BundleName, replace: Replace) -> Result<Folder, MediumError> {
        fs::create_dir_all(folder).map_err(failed("make folder", folder))?;
        let staging = folder.join(format!(".{name}.partial"));
        match fs::create_dir(&staging) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("make folder", &staging)(error));
            }
            _ => {}
        }
        if !fs::symlink_metadata(&staging).map_err(failed("read", &staging))?.is_dir() {
            return Err(MediumError::Exists { path: shown(&staging) });
        }
        let lock_path = staging.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(nofollow())
            .open(&lock_path)
            .map_err(failed("write", &lock_path))?;
        if lock.try_lock().is_err() {
            return Err(MediumError::Busy { path: shown(&staging) });
        }
        let (path, name) = (folder.to_owned(), name.clone());
        // Whoever fails before it has looked takes nothing away.
        let left = AtomicBool::new(true);
        let (waiting, writeback) = Default::default();
        Ok(Folder { path, staging, name, replace, waiting, left, writeback, _lock: lock })
    }

    /// Throws away what an earlier run left in staging, and what this one leaves.
    pub fn clear(&self) -> Result<(), MediumError> {
        self.left.store(false, Ordering::Relaxed);
        for path in self.staged()? {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// Keeps what an earlier run for the very same bundle left in staging, until this one ends well; anything else
    /// is thrown away.
    pub fn take_over(&self, bundle: &Sum) -> Result<(), MediumError> {
        let (mark, id) = (self.staging.join(MARK), bundle.to_string());
        // A name of ours in a folder of ours; what else may be under it is neither followed nor kept.
        let is_ours = fs::symlink_metadata(&mark)
            .is_ok_and(|found| found.is_file() && found.len() == id.len() as u64)
            && fs::read_to_string(&mark).is_ok_and(|found| found == id);
        if is_ours {
            return Ok(());
        }
        self.clear()?;
        fs::write(&mark, id).map_err(failed("write", &mark))
    }

    /// Whether staging is left to the next run, which may [`Folder::take_over`].
    pub fn leave(&self, left: bool) {
        self.left.store(left, Ordering::Relaxed);
    }

    /// A chunk that an earlier run began and did not finish. One that has another name, too, is not ours alone: it
    /// may be a finished chunk already, or anything that someone linked.
    pub fn unfinished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let path = self.pending(number);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.nlink() <= 1 => {
                Ok(Some(Arc::new(ArrivedFile::new(&path)?)))
            }
            _ => Ok(None),
        }
    }

    /// The files in staging, without the lock.
    fn staged(&self) -> Result<Vec<PathBuf>, MediumError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.staging).map_err(failed("read", &self.staging))? {
            let path = entry.map_err(failed("read", &self.staging))?.path();
            if path != self.staging.join(LOCK) {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// Refuses early when the folder cannot hold `needed` bytes, with those that staging has already.
    pub fn reserve(&self, needed: u64) -> Result<(), MediumError> {
        let blocks = |path: &PathBuf| fs::symlink_metadata(path).map_or(0, |found| found.blocks());
        let staged: u64 = self.staged()?.iter().map(|path| blocks(path) * BLOCK_BYTES).sum();
        let needed = needed.saturating_sub(staged);
        let stat =
            rustix::fs::statvfs(&self.path).map_err(|error| failed("read", &self.path)(error.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < needed {
            return Err(MediumError::Full { path: shown(&self.path), free, needed });
        }
        Ok(())
    }

    /// Where a finished chunk is.
    pub fn chunk_path(&self, number: u32) -> PathBuf {
        self.path.join(chunk_file_name(&self.name, number))
    }

    fn pending(&self, number: u32) -> PathBuf {
        self.staging.join(chunk_file_name(&self.name, number))
    }

    /// The chunk files of this name that are there, by number; whatever bundle they are of.
    pub fn present(&self) -> Result<Vec<u32>, MediumError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed("read", &self.path))? {
            let name = entry.map_err(failed("read", &self.path))?.file_name();
            let number = name.to_str().and_then(|name| {
                name.strip_prefix(self.name.as_str())?.strip_prefix('_')?.strip_suffix(".tar")
            });
            let number = number.filter(|digits| digits.len() == 5).and_then(|digits| digits.parse().ok());
            numbers.extend(
                number.filter(|&number| chunk_file_name(&self.name, number) == *name.to_string_lossy()),
            );
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Ends the bundle: chunks that waited are put in place, the control chunk last, and chunks beyond
    /// `last`, which an earlier bundle of the name left, are removed.
    pub fn publish(self, last: u32) -> Result<(), MediumError> {
        let mut waiting = std::mem::take(&mut *self.waiting.lock().expect("no thread panicked"));
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        for number in waiting {
            let path = self.chunk_path(number);
            fs::rename(self.pending(number), &path).map_err(failed("write", &path))?;
        }
        if self.replace == Replace::WhenComplete {
            for number in self.present()?.into_iter().filter(|&number| number > last) {
                let path = self.chunk_path(number);
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        sync_folder(&self.path)?;
        self.leave(false);
        Ok(())
    }

    /// Throws a finished chunk away that this run had put there.
    pub fn withdraw(&self, number: u32) -> Result<(), MediumError> {
        let path = self.chunk_path(number);
        fs::remove_file(&path).map_err(failed("remove", &path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mark = self.staging.join(MARK);
        let is_worth_nothing = || self.staged().is_ok_and(|paths| paths.iter().all(|path| *path == mark));
        // A failure here leaves a hidden folder, which the next run clears.
        if !self.left.load(Ordering::Relaxed) || is_worth_nothing() {
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// The flag with which what a link points at is not opened.
fn nofollow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Opens a file in staging for writing, never what a link points at.
fn open_pending(path: &Path) -> Result<File, MediumError> {
    OpenOptions::new().write(true).custom_flags(nofollow()).open(path).map_err(failed("write", path))
}

fn sync_folder(folder: &Path) -> Result<(), MediumError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(failed("sync", folder))
}

struct Pending {
    file: File,
    writeback: Arc<Writeback>,
}

impl WriteAt for Pending {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        self.writeback.wrote(&self.file, bytes.len() as u64);
        Ok(())
    }
}

impl ChunkSink for Folder {
    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let path = self.chunk_path(number);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Ok(Some(Arc::new(ArrivedFile::new(&path)?))),
        }
    }

    fn begin(&self, number: u32, bytes: u64) -> Result<(), MediumError> {
        let path = self.pending(number);
        // Whatever is there may be a link: it goes, and what it leads to stays.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path)(error));
            }
            _ => {}
        }
        // Readable by all, as what it becomes: the guard runs as someone else.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)
            .map_err(failed("write", &path))?;
        reserve(&file, bytes).map_err(|error| {
            let _ = fs::remove_file(&path);
            failed("write", &path)(error)
        })
    }

    fn open(&self, number: u32) -> Result<Box<dyn WriteAt>, MediumError> {
        let file = open_pending(&self.pending(number))?;
        Ok(Box::new(Pending { file, writeback: Arc::clone(&self.writeback) }))
    }

    fn commit(&self, number: u32) -> Result<(), MediumError> {
        let (pending, path) = (self.pending(number), self.chunk_path(number));
        let file = open_pending(&pending)?;
        file.sync_data().map_err(failed("sync", &pending))?;
        match self.replace {
            Replace::WhenComplete => {
                self.waiting.lock().expect("no thread panicked").push(number);
                Ok(())
            }
            Replace::Never => {
                // Linking, unlike renaming, never replaces.
                match fs::hard_link(&pending, &path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(MediumError::Exists { path: shown(&path) });
                    }
                    // Media without links (vfat, some shares): look first, then rename.
                    Err(_) if fs::symlink_metadata(&path).is_err() => {
                        return fs::rename(&pending, &path)
                            .map_err(failed("write", &path))
                            .and_then(|()| sync_folder(&self.path));
                    }
                    Err(_) => return Err(MediumError::Exists { path: shown(&path) }),
                }
                fs::remove_file(&pending).map_err(failed("remove", &pending))?;
                sync_folder(&self.path)
            }
        }
    }

    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError> {
        let waits = self.waiting.lock().expect("no thread panicked").contains(&number);
        let path = if waits { self.pending(number) } else { self.chunk_path(number) };
        Ok(Arc::new(ArrivedFile::new(&path)?))
    }

    fn file_name(&self, number: u32) -> String {
        shown(&self.chunk_path(number))
    }
}
