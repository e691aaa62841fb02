//! The two signature checks: a packer's signature accepts a chunk, releasers' signatures release a bundle.

use super::judgement::Question;
use super::judgement::{Accepted, Judgement, RefusalReason, Refused, Role};
use super::policy::TrustPolicy;
use crate::diagnosis::Code;
use crate::format::head::Head;
use crate::format::signature::Signature;
use crate::format::{Profile, Timestamp};

/// The head of a chunk whose statement a trusted packer signed. Only [`accept`] creates one.
#[derive(Clone, Debug)]
pub struct AcceptedChunk {
    head: Head,
    packers: Vec<Accepted>,
}

impl AcceptedChunk {
    /// The head of the chunk.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The packers who signed the chunk.
    pub fn packers(&self) -> &[Accepted] {
        &self.packers
    }
}

/// The proof that enough holders released a bundle. Only [`release`] creates one.
#[derive(Clone, Debug)]
pub struct Release {
    releasers: Vec<Accepted>,
    threshold: u8,
    refused: Vec<Refused>,
}

impl Release {
    /// The holders who released the bundle.
    pub fn releasers(&self) -> &[Accepted] {
        &self.releasers
    }

    /// The number of releasers that the policy requires.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The signatures that do not count, with the reasons.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// The reason why a chunk is not accepted.
#[derive(Clone, Debug)]
pub enum Untrusted {
    /// No trusted packer signed the chunk.
    NoPacker {
        /// The signatures, each with the reason why it does not count.
        refused: Vec<Refused>,
    },
    /// The bundle has expired.
    Expired {
        /// The time at which it expired.
        expires: Timestamp,
    },
    /// The policy demands a profile, and the bundle was packed without it.
    NoProfile {
        /// The profile.
        profile: Profile,
    },
}

impl Untrusted {
    /// Returns the code of a bundle whose control chunk is not accepted for this reason.
    pub fn code(&self) -> Code {
        match self {
            Untrusted::NoProfile { .. } => Code::ProfileMissing,
            Untrusted::Expired { .. } => Code::BundleExpired,
            Untrusted::NoPacker { .. } if self.is_downgrade() => Code::SignatureDowngrade,
            Untrusted::NoPacker { .. } => Code::BundleUntrusted,
        }
    }

    /// Whether a signature is missing that stands beside one that would count alone: somebody may have removed it.
    pub fn is_downgrade(&self) -> bool {
        matches!(self, Untrusted::NoPacker { refused } if lacks_algorithm(refused))
    }
}

impl Unreleased {
    /// As [`Untrusted::code`].
    pub fn code(&self) -> Code {
        if lacks_algorithm(&self.refused) { Code::SignatureDowngrade } else { Code::BundleUntrusted }
    }
}

fn lacks_algorithm(refused: &[Refused]) -> bool {
    refused.iter().any(|refused| refused.reason == RefusalReason::AlgorithmMissing)
}

impl std::fmt::Display for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Untrusted::NoPacker { refused } => {
                let each: Vec<String> =
                    refused.iter().map(|refused| format!("{}: {}", refused.short, refused.reason)).collect();
                write!(f, "not signed by a trusted packer ({})", each.join("; "))
            }
            Untrusted::Expired { expires } => write!(f, "expired at {expires}"),
            Untrusted::NoProfile { profile } => {
                write!(f, "packed without the profile {profile}, which the trust file demands")
            }
        }
    }
}

/// Too few holders released the bundle.
#[derive(Clone, Debug)]
pub struct Unreleased {
    /// The holders who released it.
    pub releasers: Vec<Accepted>,
    /// The number of releasers that the policy requires.
    pub threshold: u8,
    /// The signatures that do not count, with the reasons.
    pub refused: Vec<Refused>,
}

/// Accepts a chunk if it has not expired and a trusted packer for its stream signed exactly the bytes of its statement
/// (docs/format.md, "Reading order").
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
    if let Some(profile) = policy.algorithms().and_then(|demand| demand.profile_lacking(&head.statement)) {
        return Err((head, Untrusted::NoProfile { profile }));
    }
    Ok(AcceptedChunk { head, packers: judgement.accepted().to_vec() })
}

/// Releases a bundle if enough releasers signed the statement of its control chunk. `copies` are the accepted copies of
/// it, with equal sums: two people may have signed a copy each, and their signatures count together. Without copies,
/// nothing is released.
pub fn release(
    policy: &TrustPolicy,
    copies: &[&AcceptedChunk],
    now: Timestamp,
) -> Result<Release, Unreleased> {
    let heads = together(copies);
    let mut judgements = heads.iter().map(|head| judge(policy, Role::Releaser, head, now));
    let threshold = policy.release_threshold();
    let Some(mut judgement) = judgements.next() else {
        return Err(Unreleased { releasers: Vec::new(), threshold, refused: Vec::new() });
    };
    judgements.for_each(|copy| judgement.join(copy));
    if policy.satisfied(&judgement) {
        return Ok(Release {
            releasers: judgement.accepted().to_vec(),
            threshold,
            refused: judgement.refused().to_vec(),
        });
    }
    Err(Unreleased {
        releasers: judgement.accepted().to_vec(),
        threshold,
        refused: judgement.refused().to_vec(),
    })
}

/// The heads of copies, with the signatures of all copies that have one statement: a holder may have signed one of them with
/// one algorithm, and another with the other.
fn together(copies: &[&AcceptedChunk]) -> Vec<Head> {
    let mut heads: Vec<Head> = Vec::new();
    for AcceptedChunk { head: copy, .. } in copies {
        match heads.iter_mut().find(|head| head.statement_bytes == copy.statement_bytes) {
            None => heads.push(copy.clone()),
            Some(head) => {
                let new = copy.signatures.iter().filter(|signature| !head.signatures.contains(signature));
                let new: Vec<Signature> = new.cloned().collect();
                head.signatures.extend(new);
            }
        }
    }
    heads
}

fn judge(policy: &TrustPolicy, role: Role, head: &Head, now: Timestamp) -> Judgement {
    let stream = head.statement.crossing.stream.as_ref().map(crate::format::StreamName::as_str);
    let created = head.statement.created.get();
    let (sequence, now) = (head.statement.crossing.sequence, now.get());
    let question = Question { role, stream, sequence, created, now };
    policy.judge(&question, &head.statement_bytes, &head.signatures)
}
