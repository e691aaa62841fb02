//! `02_sums.txt`: the SHA-256 of every entry that follows it (docs/format.md, "02_sums.txt").

use std::collections::HashSet;

use super::entry::EntryName;
use super::error::FormatError;
use super::limits::{ENTRIES_MAX, SUMS_BYTES_MAX};
use super::lines::{Lines, Sum};
use super::sum_pair::{Sum384, SumPair};
use super::sums384::Sums384;
use crate::oci::Digest;

/// The sums of a chunk, in the order of its entries, `03_sums384.txt` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums(Vec<(EntryName, Sum)>);

impl Sums {
    /// Creates the sums, in this order.
    pub fn new(sums: Vec<(EntryName, Sum)>) -> Sums {
        Sums(sums)
    }

    /// Returns each entry with its sum.
    pub fn entries(&self) -> &[(EntryName, Sum)] {
        &self.0
    }

    /// Returns the size of `02_sums.txt` for these entries, in bytes.
    pub fn bytes<'a>(names: impl IntoIterator<Item = &'a EntryName>) -> u64 {
        names.into_iter().map(line_bytes).sum()
    }

    /// Renders `02_sums.txt`.
    pub fn render(&self) -> Vec<u8> {
        let lines = self.0.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// Parses `02_sums.txt`.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Sums::render`] would write, or for a duplicate name, an
    /// entry that may not be listed, or a blob whose sum is not its digest.
    pub fn parse(bytes: &[u8]) -> Result<Sums, FormatError> {
        let mut lines = Lines::new("02_sums.txt", bytes, SUMS_BYTES_MAX)?;
        let mut sums = Vec::new();
        let mut seen = HashSet::new();
        while let Some(line) = lines.next() {
            let refuse = |expected: &str| lines.refuse(expected.to_owned(), Some(line));
            if sums.len() == ENTRIES_MAX {
                return Err(refuse(&format!("at most {ENTRIES_MAX} entries")));
            }
            let (sum, name) = line.split_once("  ").ok_or_else(|| refuse("a sum, two spaces and a name"))?;
            let sum: Sum = lines.word(sum)?;
            let name: EntryName = lines.word(name)?;
            match name {
                EntryName::Statement | EntryName::Signature(..) | EntryName::Sums => {
                    return Err(refuse("an entry that follows 02_sums.txt"));
                }
                EntryName::Sums384 if !sums.is_empty() => {
                    return Err(refuse("03_sums384.txt only in the first line"));
                }
                EntryName::Blob(Digest::Sha256(digest)) if digest != sum.0 => {
                    return Err(refuse("a sum equal to the digest of the blob"));
                }
                _ => {}
            }
            if !seen.insert(name) {
                return Err(refuse("no duplicate name"));
            }
            sums.push((name, sum));
        }
        Ok(Sums(sums))
    }
}

/// The lists of a chunk, as they are written.
pub struct Lists {
    /// `02_sums.txt`
    pub sums: Vec<u8>,
    /// `03_sums384.txt`, in a bundle with a profile.
    pub sums384: Option<Vec<u8>>,
}

impl Lists {
    /// Returns the lists of a chunk with these entries, in this order, but for `03_sums384.txt`. All of them have a SHA-384, or
    /// none.
    pub fn of(entries: &[(EntryName, SumPair)]) -> Lists {
        let strong: Option<Vec<(EntryName, Sum384)>> =
            entries.iter().map(|(name, pair)| Some((*name, pair.sha384?))).collect();
        let sums384 = strong.filter(|strong| !strong.is_empty()).map(|strong| Sums384::new(strong).render());
        let first = sums384.iter().map(|list| (EntryName::Sums384, Sum::of(list)));
        let listed = first.chain(entries.iter().map(|(name, pair)| (*name, pair.sha256))).collect();
        Lists { sums: Sums::new(listed).render(), sums384 }
    }

    /// Returns the sums of the chunk, as its statement has them.
    pub fn pair(&self) -> SumPair {
        SumPair { sha256: Sum::of(&self.sums), sha384: self.sums384.as_ref().map(|list| Sum384::of(list)) }
    }
}

/// Returns the length of one line, in bytes.
pub(crate) fn line_bytes(name: &EntryName) -> u64 {
    64 + 2 + super::entry::name_bytes(name) + 1
}
