//! `03_sums384.txt`: the SHA-384 of every entry that follows it, in a bundle with a profile (docs/format.md,
//! "03_sums384.txt").

use super::entry::{EntryName, name_bytes};
use super::error::FormatError;
use super::limits::{ENTRIES_MAX, SUMS384_BYTES_MAX};
use super::lines::Lines;
use super::sum_pair::Sum384;

/// The SHA-384 of the entries of a chunk, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums384(Vec<(EntryName, Sum384)>);

impl Sums384 {
    /// Creates the list, in this order.
    pub fn new(sums: Vec<(EntryName, Sum384)>) -> Sums384 {
        Sums384(sums)
    }

    /// Returns each entry with its sum.
    pub fn entries(&self) -> &[(EntryName, Sum384)] {
        &self.0
    }

    /// Renders `03_sums384.txt`.
    pub fn render(&self) -> Vec<u8> {
        let lines = self.0.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// Parses `03_sums384.txt`. That its names are those of `02_sums.txt`, each once, is for the caller to check.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Sums384::render`] would write, or for an entry that may not be listed.
    pub fn parse(bytes: &[u8]) -> Result<Sums384, FormatError> {
        let mut lines = Lines::new("03_sums384.txt", bytes, SUMS384_BYTES_MAX)?;
        let mut sums = Vec::new();
        while let Some(line) = lines.next() {
            let refuse = |expected: &str| lines.refuse(expected.to_owned(), Some(line));
            if sums.len() == ENTRIES_MAX {
                return Err(refuse(&format!("at most {ENTRIES_MAX} entries")));
            }
            let (sum, name) = line.split_once("  ").ok_or_else(|| refuse("a sum, two spaces and a name"))?;
            let sum: Sum384 = lines.word(sum)?;
            let name: EntryName = lines.word(name)?;
            if matches!(
                name,
                EntryName::Statement | EntryName::Signature(..) | EntryName::Sums | EntryName::Sums384
            ) {
                return Err(refuse("an entry that follows 03_sums384.txt"));
            }
            sums.push((name, sum));
        }
        Ok(Sums384(sums))
    }
}

/// Returns the length of one line, in bytes.
pub(super) fn line_bytes(name: &EntryName) -> u64 {
    96 + 2 + name_bytes(name) + 1
}
