//! A flow with its index in a list.

use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::Output;

/// A flow and its index, which is returned with the result.
pub(super) struct Numbered<F> {
    pub(super) at: usize,
    pub(super) flow: F,
}

impl<F: Flow> Flow for Numbered<F> {
    type Done = (usize, F::Done);
    type Error = (usize, F::Error);

    fn bytes(&self) -> u64 {
        self.flow.bytes()
    }

    fn is_beside(&self) -> bool {
        self.flow.is_beside()
    }

    fn digests(&self) -> Digests {
        self.flow.digests()
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Self::Error> {
        let at = self.at;
        self.flow.fill(buffer).map_err(|error| (at, error))
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), Self::Error> {
        let at = self.at;
        self.flow.drain(block).map_err(|error| (at, error))
    }

    fn end_slice(&mut self, slice: Output) -> Result<(), Self::Error> {
        let at = self.at;
        self.flow.end_slice(slice).map_err(|error| (at, error))
    }

    fn finish(self, digested: Digested) -> Result<Self::Done, Self::Error> {
        let at = self.at;
        self.flow.finish(digested).map(|done| (at, done)).map_err(|error| (at, error))
    }
}
