//! Limits the memory for what files without a trust policy say about themselves: anybody can write such files.

use super::OpenError;
use crate::format::body::Body;
use crate::format::head::Head;
use crate::format::limits::{UNVERIFIED_ENTRIES_MAX, UNVERIFIED_HEADS_BYTES_MAX};

/// What is left of the limits, for all files together.
pub(super) struct Budget {
    head_bytes: u64,
    entries: u64,
}

impl Budget {
    pub(super) fn new() -> Budget {
        Budget { head_bytes: UNVERIFIED_HEADS_BYTES_MAX, entries: UNVERIFIED_ENTRIES_MAX }
    }

    /// Takes the bytes of a head that is kept.
    pub(super) fn take_head(&mut self, head: &Head) -> Result<(), OpenError> {
        let signatures: usize = head.signatures.iter().map(|signature| signature.bytes.len()).sum();
        let bytes = (head.statement_bytes.len() + signatures) as u64;
        self.head_bytes = self.head_bytes.checked_sub(bytes).ok_or(OpenError::TooManyEntries)?;
        Ok(())
    }

    /// Takes the entries of a chunk that is kept.
    pub(super) fn take_entries(&mut self, body: &Body) -> Result<(), OpenError> {
        self.entries =
            self.entries.checked_sub(body.entries.len() as u64).ok_or(OpenError::TooManyEntries)?;
        Ok(())
    }
}
