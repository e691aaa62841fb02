//! A regular file or a part of one, which several readers may read at once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256, Sha512};

use super::ArtifactError;
use crate::oci::{Algorithm, Digest};

/// Bytes read at once when hashing.
const HASH_BLOCK_BYTES: usize = 256 << 10;

/// A file, or a part of one, that several readers may read at once.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub(super) file: Arc<File>,
    /// Where it starts in the file, in bytes.
    pub(super) start: u64,
    /// How long it was when it was opened, in bytes.
    pub(super) bytes: u64,
}

/// Reads an extent at places of its own, whatever other readers of the same file do.
#[derive(Debug)]
pub(super) struct ExtentReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Extent {
    /// A reader from `offset` bytes on; beyond the end it gives nothing.
    pub(super) fn reader(&self, offset: u64) -> ExtentReader {
        let end = self.start.saturating_add(self.bytes);
        ExtentReader { file: Arc::clone(&self.file), at: self.start.saturating_add(offset), end }
    }

    /// The digest of its bytes, and how many there were.
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
            // The system refuses to read nothing at a place that no file reaches.
            return Ok(0);
        }
        let count = self.file.read_at(&mut block[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Opens a regular file for reading, and never what a symbolic link points at, a device or a pipe.
pub(super) fn open_regular(path: &Path) -> Result<Option<File>, ArtifactError> {
    // Without O_NONBLOCK the opening of a pipe would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(not_regular(path));
        }
        Err(source) => return Err(ArtifactError::Io { what: "cannot open", path: path.to_owned(), source }),
    };
    let metadata = file.metadata().map_err(ArtifactError::io("cannot look at", path))?;
    if metadata.is_file() { Ok(Some(file)) } else { Err(not_regular(path)) }
}

pub(super) fn not_regular(path: &Path) -> ArtifactError {
    ArtifactError::UnsafePath { path: path.to_owned(), problem: "not a regular file".to_owned() }
}
