//! Regular files and parts of them, for several concurrent readers.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256, Sha512};

use super::ArtifactError;
use crate::oci::{Algorithm, Digest};

/// Block size for hashing, in bytes.
const HASH_BLOCK_BYTES: usize = 256 << 10;

/// A file or a part of one. Several readers may read it at the same time.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub(super) file: Arc<File>,
    /// Offset of the start in the file, in bytes.
    pub(super) start: u64,
    /// Size in bytes when the file was opened.
    pub(super) bytes: u64,
}

/// A reader with its own position, independent of other readers of the same file.
#[derive(Debug)]
pub(super) struct ExtentReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Extent {
    /// Returns a reader that starts at `offset` bytes. Beyond the end it reads nothing.
    pub(super) fn reader(&self, offset: u64) -> ExtentReader {
        let end = self.start.saturating_add(self.bytes);
        ExtentReader { file: Arc::clone(&self.file), at: self.start.saturating_add(offset), end }
    }

    /// Computes the digest of the content, and returns the number of bytes read with it.
    pub(super) fn digest(&self, algorithm: Algorithm) -> io::Result<(Digest, u64)> {
        let mut reader = self.reader(0);
        match algorithm {
            Algorithm::Sha256 => {
                let mut hasher = Sha256::new();
                let bytes = read_blocks(&mut reader, |block| hasher.update(block))?;
                Ok((Digest::Sha256(hasher.finalize().into()), bytes))
            }
            Algorithm::Sha512 => {
                let mut hasher = Sha512::new();
                let bytes = read_blocks(&mut reader, |block| hasher.update(block))?;
                Ok((Digest::Sha512(hasher.finalize().into()), bytes))
            }
        }
    }
}

fn read_blocks(reader: &mut dyn Read, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut block = vec![0; HASH_BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(bytes),
            Ok(count) => {
                take(&block[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Read for ExtentReader {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        if wanted == 0 {
            // Even for an empty block, the system returns an error for an offset beyond the largest file size.
            return Ok(0);
        }
        let count = self.file.read_at(&mut block[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Opens a regular file for reading; `None` if it does not exist. Symbolic links, devices and pipes are refused.
pub(super) fn open_regular(path: &Path) -> Result<Option<File>, ArtifactError> {
    open_regular_at(CWD, path, path)
}

/// Opens the file `name` in `folder`, as [`open_regular`] does. Messages call it `path`.
pub(super) fn open_regular_at(
    folder: impl AsFd,
    name: &Path,
    path: &Path,
) -> Result<Option<File>, ArtifactError> {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(not_regular(path)),
        Err(error) => return Err(ArtifactError::io("cannot open", path)(error.into())),
    };
    let metadata = file.metadata().map_err(ArtifactError::io("cannot read the metadata of", path))?;
    if metadata.is_file() { Ok(Some(file)) } else { Err(not_regular(path)) }
}

pub(super) fn not_regular(path: &Path) -> ArtifactError {
    ArtifactError::UnsafePath { path: path.to_owned(), problem: "not a regular file".to_owned() }
}
