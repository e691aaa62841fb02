//! Takes the chunks of one bundle into a folder: pending ones in a hidden folder inside, finished ones by linking.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{failed, sync_folder};
use crate::format::{BundleName, Sum};
use crate::medium::on_disk::{Writeback, reserve};
use crate::medium::{ArrivedFile, ChunkFile, ChunkSink, MediumError, Replace, WriteAt, chunk_file_name};

/// The file in staging that tells two runs apart.
const LOCK: &str = "lock";

/// The file in staging that says of which bundle the others are.
const MARK: &str = "bundle";

/// What the system counts the space of a file in, in bytes (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// A folder, held for one bundle.
pub(super) struct FolderSink {
    path: PathBuf,
    staging: PathBuf,
    name: BundleName,
    replace: Replace,
    done: Mutex<Done>,
    /// Whether staging stays when this run ends, for the next one.
    left: AtomicBool,
    writeback: Arc<Writeback>,
    /// Held as long as this process packs.
    _lock: File,
}

/// The chunks that this run has finished.
#[derive(Default)]
struct Done {
    /// Those that wait in staging until the bundle is complete.
    waiting: Vec<u32>,
    /// Those that are visible.
    visible: Vec<u32>,
}

impl FolderSink {
    /// Takes hold of `folder` for the bundle `name`. What an earlier run left in staging stays there at first.
    pub(super) fn hold(
        folder: &Path,
        name: &BundleName,
        replace: Replace,
    ) -> Result<FolderSink, MediumError> {
        fs::create_dir_all(folder).map_err(failed("make folder", folder))?;
        let staging = folder.join(format!(".{name}.partial"));
        match fs::create_dir(&staging) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("make folder", &staging)(error));
            }
            _ => {}
        }
        if !fs::symlink_metadata(&staging).map_err(failed("read", &staging))?.is_dir() {
            return Err(MediumError::Exists { path: staging.display().to_string() });
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
            return Err(MediumError::Busy { path: staging.display().to_string() });
        }
        let (path, name) = (folder.to_owned(), name.clone());
        // A run that fails before it has looked takes nothing away.
        let left = AtomicBool::new(true);
        let (done, writeback) = Default::default();
        Ok(FolderSink { path, staging, name, replace, done, left, writeback, _lock: lock })
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

    /// Where a finished chunk is.
    fn chunk_path(&self, number: u32) -> PathBuf {
        self.path.join(chunk_file_name(&self.name, number))
    }

    fn pending(&self, number: u32) -> PathBuf {
        self.staging.join(chunk_file_name(&self.name, number))
    }

    /// Gives a pending chunk its name, unless something has that name.
    fn make_visible(pending: &Path, path: &Path) -> Result<(), MediumError> {
        let exists = || MediumError::Exists { path: path.display().to_string() };
        // Linking, unlike renaming, never replaces.
        match fs::hard_link(pending, path) {
            Ok(()) => fs::remove_file(pending).map_err(failed("remove", pending)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
            // Media without links (vfat, some shares): look first, then rename.
            Err(_) if fs::symlink_metadata(path).is_err() => {
                fs::rename(pending, path).map_err(failed("write", path))
            }
            Err(_) => Err(exists()),
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        // Its lists are right after every change.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FolderSink {
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

impl ChunkSink for FolderSink {
    fn present(&self) -> Result<Vec<u32>, MediumError> {
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

    fn finished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let path = self.chunk_path(number);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Ok(Some(Arc::new(ArrivedFile::new(&path)?))),
        }
    }

    fn reserve(&self, bytes: u64) -> Result<(), MediumError> {
        let blocks = |path: &PathBuf| fs::symlink_metadata(path).map_or(0, |found| found.blocks());
        let staged: u64 = self.staged()?.iter().map(|path| blocks(path) * BLOCK_BYTES).sum();
        // What staging has already is part of it.
        let needed = bytes.saturating_sub(staged);
        let stat =
            rustix::fs::statvfs(&self.path).map_err(|error| failed("read", &self.path)(error.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < needed {
            return Err(MediumError::Full { path: self.path.display().to_string(), free, needed });
        }
        Ok(())
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
                self.done().waiting.push(number);
                Ok(())
            }
            Replace::Never => {
                FolderSink::make_visible(&pending, &path)?;
                self.done().visible.push(number);
                sync_folder(&self.path)
            }
        }
    }

    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError> {
        let waits = self.done().waiting.contains(&number);
        let path = if waits { self.pending(number) } else { self.chunk_path(number) };
        Ok(Arc::new(ArrivedFile::new(&path)?))
    }

    fn file_name(&self, number: u32) -> String {
        self.chunk_path(number).display().to_string()
    }

    fn publish(&self, last: u32) -> Result<(), MediumError> {
        let mut waiting = std::mem::take(&mut self.done().waiting);
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

    fn withdraw(&self) -> Result<(), MediumError> {
        let visible = std::mem::take(&mut self.done().visible);
        visible.into_iter().try_for_each(|number| {
            let path = self.chunk_path(number);
            fs::remove_file(&path).map_err(failed("remove", &path))
        })
    }

    fn clear(&self) -> Result<(), MediumError> {
        self.left.store(false, Ordering::Relaxed);
        for path in self.staged()? {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    fn take_over(&self, bundle: &Sum) -> Result<(), MediumError> {
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

    fn leave(&self, left: bool) {
        self.left.store(left, Ordering::Relaxed);
    }

    fn unfinished(&self, number: u32) -> Result<Option<Arc<dyn ChunkFile>>, MediumError> {
        let path = self.pending(number);
        // One that has another name, too, is not ours alone: it may be a finished chunk already, or anything that
        // somebody linked.
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.nlink() <= 1 => {
                Ok(Some(Arc::new(ArrivedFile::new(&path)?)))
            }
            _ => Ok(None),
        }
    }
}
