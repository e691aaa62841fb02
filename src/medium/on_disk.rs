//! Starts writeback while files are written, so that the final sync has little left to do.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

/// Bytes after which writeback starts: enough for one efficient write, and few enough that the final sync is
/// short.
const STRETCH_BYTES: u64 = 8 << 20;

/// Sets the length of a new file, in bytes, and allocates its space if the file system can. So a full disk is
/// detected at once, and the file has few fragments.
///
/// # Errors
/// If there is not enough space.
pub(crate) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    let reserved = if bytes == 0 { Ok(()) } else { fallocate(file, FallocateFlags::empty(), 0, bytes) };
    match reserved {
        Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT | rustix::io::Errno::FBIG)) => {
            // Some file systems keep the part that they allocated.
            let _ = file.set_len(0);
            Err(error.into())
        }
        // Without allocation, the file grows while it is written.
        _ => file.set_len(bytes),
    }
}

/// Counts the bytes written to files, and starts writeback.
#[derive(Debug, Default)]
pub(crate) struct Writeback {
    waiting: AtomicU64,
}

impl Writeback {
    /// Records bytes that were just written to `file`.
    pub(crate) fn wrote(&self, file: &File, bytes: u64) {
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes >= STRETCH_BYTES {
            self.waiting.store(0, Ordering::Relaxed);
            begin(file);
        }
    }

    /// Records that `file` is complete, and starts writeback of the rest unless it is small.
    pub(crate) fn ends(&self, file: &File) {
        if self.waiting.swap(0, Ordering::Relaxed) >= STRETCH_BYTES / 8 {
            begin(file);
        }
    }
}

/// Starts writeback of a file's dirty pages. Blocks only while the queue of the disk is full.
#[cfg(target_os = "linux")]
fn begin(file: &File) {
    use std::os::fd::AsRawFd as _;

    // SAFETY: the descriptor is open as long as `file` is borrowed, and no memory is passed.
    #[expect(unsafe_code, reason = "no crate of the tree wraps sync_file_range(2)")]
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    // Errors are ignored: this is a hint, and the final sync reports write errors.
}

#[cfg(not(target_os = "linux"))]
fn begin(_: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_file_has_its_length_and_reads_as_zeros() {
        for bytes in [0, 1, 100_000] {
            let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
            let file = File::options().write(true).open(&path).unwrap();
            reserve(&file, bytes).unwrap();
            assert!(std::fs::read(&path).unwrap() == vec![0; usize::try_from(bytes).unwrap()]);
        }
    }

    #[test]
    fn rejects_more_than_the_maximum_file_size() {
        let file = tempfile::tempfile().unwrap();
        assert!(reserve(&file, 1 << 63).is_err());
    }
}
