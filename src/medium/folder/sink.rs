//! Writes the chunks of one bundle into a folder: pending ones in a hidden folder inside, which linking makes visible. With
//! volumes, the chunks get their names in folders of this folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{failed, sync_folder};
use crate::format::Sum;
use crate::format::statement::Kind;
use crate::format::volume::{VOLUMES_MAX, Volume, volume_folder};
use crate::medium::file::statement_of;
use crate::medium::on_disk::{Writeback, reserve};
use crate::medium::{
    ArrivedFile, ChunkFile, ChunkSink, FileNames, MediumError, Replace, Temporary, WriteAt, chunk_file_name,
    rename_new,
};

/// The lock file in the staging folder, which excludes concurrent runs.
const LOCK: &str = "lock";

/// The file in the staging folder with the id of the bundle that the other files belong to.
const MARK: &str = "bundle";

/// Bytes that are copied at once.
const COPY_BLOCK_BYTES: usize = 256 << 10;

/// The unit of a file's allocated space in stat(2), in bytes.
const BLOCK_BYTES: u64 = 512;

/// A folder, locked for one bundle.
pub(super) struct FolderSink {
    path: PathBuf,
    staging: PathBuf,
    names: FileNames,
    bundle: Sum,
    replace: Replace,
    /// Where the chunks go, if not all into one folder.
    volumes: OnceLock<Vec<Volume>>,
    done: Mutex<Done>,
    /// Whether the staging folder is kept for the next run.
    left: AtomicBool,
    writeback: Arc<Writeback>,
    /// Held while this process packs.
    _lock: File,
}

/// The chunks that this run finished.
#[derive(Default)]
struct Done {
    /// Chunks that wait in the staging folder until the bundle is complete.
    waiting: Vec<u32>,
    /// Chunks that are visible.
    visible: Vec<u32>,
}

