//! A new file that gets its name when it is whole.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{MediumError, Temporary};

/// A new file whose name was free when it was reserved. Nothing is visible before [`NewFile::place`], and an existing file
/// is never replaced. Dropped before that, nothing remains.
pub struct NewFile {
    target: PathBuf,
    temporary: Temporary,
}

impl NewFile {
    /// Reserves a name, before the work begins whose result the file will hold.
    ///
    /// # Errors
    /// [`MediumError::NameTaken`] if the file exists; [`MediumError::Io`] if its folder cannot be written.
    pub fn reserve(target: &Path) -> Result<NewFile, MediumError> {
        let failed = |source| MediumError::Io { what: "write", path: target.display().to_string(), source };
        if target.symlink_metadata().is_ok() {
            return Err(MediumError::NameTaken { path: target.display().to_string() });
        }
        if target.file_name().is_none() {
            return Err(failed(io::ErrorKind::InvalidFilename.into()));
        }
        let temporary = Temporary::beside(target).map_err(failed)?;
        Ok(NewFile { target: target.to_owned(), temporary })
    }

    /// Writes the content, makes it durable, and gives the file its name.
    ///
    /// # Errors
    /// [`MediumError::NameTaken`] if the name was taken meanwhile; [`MediumError::Io`].
    pub fn place(self, bytes: &[u8]) -> Result<(), MediumError> {
        let NewFile { target, mut temporary } = self;
        let path = target.display().to_string();
        let written = temporary.file().write_all(bytes).and_then(|()| temporary.place_new(&target));
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => MediumError::NameTaken { path },
            _ => MediumError::Io { what: "write", path, source },
        })
    }
}
