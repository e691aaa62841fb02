//! Files that an operator named for what a command says.

use std::io::Write as _;
use std::path::Path;

use super::command_error::CommandError;
use super::destination::Destination;

/// Writes a file, which appears when it is whole. A device or a pipe, such as `/dev/stdout`, gets the bytes as it is.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut destination = Destination::file(file)?;
    // Its error is the one that its end returns.
    let _ = destination.write_all(bytes);
    destination.end()
}
