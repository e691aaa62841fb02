//! What the statement of a chunk says about every byte of its sealed part, by SHA-256.

use crate::arrival::Finding;
use crate::format::Sum;
use crate::format::body::{Body, BodyEntry};
use crate::format::entry::EntryName;
use crate::format::error::FormatError;
use crate::format::statement::Statement;
use crate::format::tar::Header;

/// The slices of a sealed part, from its first byte to its last, with what each must be.
pub(crate) struct Proof {
    slices: Vec<Slice>,
}

struct Slice {
    bytes: u64,
    sum: Sum,
    /// The entry; `None` for what the format prescribes between two.
    entry: Option<BodyEntry>,
}

impl Proof {
    /// Returns what a chunk with this statement must be. `body` is its structure, which its sums prove.
    pub(crate) fn new(statement: &Statement, body: &Body) -> Proof {
        let prescribed = |bytes: &[u8]| Slice { bytes: bytes.len() as u64, sum: Sum::of(bytes), entry: None };
        let header = Header { name: EntryName::Sums, bytes: body.sums_bytes() }.encode();
        let sums = Slice { bytes: body.sums_bytes(), sum: statement.sums.sha256, entry: None };
        let mut slices = vec![prescribed(&header), sums];
        for (number, &entry) in body.entries.iter().enumerate() {
            slices.push(prescribed(&body.gap(number)));
            slices.push(Slice { bytes: entry.bytes, sum: entry.sum, entry: Some(entry) });
        }
        slices.push(prescribed(&body.gap(body.entries.len())));
        Proof { slices }
    }

    /// Returns the lengths of the slices, in bytes.
    pub(crate) fn lengths(&self) -> Vec<u64> {
        self.slices.iter().map(|slice| slice.bytes).collect()
    }

    /// Compares the sums of all slices with what they must be, and returns the first difference.
    pub(crate) fn compare(&self, found: &[Sum]) -> Result<(), Finding> {
        assert!(self.slices.len() == found.len(), "a sealed part is read to its end");
        for (slice, found) in self.slices.iter().zip(found) {
            if slice.sum == *found {
                continue;
            }
            return Err(if let Some(entry) = &slice.entry {
                Finding::of_entry(entry, found.to_string())
            } else {
                let expected = "the sums, headers and padding that its statement proves";
                (&FormatError::whole("chunk", expected, "other bytes")).into()
            });
        }
        Ok(())
    }
}
