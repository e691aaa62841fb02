//! The staging folder of a layout, in which blobs are written before they become visible.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

use super::ArtifactError;

/// The prefix of the names of staging folders.
const PREFIX: &str = ".carnet-";

/// The name of the lock file. It is locked while the folder is in use.
const LOCK: &str = "lock";

/// Maximum attempts to create a folder, in case other runs remove it as stale.
const ATTEMPTS_MAX: u32 = 8;

/// A staging folder. Dropping it removes the folder with everything in it.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    /// Locked until dropped, so that other runs know that the folder is in use.
    _lock: File,
    next: AtomicU64,
}

/// A random suffix for a file name, different in every run.
pub(super) fn unique_suffix(path: &Path) -> Result<String, ArtifactError> {
    let mut bytes = [0; 8];
    // The system returns up to 256 bytes at once.
    rustix::rand::getrandom(&mut bytes[..], GetRandomFlags::empty())
        .map_err(|error| ArtifactError::io("cannot generate a random name for", path)(error.into()))?;
    Ok(hex::encode(bytes))
}

/// Creates a new file, never through a symbolic link.
pub(super) fn create_new(path: &Path) -> Result<File, ArtifactError> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o644).custom_flags(flags);
    options.open(path).map_err(ArtifactError::io("cannot create", path))
}

impl Staging {
    /// Creates a staging folder in `parent`, and removes stale ones of killed runs.
    pub(super) fn create(parent: &Path) -> Result<Staging, ArtifactError> {
        remove_stale(parent);
        for _ in 0..ATTEMPTS_MAX {
            let path = parent.join(format!("{PREFIX}{}", unique_suffix(parent)?));
            let mut builder = fs::DirBuilder::new();
            builder.mode(0o700).create(&path).map_err(ArtifactError::io("cannot create", &path))?;
            if let Some(lock) = lock(&path.join(LOCK))? {
                return Ok(Staging { path, _lock: lock, next: AtomicU64::new(0) });
            }
        }
        let busy = std::io::Error::other("other runs removed the new folder repeatedly");
        Err(ArtifactError::io("cannot create a staging folder in", parent)(busy))
    }

    /// Creates a new file in the folder.
    pub(super) fn file(&self) -> Result<(PathBuf, File), ArtifactError> {
        let path = self.path.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = create_new(&path)?;
        Ok((path, file))
    }

    /// Writes a small file in the folder and syncs it to disk.
    pub(super) fn small_file(&self, bytes: &[u8]) -> Result<PathBuf, ArtifactError> {
        let (path, mut file) = self.file()?;
        file.write_all(bytes).map_err(ArtifactError::io("cannot write", &path))?;
        file.sync_all().map_err(ArtifactError::io("cannot write", &path))?;
        Ok(path)
    }

    /// Whether a file name is that of a staging folder.
    pub(super) fn is_staging_name(name: &std::ffi::OsStr) -> bool {
        name.to_str().is_some_and(|name| name.starts_with(PREFIX))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If this fails, the next run removes the folder.
        let _ = remove(&self.path);
    }
}

/// Creates and locks the file `path`. Returns `None` if another run removed the folder before it was locked.
fn lock(path: &Path) -> Result<Option<File>, ArtifactError> {
    let lock = match create_new(path) {
        Err(ArtifactError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    lock.lock().map_err(ArtifactError::io("cannot lock", path))?;
    Ok(path.exists().then_some(lock))
}

/// Opens a staging folder, never through a symbolic link.
fn open_folder(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

/// Removes a folder and its content as far as possible. The lock file is removed last, so that the next run can tell
/// that the rest is stale. Nothing outside the folder is removed, even if something else was put in its place.
fn remove(path: &Path) -> rustix::io::Result<()> {
    remove_opened(&open_folder(path)?, path)
}

fn remove_opened(folder: &OwnedFd, path: &Path) -> rustix::io::Result<()> {
    let mut failed = None;
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if [".", "..", LOCK].map(str::as_bytes).contains(&name.to_bytes()) {
            continue;
        }
        let removed = unlinkat(folder, name, AtFlags::empty());
        failed = failed.or(removed.or_else(|_| unlinkat(folder, name, AtFlags::REMOVEDIR)).err());
    }
    if let Some(error) = failed {
        return Err(error);
    }
    unlinkat(folder, LOCK, AtFlags::empty())?;
    unlinkat(CWD, path, AtFlags::REMOVEDIR)
}

/// Removes the folders of killed runs. Folders that are in use or cannot be opened are kept.
fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| Staging::is_staging_name(&entry.file_name())) {
        let path = entry.path();
        let Ok(folder) = open_folder(&path) else { continue };
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&folder, LOCK, flags, Mode::empty()).map(File::from) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = remove_opened(&folder, &path);
            }
            // The run was killed before it created the lock file or after it removed it, so the folder is empty.
            Err(Errno::NOENT) => {
                let _ = unlinkat(CWD, &path, AtFlags::REMOVEDIR);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_folders_are_removed_and_used_ones_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let stale = parent.path().join(".carnet-stale");
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join(LOCK), "").unwrap();
        fs::write(stale.join("0"), "half a blob").unwrap();
        let without_lock = parent.path().join(".carnet-begun");
        fs::create_dir(&without_lock).unwrap();
        let used = Staging::create(parent.path()).unwrap();
        assert!(!stale.exists() && !without_lock.exists());
        let other = Staging::create(parent.path()).unwrap();
        assert!(used.path.exists() && other.path.exists());
        drop((used, other));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_outside_the_folder_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let others = parent.path().join("others");
        fs::create_dir(&others).unwrap();
        for name in ["keys", "lock"] {
            fs::write(others.join(name), "of someone else").unwrap();
        }
        let used = Staging::create(parent.path()).unwrap();
        fs::rename(&used.path, parent.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(&others, &used.path).unwrap();
        drop(used);
        drop(Staging::create(parent.path()).unwrap());
        assert_eq!(fs::read_dir(&others).unwrap().count(), 2);
    }

    #[test]
    fn one_failed_removal_does_not_stop_the_others() {
        let parent = tempfile::tempdir().unwrap();
        let stale = parent.path().join(".carnet-stale");
        fs::create_dir_all(stale.join("a/b")).unwrap();
        for name in ["0", "1", "lock"] {
            fs::write(stale.join(name), "half a blob").unwrap();
        }
        drop(Staging::create(parent.path()).unwrap());
        let mut left: Vec<_> =
            fs::read_dir(&stale).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a", "lock"]);
    }
}
