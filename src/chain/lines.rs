//! Reads a chain line by line.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::ChainError;

/// The whole lines of a chain, without their line feeds. What follows the last line feed was not written to its end, and
/// counts for nothing. One line is in memory at a time.
pub struct Lines {
    path: PathBuf,
    /// Absent if there is no file, or nothing more to read.
    file: Option<BufReader<File>>,
    bytes_max: usize,
    number: u64,
}

impl Lines {
    /// Opens a chain whose lines have at most `bytes_max` bytes. A file that does not exist has no lines.
    ///
    /// # Errors
    /// [`ChainError::Io`].
    pub fn open(path: &Path, bytes_max: usize) -> Result<Lines, ChainError> {
        let file = match File::open(path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(ChainError::io("read", path, source)),
        };
        Ok(Lines { path: path.to_owned(), file, bytes_max, number: 0 })
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, ChainError> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut line = Vec::new();
        let most = self.bytes_max as u64 + 1;
        let read = file.take(most).read_until(b'\n', &mut line);
        read.map_err(|source| ChainError::io("read", &self.path, source))?;
        self.number += 1;
        if line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(line));
        }
        if line.len() > self.bytes_max {
            let problem = format!("line {} has more than {} bytes", self.number, self.bytes_max);
            return Err(ChainError::damaged(&self.path, problem));
        }
        Ok(None)
    }
}

impl Iterator for Lines {
    type Item = Result<Vec<u8>, ChainError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if !matches!(read, Some(Ok(_))) {
            self.file = None;
        }
        read
    }
}
