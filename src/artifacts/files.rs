//! Where the files of a layout are: in a directory, or inside an uncompressed tar archive.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ArtifactError;
use super::extent::{Extent, not_regular, open_regular};
use super::tar_index::{Links, TarIndex};

/// The files of a layout, by relative path.
#[derive(Debug)]
pub(super) enum Files {
    /// In a directory.
    Directory(PathBuf),
    /// In an archive.
    Archive(TarIndex),
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
