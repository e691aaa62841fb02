//! Where the bytes of a report go, piece by piece, so that a long one is never in memory as a whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use carnet::diagnosis::Code;
use carnet::medium::WholeFile;

use super::command_error::CommandError;
use super::screen::Screen;

/// The bytes that are gathered before stdout or a device gets them.
const BLOCK_BYTES: usize = 64 << 10;

/// A file or stdout that is written to. A file appears when it is whole.
pub(crate) struct Destination<'a> {
    place: Place<'a>,
    block: Vec<u8>,
    /// The first error. What is written after it is lost, and so is the file.
    error: Option<CommandError>,
}

enum Place<'a> {
    Whole(WholeFile),
    /// A device or a pipe, such as `/dev/stdout`.
    Device(File),
    Stdout(&'a Screen),
}

impl<'a> Destination<'a> {
    /// Stdout.
    pub(crate) fn stdout(screen: &'a Screen) -> Destination<'a> {
        Destination { place: Place::Stdout(screen), block: Vec::new(), error: None }
    }

    /// A file. A device or a pipe gets the bytes as it is.
    ///
    /// # Errors
    /// If it has no name, or cannot be created or opened.
    pub(crate) fn file(file: &Path) -> Result<Destination<'a>, CommandError> {
        let is_device = std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir());
        let place = if is_device {
            Place::Device(OpenOptions::new().write(true).open(file).map_err(CommandError::system)?)
        } else if file.file_name().is_none() {
            let problem = format!("{} has no file name", file.display());
            return Err(CommandError::new(Code::BadPlace, problem));
        } else {
            Place::Whole(WholeFile::start(file)?)
        };
        Ok(Destination { place, block: Vec::new(), error: None })
    }

    /// Ends: a file gets its name.
    ///
    /// # Errors
    /// The first error of writing, or of ending.
    pub(crate) fn end(mut self) -> Result<(), CommandError> {
        self.pass_on();
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.place {
            Place::Whole(file) => Ok(file.place()?),
            Place::Device(_) | Place::Stdout(_) => Ok(()),
        }
    }

    /// Gives up: a file does not appear. Returns the first error of writing, or else `error`, which kept the rest from being
    /// written.
    pub(crate) fn give_up(self, error: io::Error) -> CommandError {
        self.error.unwrap_or_else(|| CommandError::system(error))
    }

    fn pass_on(&mut self) {
        let block = std::mem::take(&mut self.block);
        if self.error.is_some() {
            return;
        }
        let written = match &mut self.place {
            Place::Whole(file) => file.write(&block).map_err(CommandError::from),
            Place::Device(device) => device.write_all(&block).map_err(CommandError::system),
            Place::Stdout(screen) => {
                screen.bytes(&block);
                Ok(())
            }
        };
        self.error = written.err();
    }
}

impl Write for Destination<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK_BYTES {
            self.pass_on();
        }
        if self.error.is_some() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
