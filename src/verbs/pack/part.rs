//! What of a bundle a run writes.

use std::collections::BTreeSet;

use crate::format::resend::ResendRequest;

/// What of a bundle a run writes.
#[derive(Clone, Debug, Default)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The chunks that a request asks for. The bundle must be the one that it is for.
    Again(ResendRequest),
    /// These data chunks, of a plan that several processes pack.
    Piece(BTreeSet<u32>),
    /// The control chunk and its annex, once all data chunks are there.
    Rest,
}

impl Part {
    /// The request to make chunks again, if it is one.
    pub(super) fn request(&self) -> Option<&ResendRequest> {
        match self {
            Part::Again(request) => Some(request),
            _ => None,
        }
    }
}
