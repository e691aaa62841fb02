//! Appends to a chain.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::{ChainError, NOTHING_BEFORE};
use crate::format::Sum;

/// A chain, opened for appending. The caller holds the lock of its folder.
pub struct Chain {
    path: PathBuf,
    file: File,
    /// The number of the last line, and the sum of it.
    last: (u64, String),
}

impl Chain {
    /// Opens a chain whose lines have at most `bytes_max` bytes, and cuts off a last line that was not written to its end.
    /// `number` reads the number of a line.
    ///
    /// # Errors
    /// If it cannot be read, or its last whole line is damaged.
    pub fn open(
        path: &Path,
        bytes_max: usize,
        number: &dyn Fn(&[u8]) -> Result<u64, String>,
    ) -> Result<Chain, ChainError> {
        let failed = |what| move |source| ChainError::io(what, path, source);
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed("open"))?;
        let bytes = file.seek(SeekFrom::End(0)).map_err(failed("read"))?;
        // The last line, and what may come after it.
        let start = bytes.saturating_sub(2 * bytes_max as u64 + 2);
        file.seek(SeekFrom::Start(start)).map_err(failed("read"))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail).map_err(failed("read"))?;
        let whole = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < tail.len() {
            file.set_len(start + whole as u64).and_then(|()| file.sync_all()).map_err(failed("write"))?;
        }
        let last = match tail[..whole].strip_suffix(b"\n") {
            None => (0, NOTHING_BEFORE.to_owned()),
            Some(lines) => {
                let line = lines.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
                let number = number(line).map_err(|problem| {
                    ChainError::damaged(path, format!("its last line is damaged: {problem}"))
                })?;
                (number, Sum::of(line).to_string())
            }
        };
        Ok(Chain { path: path.to_owned(), file, last })
    }

    /// The number of the last line; 0 if there is none.
    pub fn number(&self) -> u64 {
        self.last.0
    }

    /// The sum of the last line.
    pub fn head(&self) -> &str {
        &self.last.1
    }

    /// Appends the next line, which has no line feed, and makes it durable.
    ///
    /// # Errors
    /// [`ChainError::Io`]. What was written of the line counts for nothing.
    pub fn append(&mut self, mut line: Vec<u8>) -> Result<(), ChainError> {
        let sum = Sum::of(&line).to_string();
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_all());
        written.map_err(|source| ChainError::io("write", &self.path, source))?;
        self.last = (self.last.0 + 1, sum);
        Ok(())
    }
}
