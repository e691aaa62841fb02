//! The files of a layout, in a directory or in an uncompressed tar archive.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ArtifactError;
use super::extent::{Extent, not_regular, open_regular};
use super::tar_index::{Links, TarIndex};

/// The files of a layout, addressed by relative path.
#[derive(Debug)]
pub(super) enum Files {
    /// Files in the directory with this path.
    Directory(PathBuf),
    /// Files in a tar archive.
    Archive(TarIndex),
}

impl Files {
    /// Opens the directory `path`.
    pub(super) fn in_directory(path: &Path) -> Result<Files, ArtifactError> {
        let metadata = fs::metadata(path).map_err(ArtifactError::io("cannot open", path))?;
        if metadata.is_dir() {
            return Ok(Files::Directory(path.to_owned()));
        }
        let problem = "not a directory; for a tar archive write oci-archive:".to_owned();
        Err(ArtifactError::NotALayout { path: path.to_owned(), problem })
    }

    /// Opens the archive `path`.
    pub(super) fn in_archive(path: &Path, links: Links) -> Result<Files, ArtifactError> {
        Ok(Files::Archive(TarIndex::open(path, links)?))
    }

    /// The path of the directory or archive.
    pub(super) fn path(&self) -> &Path {
        match self {
            Files::Directory(path) => path,
            Files::Archive(index) => index.path(),
        }
    }

    /// Opens the file `name`; `None` if it does not exist.
    pub(super) fn open(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        match self {
            Files::Directory(path) => {
                let path = path.join(name);
                let Some(file) = open_regular(&path)? else { return Ok(None) };
                let bytes =
                    file.metadata().map_err(ArtifactError::io("cannot read the metadata of", &path))?.len();
                Ok(Some(Extent { file: Arc::new(file), start: 0, bytes }))
            }
            Files::Archive(index) => index.find(name),
        }
    }

    /// The size of the file `name` in bytes; `None` if it does not exist.
    pub(super) fn bytes_of(&self, name: &str) -> Result<Option<u64>, ArtifactError> {
        match self {
            Files::Directory(path) => {
                let path = path.join(name);
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
                    Ok(_) => Err(not_regular(&path)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => {
                        Err(ArtifactError::Io { what: "cannot read the metadata of", path, source })
                    }
                }
            }
            Files::Archive(index) => Ok(index.find(name)?.map(|extent| extent.bytes)),
        }
    }

    /// Reads the whole file `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the file is larger than `limit` bytes.
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
