//! The interface of a transfer that the engine moves.

use super::digests::{Digested, Digests};
use super::hash::Output;

/// The transfer of one blob: reads its bytes, names the hashes to compute, and writes the bytes.
pub trait Flow: Send {
    /// The result.
    type Done: Send;
    /// The error.
    type Error: Send;

    /// Returns the expected number of bytes. It is used only to schedule the flow.
    fn bytes(&self) -> u64;

    /// Returns whether the flow is not among those whose lengths were given at the start.
    fn is_beside(&self) -> bool {
        false
    }

    /// Returns the hashes to compute. Called once, before the first byte.
    fn digests(&self) -> Digests;

    /// Reads the next bytes into `buffer`, at most as many as [`Flow::drain`] can write at once.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Self::Error>;

    /// Writes the block just read, before or while it is hashed: its content is not verified yet.
    fn drain(&mut self, block: &[u8]) -> Result<(), Self::Error>;

    /// Takes the hash of a slice that was read, written and hashed to its end. The hash of the last slice is only among
    /// those of [`Flow::finish`].
    fn end_slice(&mut self, _: Output) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Finishes the flow after its last block.
    fn finish(self, digested: Digested) -> Result<Self::Done, Self::Error>;
}

/// The result of reading the next bytes of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// This many bytes were read, at least one.
    Bytes(usize),
    /// No data is available yet; other flows proceed meanwhile.
    Waiting,
    /// The end was reached.
    End,
}

impl Filled {
    /// Converts the result of a blocking reader, for which zero bytes mean the end.
    pub fn of(read: usize) -> Filled {
        if read == 0 { Filled::End } else { Filled::Bytes(read) }
    }
}
