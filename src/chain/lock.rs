//! Locks in a state folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ChainError;

/// The time between two attempts to take a lock.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped, or until the process ends.
#[derive(Debug)]
pub struct HeldLock {
    path: PathBuf,
    /// Whether the file is removed, too.
    removed: bool,
    _file: File,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        if self.removed {
            // It is still locked, so nobody else uses it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl HeldLock {
    /// Takes a lock on a file, which is created; `None` if somebody has it. With `removed`, the file is removed when the
    /// lock is dropped.
    ///
    /// # Errors
    /// [`ChainError::Io`].
    pub fn take(path: PathBuf, removed: bool) -> Result<Option<HeldLock>, ChainError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| ChainError::io("write", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(HeldLock { path, removed, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(ChainError::io("lock", &path, source)),
        }
    }

    /// Waits for a lock on a file, which is created and stays, as long as `goes_on` says so.
    ///
    /// # Errors
    /// [`ChainError::Busy`] if somebody has it, and waiting was ended.
    pub fn wait(path: &Path, goes_on: &dyn Fn() -> bool) -> Result<HeldLock, ChainError> {
        loop {
            if let Some(held) = HeldLock::take(path.to_owned(), false)? {
                return Ok(held);
            }
            if !goes_on() {
                return Err(ChainError::Busy { path: path.display().to_string() });
            }
            std::thread::sleep(PAUSE);
        }
    }
}
