//! Where the files of a layout are: in a directory, or inside an uncompressed tar archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256, Sha512};

use super::ArtifactError;
use super::tar_index::{Links, TarIndex};
use crate::oci::{Algorithm, Digest};

/// Bytes read at once when hashing.
const HASH_BLOCK_BYTES: usize = 256 << 10;

/// The files of a layout, by relative path.
#[derive(Debug)]
pub(super) enum Files {
    /// In a directory.
    Directory(PathBuf),
    /// In an archive.
    Archive(TarIndex),
}

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

fn not_regular(path: &Path) -> ArtifactError {
    ArtifactError::UnsafePath { path: path.to_owned(), problem: "not a regular file".to_owned() }
}

impl Files {
    /// The files of the directory `path`.
    pub(super) fn in_directory(path: &Path) -> Result<Files, ArtifactError> {
        let metadata = fs::metadata(path).map_err(ArtifactError::io("cannot open", path))?;
        if metadata.is_dir() {
            return Ok(Files::Directory(path.to_owned()));
        }
        let problem = "not a directory; an archive is named with oci-archive:".to_owned();
        Err(ArtifactError::NotALayout { path: path.to_owned(), problem })
    }

    /// The files in the archive `path`.
    pub(super) fn in_archive(path: &Path, links: Links) -> Result<Files, ArtifactError> {
        Ok(Files::Archive(TarIndex::open(path, links)?))
    }

    /// The directory or the archive.
    pub(super) fn path(&self) -> &Path {
        match self {
            Files::Directory(path) => path,
            Files::Archive(index) => index.path(),
        }
    }

    /// Opens the file `name`; `None` if there is none.
    pub(super) fn open(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        match self {
            Files::Directory(path) => {
                let path = path.join(name);
                let Some(file) = open_regular(&path)? else { return Ok(None) };
                let bytes = file.metadata().map_err(ArtifactError::io("cannot look at", &path))?.len();
                Ok(Some(Extent { file: Arc::new(file), start: 0, bytes }))
            }
            Files::Archive(index) => index.find(name),
        }
    }

    /// The length in bytes of the file `name`; `None` if there is none.
    pub(super) fn bytes_of(&self, name: &str) -> Result<Option<u64>, ArtifactError> {
        match self {
            Files::Directory(path) => {
                let path = path.join(name);
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
                    Ok(_) => Err(not_regular(&path)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(ArtifactError::Io { what: "cannot look at", path, source }),
                }
            }
            Files::Archive(index) => Ok(index.find(name)?.map(|extent| extent.bytes)),
        }
    }

    /// Reads the file `name` whole; `None` if there is none.
    ///
    /// # Errors
    /// When it is longer than `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
        let Some(extent) = self.open(name)? else { return Ok(None) };
        if extent.bytes > limit {
            return Err(ArtifactError::TooLarge {
                path: self.path().to_owned(),
                file: name.to_owned(),
                bytes: extent.bytes,
                limit,
            });
        }
        let mut bytes = Vec::new();
        extent.reader(0).read_to_end(&mut bytes).map_err(ArtifactError::io("cannot read", self.path()))?;
        Ok(Some(bytes))
    }
}
