//! A file that is written bit by bit, and that gets its name when it is whole.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::error::MediumError;
use super::temporary::Temporary;

/// A file that nobody sees under its name before it is whole. It is removed if it is dropped before.
pub struct WholeFile {
    target: PathBuf,
    writer: BufWriter<Temporary>,
}

impl WholeFile {
    /// Starts a file. What has its name stays until this one is whole.
    ///
    /// # Errors
    /// If no file can be created in the folder.
    pub fn start(target: &Path) -> Result<WholeFile, MediumError> {
        let temporary = Temporary::beside(target).map_err(failed(target))?;
        Ok(WholeFile { target: target.to_owned(), writer: BufWriter::with_capacity(256 << 10, temporary) })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MediumError> {
        self.writer.write_all(bytes).map_err(failed(&self.target))
    }

    /// Gives the file its name, in place of a file that had it.
    ///
    /// # Errors
    /// If the last bytes cannot be written, or the file cannot be renamed.
    pub fn place(self) -> Result<(), MediumError> {
        let WholeFile { target, writer } = self;
        let temporary =
            writer.into_inner().map_err(io::IntoInnerError::into_error).map_err(failed(&target))?;
        temporary.place(&target).map_err(failed(&target))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> MediumError + use<> {
    let path = path.display().to_string();
    move |source| MediumError::Io { what: "write", path, source }
}
