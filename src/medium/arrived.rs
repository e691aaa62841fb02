//! A regular file of a folder, as it arrived.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ChunkFile, MediumError, ReadAt, Temporary, rename_new};
use crate::format::Timestamp;

/// Bytes that are copied at once.
const COPY_BLOCK_BYTES: usize = 256 << 10;

/// The hidden folder for files that are moved out of the way, and how many of one name it takes.
const QUARANTINE: &str = ".quarantine";
const QUARANTINE_NAMES_MAX: u32 = 1000;

/// A regular file, as it was when it was found.
#[derive(Clone, Debug)]
pub struct ArrivedFile {
    pub(super) path: PathBuf,
    name: String,
    bytes: u64,
    /// When it was last modified: seconds and nanoseconds.
    modified: (i64, i64),
    /// Device and inode, to detect that another file has replaced it.
    pub(super) identity: (u64, u64),
    /// Why not even its length could be read; opening it fails with this.
    failure: Option<Arc<io::Error>>,
}

struct Opened(File);

impl ReadAt for Opened {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// Opens a file for reading without following links. It never blocks on a pipe or a device.
fn open_regular(path: &Path) -> io::Result<File> {
    // NONBLOCK: opening a pipe must not wait for a writer.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

impl ArrivedFile {
    /// Records name, size and identity of a regular file.
    pub fn new(path: &Path) -> Result<ArrivedFile, MediumError> {
        let name = path.display().to_string();
        let failed = |source| MediumError::Io { what: "read", path: name.clone(), source };
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(MediumError::NotRegular { path: name });
        }
        let identity = (metadata.dev(), metadata.ino());
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let (path, bytes) = (path.to_owned(), metadata.len());
        Ok(ArrivedFile { path, name, bytes, modified, identity, failure: None })
    }

    /// Stands for a file of a folder whose metadata cannot be read. It may be a chunk.
    pub(super) fn unreadable(path: &Path, failure: io::Error) -> ArrivedFile {
        let (path, name) = (path.to_owned(), path.display().to_string());
        let failure = Some(Arc::new(failure));
        ArrivedFile { path, name, bytes: 0, modified: (0, 0), identity: (0, 0), failure }
    }
}

impl ArrivedFile {
    /// Opens the file for writing into it, without following links.
    fn writable(&self) -> io::Result<File> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.identity || metadata.len() != self.bytes {
            return Err(io::Error::other("the file has changed since it was found"));
        }
        Ok(file)
    }

    /// Returns whether not even the length could be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.failure.is_some()
    }
}

impl ChunkFile for ArrivedFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn version(&self) -> String {
        let ((device, inode), (seconds, nanoseconds)) = (self.identity, self.modified);
        format!("{device}-{inode}-{}-{seconds}.{nanoseconds}", self.bytes)
    }

    fn modified(&self) -> Option<Timestamp> {
        Timestamp::from_seconds(u64::try_from(self.modified.0).ok()?)
    }

    fn open(&self) -> io::Result<Box<dyn ReadAt>> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::new(failure.kind(), failure.to_string()));
        }
        let file = open_regular(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != self.identity || metadata.len() != self.bytes {
            return Err(io::Error::other("the file has changed since it was found"));
        }
        Ok(Box::new(Opened(file)))
    }

    fn remove(&self) -> io::Result<()> {
        match ArrivedFile::new(&self.path) {
            Ok(found) if found.version() == self.version() => fs::remove_file(&self.path),
            Ok(_) => Err(io::Error::other("the file has changed since it was found")),
            Err(MediumError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(MediumError::Io { source, .. }) => Err(source),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn set_aside(&self, reason: &str) -> io::Result<Option<String>> {
        let name = self.path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.path.with_file_name(QUARANTINE);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        drop(self.open()?);
        for number in 0..QUARANTINE_NAMES_MAX {
            let mut target = name.to_owned();
            if number > 0 {
                target.push(format!(".{number}"));
            }
            let target = folder.join(target);
            match rename_new(&self.path, &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    let mut beside = target.clone().into_os_string();
                    beside.push(".reason.txt");
                    fs::write(beside, format!("{reason}\n"))?;
                    return Ok(Some(target.display().to_string()));
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// A file with a second name is not mended: under that name, it may be a copy that is kept as it arrived.
    fn can_be_mended(&self) -> bool {
        self.writable().and_then(|file| file.metadata()).is_ok_and(|found| found.nlink() == 1)
    }

    /// A concurrent change by [`ChunkFile::replace_front`] waits, and then fails because the file is another one.
    fn mend(&self, parts: &[(u64, &[u8])]) -> io::Result<()> {
        let file = self.writable()?;
        file.lock()?;
        // While the lock is held, this fails unless the file is still the one that was found.
        drop(self.open()?);
        for (offset, bytes) in parts {
            file.write_all_at(bytes, *offset)?;
        }
        file.sync_data()
    }

    /// The new file is written beside the old one, synced, and renamed over it. A concurrent replacement waits, and
    /// then fails because the file has changed.
    fn replace_front(
        &self,
        front: &[u8],
        kept_from: u64,
        check: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let lock = open_regular(&self.path)?;
        lock.lock()?;
        // While the lock is held, this fails unless the file is still the one that was found.
        let old = self.open()?;
        let mut temporary = Temporary::beside(&self.path)?;
        temporary.file().write_all(front)?;
        let mut block = vec![0; COPY_BLOCK_BYTES];
        let mut at = kept_from;
        while at < self.bytes {
            let length = usize::try_from(self.bytes - at).unwrap_or(usize::MAX).min(block.len());
            old.read_exact_at(&mut block[..length], at)?;
            temporary.file().write_all(&block[..length])?;
            at += length as u64;
        }
        temporary.file().set_permissions(lock.metadata()?.permissions())?;
        check(Arc::new(ArrivedFile::new(temporary.path()).map_err(io::Error::other)?))?;
        temporary.place(&self.path)
    }
}
