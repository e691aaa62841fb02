//! The files of a layout, in a directory or in an uncompressed tar archive.

use std::fs;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::ArtifactError;
use super::expansion::Expansion;
use super::extent::{Extent, not_regular, open_regular_at};
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
            Files::Directory(path) => path,
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
            Files::Directory(path) => {
                let Some((folder, last)) = parent(path, name)? else { return Ok(None) };
                let path = path.join(name);
                let Some(file) = open_regular_at(folder, Path::new(last), &path)? else { return Ok(None) };
                let bytes =
                    file.metadata().map_err(ArtifactError::io("cannot read the metadata of", &path))?.len();
                Ok(Some(Extent { file: Arc::new(file), start: 0, bytes }))
            }
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
            Files::Directory(path) => {
                let Some((folder, last)) = parent(path, name)? else { return Ok(None) };
                let path = path.join(name);
                match statat(folder, last, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                        Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
                    }
                    Ok(_) => Err(not_regular(&path)),
                    Err(Errno::NOENT) => Ok(None),
                    Err(error) => Err(ArtifactError::io("cannot read the metadata of", &path)(error.into())),
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

/// Opens the folder of the file `name` in the layout `root`, and returns it with the last part of `name`; `None` if it
/// does not exist. The operator may name the layout through a symbolic link, but inside it none is followed: it could
/// lead to files that are not meant to travel.
fn parent<'a>(root: &Path, name: &'a str) -> Result<Option<(OwnedFd, &'a str)>, ArtifactError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut path = root.to_owned();
    let mut folder = match openat(CWD, root, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(ArtifactError::io("cannot open", root)(error.into())),
    };
    let mut rest = name;
    while let Some((part, after)) = rest.split_once('/') {
        path.push(part);
        folder = match openat(&folder, part, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let problem = "a symbolic link, or not a directory".to_owned();
                return Err(ArtifactError::UnsafePath { path, problem });
            }
            Err(error) => return Err(ArtifactError::io("cannot open", &path)(error.into())),
        };
        rest = after;
    }
    Ok(Some((folder, rest)))
}
