//! Files that an operator named for what a command says.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;

use carnet::diagnosis::Code;
use carnet::medium::{ChunkStore as _, Folder};

use super::command_error::CommandError;

/// Writes a file, which appears when it is whole. A device or a pipe, such as `/dev/stdout`, gets the bytes as it is.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(file);
        return opened.and_then(|mut open| open.write_all(bytes)).map_err(CommandError::system);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file
        .file_name()
        .and_then(OsStr::to_str)
        .ok_or_else(|| CommandError::new(Code::BadPlace, format!("{} has no file name", file.display())))?;
    Ok(Folder::new(folder).put_beside(name, bytes)?)
}
