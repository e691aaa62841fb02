//! The two gates: a chunk is accepted by its packer's signature, a bundle is released by its releasers'.

use super::policy::{Accepted, Judgement, Refused, Role, TrustPolicy};
use crate::format::Timestamp;
use crate::format::head::Head;

/// A chunk whose statement an accepted packer signed. Only [`accept`] makes one.
#[derive(Clone, Debug)]
pub struct AcceptedChunk {
    head: Head,
    packers: Vec<Accepted>,
}

impl AcceptedChunk {
    /// The head that was signed.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Who signed it.
    pub fn packers(&self) -> &[Accepted] {
        &self.packers
    }
}

/// The proof that enough people released a bundle. Only [`release`] makes one.
#[derive(Clone, Debug)]
pub struct Release {
    releasers: Vec<Accepted>,
    threshold: u8,
    refused: Vec<Refused>,
}

impl Release {
    /// Who released it.
    pub fn releasers(&self) -> &[Accepted] {
        &self.releasers
    }

    /// How many must.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// What is wrong with the other signatures.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// Why a chunk is not accepted.
#[derive(Clone, Debug)]
pub enum Untrusted {
    /// No signature of an accepted packer.
    NoPacker {
        /// What is wrong with each signature.
        refused: Vec<Refused>,
    },
    /// Its time is over.
    Expired {
        /// Since when.
        expires: Timestamp,
    },
}

impl std::fmt::Display for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Untrusted::NoPacker { refused } => {
                let each: Vec<String> =
                    refused.iter().map(|refused| format!("{}: {}", refused.short, refused.reason)).collect();
                write!(f, "no signature of a trusted packer ({})", each.join("; "))
            }
            Untrusted::Expired { expires } => write!(f, "expired at {expires}"),
        }
    }
}

/// A bundle that too few people released.
#[derive(Clone, Debug)]
pub struct Unreleased {
    /// Who did.
    pub releasers: Vec<Accepted>,
    /// How many must.
    pub threshold: u8,
    /// What is wrong with the other signatures.
    pub refused: Vec<Refused>,
}

/// Accepts a chunk if a packer signed the very bytes of its statement, for its stream, and it has not
/// expired (docs/format.md, "Reading order").
pub fn accept(policy: &TrustPolicy, head: Head, now: Timestamp) -> Result<AcceptedChunk, (Head, Untrusted)> {
    if let Some(expires) = head.statement.expires
        && expires <= now
    {
        return Err((head, Untrusted::Expired { expires }));
    }
    let judgement = judge(policy, Role::Packer, &head, now);
    if judgement.accepted().is_empty() {
        return Err((head, Untrusted::NoPacker { refused: judgement.refused().to_vec() }));
    }
    Ok(AcceptedChunk { head, packers: judgement.accepted().to_vec() })
}

/// Releases a bundle if enough releasers signed the statement of its control chunk.
pub fn release(policy: &TrustPolicy, control: &AcceptedChunk, now: Timestamp) -> Result<Release, Unreleased> {
    let judgement = judge(policy, Role::Releaser, &control.head, now);
    if policy.satisfied(&judgement) {
        return Ok(Release {
            releasers: judgement.accepted().to_vec(),
            threshold: policy.release_threshold(),
            refused: judgement.refused().to_vec(),
        });
    }
    Err(Unreleased {
        releasers: judgement.accepted().to_vec(),
        threshold: policy.release_threshold(),
        refused: judgement.refused().to_vec(),
    })
}

fn judge(policy: &TrustPolicy, role: Role, head: &Head, now: Timestamp) -> Judgement {
    let stream = head.statement.crossing.stream.as_ref().map(crate::format::StreamName::as_str);
    let created = head.statement.created.get();
    policy.judge(role, stream, created, now.get(), &head.statement_bytes, &head.signatures)
}
