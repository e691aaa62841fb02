//! Brings files to disk while they are written, so that syncing them in the end has little to wait for.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

/// Bytes after which the disk is asked to begin: long enough to be written in one piece, and little to wait for
/// when they are the last ones.
const STRETCH_BYTES: u64 = 8 << 20;

/// Gives a new file its length, in bytes, and takes room for it where the file system can: a full disk is found
/// at once, and the file lies in few pieces.
///
/// # Errors
/// When there is no room.
pub(crate) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    let reserved = if bytes == 0 { Ok(()) } else { fallocate(file, FallocateFlags::empty(), 0, bytes) };
    match reserved {
        Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT | rustix::io::Errno::FBIG)) => {
            // Some file systems keep what they had found.
            let _ = file.set_len(0);
            Err(error.into())
        }
        // What cannot reserve grows as it is written.
        _ => file.set_len(bytes),
    }
}

/// Counts what is written to files, and has the disk begin with it.
#[derive(Debug, Default)]
pub(crate) struct Writeback {
    waiting: AtomicU64,
}

impl Writeback {
    /// Takes note of bytes that were just written to `file`.
    pub(crate) fn wrote(&self, file: &File, bytes: u64) {
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes >= STRETCH_BYTES {
            self.waiting.store(0, Ordering::Relaxed);
            begin(file);
        }
    }

    /// Takes note that `file` is complete: what is left of it goes too, unless it is little.
    pub(crate) fn ends(&self, file: &File) {
        if self.waiting.swap(0, Ordering::Relaxed) >= STRETCH_BYTES / 8 {
            begin(file);
        }
    }
}

/// Begins to write back all of a file that is not on disk yet. Waits only while the disk has its hands full.
#[cfg(target_os = "linux")]
fn begin(file: &File) {
    use std::os::fd::AsRawFd as _;

    // SAFETY: the descriptor is open as long as `file` is borrowed, and no memory is passed.
    #[expect(unsafe_code, reason = "no crate of the tree wraps sync_file_range(2)")]
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    // A failure shows when the file is synced: this is a hint, and durability does not rest on it.
}

#[cfg(not(target_os = "linux"))]
fn begin(_: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_reads_as_zeros_and_has_its_length() {
        for bytes in [0, 1, 100_000] {
            let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
            let file = File::options().write(true).open(&path).unwrap();
            reserve(&file, bytes).unwrap();
            assert!(std::fs::read(&path).unwrap() == vec![0; usize::try_from(bytes).unwrap()]);
        }
    }

    #[test]
    fn more_than_any_file_can_have_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(reserve(&file, 1 << 63).is_err());
    }
}
