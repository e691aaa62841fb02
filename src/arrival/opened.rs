//! One file of a bundle after it was opened, and what decides whether it is accepted.

use std::sync::Arc;

use super::Finding;
use crate::format::Timestamp;
use crate::format::body::{Body, BodyEntry};
use crate::format::statement::Statement;
use crate::medium::ChunkFile;
use crate::stream::segments::Segment;
use crate::trust::{AcceptedChunk, TrustPolicy, Untrusted};

/// Decides which files are accepted.
#[derive(Clone, Copy)]
pub(super) enum Gate<'a> {
    /// A trust policy, evaluated at this time.
    Policy(&'a TrustPolicy, Timestamp),
    /// No policy: only integrity is checked, and the bundle may not be used.
    Unverified,
}

/// The state of a file of the bundle before its payload is hashed.
#[derive(Debug)]
pub enum Standing {
    /// Accepted, and consistent with the control chunk if that is known.
    Good(Body),
    /// Rejected by the policy.
    Untrusted(Untrusted),
    /// Contradicts its own statement or the plan.
    Damaged(Finding),
    /// Accepted, but another chunk than the one that the control chunk names for this number.
    Forked,
    /// Accepted, but one copy too many. Its payload is not checked.
    PassedOver,
}

/// A file of the bundle.
pub struct Opened {
    /// The chunk file.
    pub file: Arc<dyn ChunkFile>,
    /// The statement in the head of the file.
    pub statement: Statement,
    /// The proof that the policy accepted it; `None` if it was rejected or there is no policy.
    pub accepted: Option<AcceptedChunk>,
    /// The state of the file.
    pub standing: Standing,
}

impl Opened {
    /// Returns the structure of the file if it is good.
    pub fn body(&self) -> Option<&Body> {
        match &self.standing {
            Standing::Good(body) => Some(body),
            _ => None,
        }
    }

    /// Returns the range of the file that holds the payload of an entry.
    pub fn segment(&self, entry: &BodyEntry) -> Segment {
        Segment { file: Arc::clone(&self.file), offset: entry.offset, bytes: entry.bytes }
    }
}
