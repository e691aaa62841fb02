//! What the engine moves.

use super::digests::{Digested, Digests};

/// One blob on its way: where its bytes come from, what is computed of them, where they go.
pub trait Flow: Send {
    /// What comes out at its end.
    type Done: Send;
    /// How it fails.
    type Error: Send;

    /// How many bytes it will be, as far as anyone knows: this decides who moves it, and nothing else.
    fn bytes(&self) -> u64;

    /// Whether it comes beside the flows whose lengths were told when the work began.
    fn is_beside(&self) -> bool {
        false
    }

    /// What is to be computed of its bytes. Asked once, before the first of them.
    fn digests(&self) -> Digests;

    /// Reads the next bytes into `buffer`, at most as many as [`Flow::drain`] can take at once.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Self::Error>;

    /// Takes the block just read where it belongs, before or while it is hashed: nothing of it is proven.
    fn drain(&mut self, block: &[u8]) -> Result<(), Self::Error>;

    /// Ends the flow after its last block.
    fn finish(self, digested: Digested) -> Result<Self::Done, Self::Error>;
}

/// What came when a flow was asked for its next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing yet: the flow is passed over until something is there.
    Waiting,
    /// Nothing any more.
    End,
}

impl Filled {
    /// What a reader that never waits gave: no bytes are its end.
    pub fn of(read: usize) -> Filled {
        if read == 0 { Filled::End } else { Filled::Bytes(read) }
    }
}