impl FolderSink {
    /// Locks `folder` for files with these names, by a hidden folder `staging` in it. Files of an earlier run in the staging folder stay for now.
    pub(super) fn hold(
        folder: &Path,
        staging: &str,
        names: &FileNames,
        bundle: &Sum,
        replace: Replace,
    ) -> Result<FolderSink, MediumError> {
        fs::create_dir_all(folder).map_err(failed("make folder", folder))?;
        let staging = folder.join(staging);
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
            .map_err(|error| {
                // Removes the folder only if it is empty.
                let _ = fs::remove_dir(&staging);
                failed("write", &lock_path)(error)
            })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(MediumError::Busy { path: staging.display().to_string() });
            }
            Err(TryLockError::Error(error)) => {
                // Without locks, nobody else packs here either. The folder is removed only if it is empty now.
                let _ = fs::remove_file(&lock_path).and_then(|()| fs::remove_dir(&staging));
                return Err(failed("lock", &lock_path)(error));
            }
        }
        let (path, names, bundle) = (folder.to_owned(), names.clone(), *bundle);
        // A run that fails before it inspects the staging folder removes nothing.
        let left = AtomicBool::new(true);
        let (volumes, done, writeback) = Default::default();
        Ok(FolderSink { path, staging, names, bundle, replace, volumes, done, left, writeback, _lock: lock })
    }

    /// Returns the files in the staging folder, without the lock.
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

    /// Returns the folder of a finished chunk. The control chunk is in the first volume, and copied from there.
    fn folder(&self, number: u32) -> PathBuf {
        let volumes = self.volumes.get().map_or(&[][..], Vec::as_slice);
        match volumes.iter().position(|volume| (volume.first..=volume.last).contains(&number)) {
            Some(at) => self.volume_path(at + 1),
            None => self.path.clone(),
        }
    }

    fn volume_path(&self, number: usize) -> PathBuf {
        self.path.join(volume_folder(self.names.stem(), number))
    }

    /// Returns the path of a finished chunk.
    fn chunk_path(&self, number: u32) -> PathBuf {
        self.folder(number).join(self.names.of(number))
    }

    /// Returns the numbers of the chunks of this name in a folder, in ascending order; none if there is no such folder.
    fn numbers_in(&self, folder: &Path) -> Result<Vec<u32>, MediumError> {
        named_in(folder, &self.names)
    }

    /// Returns the numbers of the chunks in their volumes.
    ///
    /// # Errors
    /// [`MediumError::Exists`] for a chunk that is elsewhere: the bundle was packed without volumes, or with others.
    fn in_volumes(&self, volumes: &[Volume]) -> Result<Vec<u32>, MediumError> {
        let exists = |folder: &Path, number: u32| {
            let path = folder.join(self.names.of(number)).display().to_string();
            Err(MediumError::Exists { path })
        };
        if let Some(&number) = self.numbers_in(&self.path)?.first() {
            return exists(&self.path, number);
        }
        let mut found = Vec::new();
        for number in 1..=VOLUMES_MAX {
            let folder = self.volume_path(number);
            for chunk in self.numbers_in(&folder)? {
                match volumes.get(number - 1) {
                    Some(volume) if (volume.first..=volume.last).contains(&chunk) => found.push(chunk),
                    // A copy of the control chunk.
                    Some(_) if chunk == 0 => {}
                    _ => return exists(&folder, chunk),
                }
            }
        }
        Ok(found)
    }

    /// Makes the folder of a chunk if it is a volume.
    fn make_folder(&self, folder: &Path) -> Result<(), MediumError> {
        if folder == self.path {
            return Ok(());
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(failed("make folder", folder)(error))
            }
            Err(_) if !fs::symlink_metadata(folder).map_err(failed("read", folder))?.is_dir() => {
                Err(MediumError::Exists { path: folder.display().to_string() })
            }
            _ => sync_folder(&self.path),
        }
    }

    /// Copies the control chunk into a volume, unless it is there. It may have more signatures there.
    fn copy_control(&self, control: &dyn ChunkFile, folder: &Path) -> Result<(), MediumError> {
        let to = folder.join(chunk_file_name(self.names.bundle(), 0));
        if fs::symlink_metadata(&to).is_ok() {
            let file = ArrivedFile::new(&to)?;
            return match statement_of(&file).map_err(failed("read", &to))? {
                Some(found) if found.bundle == self.bundle && found.is_control() => Ok(()),
                _ => Err(MediumError::Exists { path: to.display().to_string() }),
            };
        }
        let copied = (|| {
            let (mut reader, mut temporary) = (control.stream(0, control.bytes())?, Temporary::beside(&to)?);
            let mut block = vec![0; COPY_BLOCK_BYTES];
            loop {
                let read = reader.read(&mut block)?;
                if read == 0 {
                    return temporary.place_new(&to);
                }
                temporary.file().write_all(&block[..read])?;
            }
        })();
        copied.map_err(failed("write", &to))
    }

    /// Removes the parity files of an earlier bundle with this name.
    fn remove_old_parity(&self) -> Result<(), MediumError> {
        let names = FileNames::parity(self.names.bundle());
        for path in named_in(&self.path, &names)?.into_iter().map(|number| self.path.join(names.of(number))) {
            let statement = statement_of(&ArrivedFile::new(&path)?).map_err(failed("read", &path))?;
            if statement.is_some_and(|found| found.kind == Kind::Parity && found.bundle != self.bundle) {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    fn pending(&self, number: u32) -> PathBuf {
        self.staging.join(self.names.of(number))
    }

    /// Moves a pending chunk to its final name, unless that name is taken.
    fn make_visible(pending: &Path, path: &Path) -> Result<(), MediumError> {
        rename_new(pending, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MediumError::Exists { path: path.display().to_string() },
            _ => failed("write", path)(error),
        })
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        // The lists are consistent after every change, even if a thread panicked.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FolderSink {
    fn drop(&mut self) {
        let mark = self.staging.join(MARK);
        let has_no_chunks = || self.staged().is_ok_and(|paths| paths.iter().all(|path| *path == mark));
        // If this fails, a hidden folder remains, which the next run clears.
        if !self.left.load(Ordering::Relaxed) || has_no_chunks() {
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// Returns the numbers of the files with these names in a folder, in ascending order; none if there is no such folder.
fn named_in(folder: &Path, names: &FileNames) -> Result<Vec<u32>, MediumError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", folder))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("read", folder))?.file_name();
        numbers.extend(name.to_str().and_then(|name| names.number(name)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The flag for not following links.
fn nofollow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Opens a file in the staging folder for writing without following links.
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
        match self.volumes.get() {
            Some(volumes) => self.in_volumes(volumes),
            None => self.numbers_in(&self.path),
        }
    }

    fn arrange(&self, volumes: &[Volume]) -> Result<(), MediumError> {
        // A second call passes the same volumes.
        let _ = self.volumes.set(volumes.to_vec());
        Ok(())
    }

    fn label(&self, control: &dyn ChunkFile, label: &dyn Fn(usize) -> Vec<u8>) -> Result<(), MediumError> {
        let volumes = self.volumes.get().map_or(0, Vec::len);
        for number in 1..=volumes {
            let folder = self.volume_path(number);
            self.make_folder(&folder)?;
            self.copy_control(control, &folder)?;
            let path = folder.join(format!("{}.txt", volume_folder(self.names.stem(), number)));
            let written = Temporary::beside(&path).and_then(|mut temporary| {
                temporary.file().write_all(&label(number))?;
                temporary.place(&path)
            });
            written.map_err(failed("write", &path))?;
        }
        Ok(())
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
        // The space of the staged files is already allocated.
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
        // An existing entry may be a link: remove the link, not its target.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path)(error));
            }
            _ => {}
        }
        // Readable by all, as the finished chunk must be: the guard runs as another user.
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
                let folder = self.folder(number);
                self.make_folder(&folder)?;
                FolderSink::make_visible(&pending, &path)?;
                self.done().visible.push(number);
                sync_folder(&folder)
            }
            Replace::EachByItself => {
                fs::rename(&pending, &path).map_err(failed("write", &path))?;
                sync_folder(&self.path)
            }
        }
    }

    fn sealed(&self, number: u32) -> Result<Arc<dyn ChunkFile>, MediumError> {
        let is_waiting = self.done().waiting.contains(&number);
        let path = if is_waiting { self.pending(number) } else { self.chunk_path(number) };
        Ok(Arc::new(ArrivedFile::new(&path)?))
    }

    /// The file is moved into the staging folder first, where no other process replaces it.
    fn adopt(
        &self,
        number: u32,
        from: &FileNames,
        front: &dyn Fn(&dyn ChunkFile) -> io::Result<Vec<u8>>,
    ) -> Result<bool, MediumError> {
        let (left, taken) = (self.path.join(from.of(number)), self.staging.join(from.of(number)));
        match fs::rename(&left, &taken) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // An earlier run may have taken it.
                if fs::symlink_metadata(&taken).is_err() {
                    return Ok(false);
                }
            }
            renamed => renamed.map_err(failed("move", &left))?,
        }
        let written = (|| {
            let file = OpenOptions::new().read(true).write(true).custom_flags(nofollow()).open(&taken)?;
            let arrived = ArrivedFile::new(&taken).map_err(io::Error::other)?;
            file.write_all_at(&front(&arrived)?, 0)?;
            file.sync_data()
        })();
        written.map_err(failed("sign", &left))?;
        let path = self.chunk_path(number);
        FolderSink::make_visible(&taken, &path)?;
        sync_folder(&self.path)?;
        Ok(true)
    }

    fn discard(&self, number: u32, from: &FileNames) -> Result<(), MediumError> {
        let path = self.path.join(from.of(number));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => Ok(()),
        }
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
            self.remove_old_parity()?;
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

    fn take_over(&self) -> Result<(), MediumError> {
        let (mark, id) = (self.staging.join(MARK), self.bundle.to_string());
        // Anything but a regular file with this id is neither followed nor kept.
        let is_same_bundle = fs::symlink_metadata(&mark)
            .is_ok_and(|found| found.is_file() && found.len() == id.len() as u64)
            && fs::read_to_string(&mark).is_ok_and(|found| found == id);
        if is_same_bundle {
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
        // A file with another hard link is not safe to change: it may be a finished chunk already, or any file that
        // someone linked here.
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.nlink() <= 1 => {
                Ok(Some(Arc::new(ArrivedFile::new(&path)?)))
            }
            _ => Ok(None),
        }
    }
}
