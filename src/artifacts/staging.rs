//! A folder beside the blobs of a layout, where blobs are written before they are visible.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;

use super::ArtifactError;

/// How the names of such folders begin.
const PREFIX: &str = ".carnet-";

/// Held locked as long as the folder is in use.
const LOCK: &str = "lock";

/// How often another run that cleans up may take a new folder for a stale one.
const TRIES: u32 = 8;

/// The folder. Dropped, it goes with everything in it.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    /// Locked until dropped: this is how another run knows that the folder is alive.
    _lock: File,
    next: AtomicU64,
}

/// A name that no other run has.
pub(super) fn unique_suffix(path: &Path) -> Result<String, ArtifactError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        ArtifactError::io("cannot find a name for", path)(std::io::Error::other(error.to_string()))
    })?;
    Ok(hex::encode(bytes))
}

/// Creates a file that was not there, and never through a symbolic link.
pub(super) fn create_new(path: &Path) -> Result<File, ArtifactError> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o644).custom_flags(flags);
    options.open(path).map_err(ArtifactError::io("cannot create", path))
}

impl Staging {
    /// Creates one in `parent`, and removes those that a killed run left there.
    pub(super) fn create(parent: &Path) -> Result<Staging, ArtifactError> {
        remove_stale(parent);
        for _ in 0..TRIES {
            let path = parent.join(format!("{PREFIX}{}", unique_suffix(parent)?));
            let mut builder = fs::DirBuilder::new();
            builder.mode(0o700).create(&path).map_err(ArtifactError::io("cannot create", &path))?;
            if let Some(lock) = lock(&path.join(LOCK))? {
                return Ok(Staging { path, _lock: lock, next: AtomicU64::new(0) });
            }
        }
        let busy = std::io::Error::other("other runs remove it again and again");
        Err(ArtifactError::io("cannot keep a folder in", parent)(busy))
    }

    /// Creates a new file in it.
    pub(super) fn file(&self) -> Result<(PathBuf, File), ArtifactError> {
        let path = self.path.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = create_new(&path)?;
        Ok((path, file))
    }

    /// Writes a small file in it, down to the disk.
    pub(super) fn small_file(&self, bytes: &[u8]) -> Result<PathBuf, ArtifactError> {
        let (path, mut file) = self.file()?;
        file.write_all(bytes).map_err(ArtifactError::io("cannot write", &path))?;
        file.sync_all().map_err(ArtifactError::io("cannot write", &path))?;
        Ok(path)
    }

    /// Whether an entry of a layout's directory is such a folder.
    pub(super) fn is_one(name: &std::ffi::OsStr) -> bool {
        name.to_str().is_some_and(|name| name.starts_with(PREFIX))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next run removes it.
        let _ = remove(&self.path);
    }
}

/// Locks a new file at `path`. `None` if a run that cleans up was there first, before this one had the lock.
fn lock(path: &Path) -> Result<Option<File>, ArtifactError> {
    let lock = match create_new(path) {
        Err(ArtifactError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    lock.lock().map_err(ArtifactError::io("cannot lock", path))?;
    Ok(path.exists().then_some(lock))
}

/// The lock goes last: whoever is killed in the midst leaves what the next run still knows to be stale.
fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(folder.join(LOCK))?;
    fs::remove_dir(folder)
}

/// Removes what killed runs left. What cannot be looked at or is in use stays.
fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !Staging::is_one(&entry.file_name()) {
            continue;
        }
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let lock = entry.path().join(LOCK);
        match OpenOptions::new().read(true).write(true).custom_flags(flags).open(lock) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = remove(&entry.path());
            }
            // Killed before it had a lock, or after it had removed it: there is nothing in it.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let _ = fs::remove_dir(entry.path());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_run_is_cleaned_up_and_a_living_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let stale = parent.path().join(".carnet-stale");
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join(LOCK), "").unwrap();
        fs::write(stale.join("0"), "half a blob").unwrap();
        let barely_begun = parent.path().join(".carnet-begun");
        fs::create_dir(&barely_begun).unwrap();
        let living = Staging::create(parent.path()).unwrap();
        assert!(!stale.exists() && !barely_begun.exists());
        let other = Staging::create(parent.path()).unwrap();
        assert!(living.path.exists() && other.path.exists());
        drop((living, other));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
