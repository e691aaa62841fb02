//! The list of files of an audit, written while the audit runs: it may have millions of lines.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::Path;

use carnet::audit::FileLine;

use crate::command_error::CommandError;
use crate::destination::Destination;
use crate::screen::Screen;

/// Lists of files under way. An audit does not stop for their errors: they are returned at the end.
pub(crate) struct FileLines<'a>(RefCell<Vec<Destination<'a>>>);

impl<'a> FileLines<'a> {
    /// Starts a list in each of these files; `None` is stdout.
    ///
    /// # Errors
    /// If a file cannot be created.
    pub(crate) fn start<'p>(
        files: impl Iterator<Item = Option<&'p Path>>,
        screen: &'a Screen,
    ) -> Result<FileLines<'a>, CommandError> {
        let start = |file| match file {
            Some(file) => Destination::file(file),
            None => Ok(Destination::stdout(screen)),
        };
        Ok(FileLines(RefCell::new(files.map(start).collect::<Result<_, _>>()?)))
    }

    /// Whether there is any list.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Adds a line.
    pub(crate) fn add(&self, line: &FileLine) {
        if self.is_empty() {
            return;
        }
        let mut bytes = serde_json::to_vec(line).expect("a line serialises");
        bytes.push(b'\n');
        for destination in self.0.borrow_mut().iter_mut() {
            let _ = destination.write_all(&bytes);
        }
    }

    /// Ends the lists: files get their names.
    ///
    /// # Errors
    /// If a line could not be written, or a file cannot get its name.
    pub(crate) fn end(self) -> Result<(), CommandError> {
        self.0.into_inner().into_iter().try_for_each(Destination::end)
    }
}
