//! The flows of the workers while packing: blobs that are loaded, and sealed chunk files that are hashed.

use super::PackError;
use super::loading::{Loaded, Loading};
use crate::stream::digesting::Digesting;
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::Output;

/// A flow of a worker while packing.
pub(super) enum Moving<'a> {
    /// A blob that is loaded into the chunks.
    Blob(Loading<'a>),
    /// A sealed chunk file that is hashed while other blobs are loaded.
    File { number: u32, summing: Digesting<'a> },
}

/// The result of a flow.
pub(super) enum Moved {
    Blob(Loaded),
    File { number: u32, sums: Vec<Output> },
}

impl Flow for Moving<'_> {
    type Done = Moved;
    type Error = PackError;

    fn bytes(&self) -> u64 {
        match self {
            Moving::Blob(loading) => loading.bytes(),
            Moving::File { summing, .. } => summing.bytes(),
        }
    }

    fn is_beside(&self) -> bool {
        matches!(self, Moving::File { .. })
    }

    fn digests(&self) -> Digests {
        match self {
            Moving::Blob(loading) => loading.digests(),
            Moving::File { summing, .. } => summing.digests(),
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, PackError> {
        match self {
            Moving::Blob(loading) => loading.fill(buffer),
            Moving::File { summing, .. } => summing.fill(buffer).map_err(PackError::from),
        }
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), PackError> {
        match self {
            Moving::Blob(loading) => loading.drain(block),
            Moving::File { summing, .. } => summing.drain(block).map_err(PackError::from),
        }
    }

    fn end_slice(&mut self, slice: Output) -> Result<(), PackError> {
        match self {
            Moving::Blob(loading) => loading.end_slice(slice),
            Moving::File { .. } => Ok(()),
        }
    }

    fn finish(self, digested: Digested) -> Result<Moved, PackError> {
        match self {
            Moving::Blob(loading) => loading.finish(digested).map(Moved::Blob),
            Moving::File { number, summing } => {
                summing.finish(digested).map(|sums| Moved::File { number, sums }).map_err(PackError::from)
            }
        }
    }
}
