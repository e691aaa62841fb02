//! The list of files of an audit, written while the audit runs: it may have millions of lines.

use std::cell::RefCell;
use std::path::Path;

use carnet::audit::FileLine;
use carnet::diagnosis::Code;
use carnet::medium::{MediumError, WholeFile};

use crate::command_error::CommandError;
use crate::screen::Screen;

/// The bytes that are gathered before stdout gets them.
const BLOCK_BYTES: usize = 64 << 10;

/// Where the lines go.
enum Place<'a> {
    File(WholeFile),
    Stdout(Vec<u8>, &'a Screen),
}

/// Lists of files under way.
pub(crate) struct FileLines<'a> {
    places: RefCell<Vec<Place<'a>>>,
    /// The first error. An audit does not stop for it.
    error: RefCell<Option<MediumError>>,
}

impl<'a> FileLines<'a> {
    /// Starts a list in each of these files; `None` is stdout.
    ///
    /// # Errors
    /// If a file cannot be created.
    pub(crate) fn start<'p>(
        files: impl Iterator<Item = Option<&'p Path>>,
        screen: &'a Screen,
    ) -> Result<FileLines<'a>, CommandError> {
        let mut places = Vec::new();
        for file in files {
            if file.is_some_and(|file| file.file_name().is_none()) {
                let file = file.unwrap_or(Path::new("")).display();
                return Err(CommandError::new(Code::BadPlace, format!("{file} has no file name")));
            }
            places.push(match file {
                Some(file) => Place::File(WholeFile::start(file)?),
                None => Place::Stdout(Vec::new(), screen),
            });
        }
        Ok(FileLines { places: RefCell::new(places), error: RefCell::default() })
    }

    /// Whether there is any list.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.borrow().is_empty()
    }

    /// Adds a line.
    pub(crate) fn add(&self, line: &FileLine) {
        if self.error.borrow().is_some() || self.is_empty() {
            return;
        }
        let mut bytes = serde_json::to_vec(line).expect("a line serialises");
        bytes.push(b'\n');
        for place in self.places.borrow_mut().iter_mut() {
            match place {
                Place::File(file) => {
                    if let Err(error) = file.write(&bytes) {
                        self.error.borrow_mut().get_or_insert(error);
                    }
                }
                Place::Stdout(block, screen) => {
                    block.extend_from_slice(&bytes);
                    if block.len() >= BLOCK_BYTES {
                        screen.bytes(block);
                        block.clear();
                    }
                }
            }
        }
    }

    /// Ends the lists: files get their names.
    ///
    /// # Errors
    /// If a line could not be written, or a file cannot get its name.
    pub(crate) fn end(self) -> Result<(), CommandError> {
        if let Some(error) = self.error.into_inner() {
            return Err(error.into());
        }
        for place in self.places.into_inner() {
            match place {
                Place::File(file) => file.place()?,
                Place::Stdout(block, screen) => screen.bytes(&block),
            }
        }
        Ok(())
    }
}
