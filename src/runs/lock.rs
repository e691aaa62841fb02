//! Locks in a state folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::RunsError;
use super::chain::io_error;

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
    pub(super) fn take(path: PathBuf, removed: bool) -> Result<Option<HeldLock>, RunsError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| io_error("write", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(HeldLock { path, removed, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
        }
    }
}
