//! The files of a layout in a directory.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::ArtifactError;
use super::extent::{Extent, not_regular, open_regular_at};

/// The directory with this path, whose files are addressed by relative path.
#[derive(Debug)]
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    /// Opens the file `name`; `None` if it does not exist.
    pub(super) fn open(&self, name: &str) -> Result<Option<Extent>, ArtifactError> {
        let Directory(path) = self;
        let Some((folder, last)) = parent(path, name)? else { return Ok(None) };
        let path = path.join(name);
        let Some(file) = open_regular_at(folder, Path::new(last), &path)? else { return Ok(None) };
        let bytes = file.metadata().map_err(ArtifactError::io("cannot read the metadata of", &path))?.len();
        Ok(Some(Extent { file: Arc::new(file), start: 0, bytes }))
    }

    /// The size of the file `name` in bytes; `None` if it does not exist.
    pub(super) fn bytes_of(&self, name: &str) -> Result<Option<u64>, ArtifactError> {
        let Directory(path) = self;
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

    /// Reads the whole file `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the file is larger than `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
        self.open(name)?.map(|extent| read_whole(&extent, name, &self.0, limit)).transpose()
    }
}

/// Reads the whole file `name` of the layout at `path`.
///
/// # Errors
/// If the file is larger than `limit` bytes.
pub(super) fn read_whole(
    extent: &Extent,
    name: &str,
    path: &Path,
    limit: u64,
) -> Result<Vec<u8>, ArtifactError> {
    if extent.bytes > limit {
        return Err(ArtifactError::TooLarge {
            path: path.to_owned(),
            file: name.to_owned(),
            bytes: extent.bytes,
            limit,
        });
    }
    let mut bytes = Vec::new();
    extent.reader(0).read_to_end(&mut bytes).map_err(ArtifactError::io("cannot read", path))?;
    Ok(bytes)
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
