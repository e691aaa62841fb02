//! The files of a layout, in a directory or in an uncompressed tar archive.

use std::fs;
use std::path::Path;

use super::ArtifactError;
use super::directory::{Directory, read_whole};
use super::expansion::Expansion;
use super::extent::Extent;
use super::tar_index::{Links, TarIndex};

/// The files of a layout, addressed by relative path.
#[derive(Debug)]
pub(super) enum Files {
    /// Files in a directory.
    Directory(Directory),
    /// Files in a tar archive.
    Archive(TarIndex),
}

impl Files {
    /// Opens the directory `path`.
    pub(super) fn in_directory(path: &Path) -> Result<Files, ArtifactError> {
        let metadata = fs::metadata(path).map_err(ArtifactError::io("cannot open", path))?;
        if metadata.is_dir() {
            return Ok(Files::Directory(Directory(path.to_owned())));
        }
        let problem = "not a directory".to_owned();
        Err(ArtifactError::NotALayout { path: path.to_owned(), problem })
    }

    /// Opens the archive `path`.
    pub(super) fn in_archive(
        path: &Path,
        links: Links,
        expansion: Option<&Expansion>,
    ) -> Result<Files, ArtifactError> {
        Ok(Files::Archive(TarIndex::open(path, links, expansion)?))
    }

    /// The path of the directory or archive.
    pub(super) fn path(&self) -> &Path {
        match self {
            Files::Directory(Directory(path)) => path,
            Files::Archive(index) => index.path(),
        }
    }

    /// The archive, if the files are in one.
    pub(super) fn archive(&self) -> Option<&TarIndex> {
        match self {
            Files::Directory(_) => None,
            Files::Archive(index) => Some(index),
        }
    }

    /// Opens the file `name`; `None` if it does not exist.
    pub(super) fn open(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        match self {
            Files::Directory(directory) => directory.open(name),
            Files::Archive(index) => index.find(name),
        }
    }

    /// The path of the file that `name` is, or that it links to inside an archive; `None` if it does not exist.
    pub(super) fn real_name(&self, name: &str) -> Result<Option<String>, ArtifactError> {
        Ok(match self {
            Files::Directory(_) => self.bytes_of(name)?.map(|_| name.to_owned()),
            Files::Archive(index) => index.real_name(name)?.map(str::to_owned),
        })
    }

    /// The size of the file `name` in bytes; `None` if it does not exist.
    pub(super) fn bytes_of(&self, name: &str) -> Result<Option<u64>, ArtifactError> {
        match self {
            Files::Directory(directory) => directory.bytes_of(name),
            Files::Archive(index) => Ok(index.find(name)?.map(|extent| extent.bytes)),
        }
    }

    /// Reads the whole file `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the file is larger than `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
        self.open(name)?.map(|extent| read_whole(&extent, name, self.path(), limit)).transpose()
    }
}
