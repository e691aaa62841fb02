//! The small file that names the last line, so that lines that were cut off are noticed.

use std::io::Write as _;
use std::path::Path;

use super::LogbookError;
use crate::chain::ChainError;
use crate::format::Sum;
use crate::medium::Temporary;
use crate::small_file::{SmallFile, SmallFileError};

/// Maximum size of the file in bytes.
const BYTES_MAX: u64 = 128;

/// The number and the sum of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) sum: Sum,
}

impl Head {
    /// The name of the file.
    pub(super) const FILE: &str = "streams.head";

    /// Reads the file in a state folder, if it is there.
    pub(super) fn read(folder: &Path) -> Result<Option<Head>, LogbookError> {
        let path = folder.join(Head::FILE);
        let damaged = |problem: &str| LogbookError::from(ChainError::damaged(&path, problem));
        let file = match SmallFile::read(&path, BYTES_MAX) {
            Ok(file) => file,
            Err(SmallFileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(SmallFileError::Io(source)) => return Err(ChainError::io("read", &path, source).into()),
            Err(error) => return Err(damaged(&error.to_string())),
        };
        let head = Head::parse(file.bytes());
        head.map(Some).ok_or_else(|| damaged("expected the number and the sum of a line"))
    }

    fn parse(bytes: &[u8]) -> Option<Head> {
        let (seq, sum) = str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
        let head = Head { seq: seq.parse().ok()?, sum: sum.parse().ok()? };
        (head.render().as_bytes() == bytes).then_some(head)
    }

    fn render(self) -> String {
        format!("{} {}\n", self.seq, self.sum)
    }

    /// Writes the file, atomically.
    pub(super) fn write(self, folder: &Path) -> Result<(), LogbookError> {
        let path = folder.join(Head::FILE);
        let written = Temporary::beside(&path).and_then(|mut temporary| {
            temporary.file().write_all(self.render().as_bytes())?;
            temporary.place(&path)
        });
        Ok(written.map_err(|source| ChainError::io("write", &path, source))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_what_it_writes() {
        let head = Head { seq: 57, sum: Sum::of(b"line") };
        let text = head.render();
        assert_eq!(Head::parse(text.as_bytes()), Some(head));
        for wrong in [text.trim_end(), &text.replace("57", "057"), &text.replace(' ', "  "), "57\n", ""] {
            assert_eq!(Head::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
