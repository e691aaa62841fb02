//! A key of a trust policy: what its holder may sign, and when.

use jiff::Timestamp;

use super::judgement::{Question, RefusalReason, Role};
use super::key::PublicKey;

/// How far above the highest number of a stream the number of a bundle may be if the trust file does not say. Without a
/// limit, one bundle by a thief could use up all numbers.
pub(super) const JUMP_MAX: u64 = 1000;

/// The entry in `streams` for bundles without a stream.
pub(super) const NO_STREAM: &str = "-";

/// A revocation: the key is not accepted any more.
///
/// A plain date is information only. A thief can write any date into a statement, so signatures from before the revocation
/// cannot be told from later ones. A revocation *from* a time or a number on is for keys that nobody has stolen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// `revoked = true`.
    Undated,
    /// `revoked = "<time>"`.
    At(Timestamp),
    /// `revoked = { created-from = "<time>" }`: what was signed before that time still counts.
    CreatedFrom(Timestamp),
    /// `revoked = { sequence-from = N }`: bundles with lower numbers still count. The key is for one stream.
    SequenceFrom(u64),
}

impl Revocation {
    /// Whether it applies to everything that the key has signed.
    fn is_total(self) -> bool {
        matches!(self, Revocation::Undated | Revocation::At(_))
    }

    fn applies(self, question: &Question<'_>) -> bool {
        match self {
            Revocation::Undated | Revocation::At(_) => true,
            Revocation::CreatedFrom(from) => question.created >= from,
            Revocation::SequenceFrom(from) => question.sequence.is_none_or(|sequence| sequence >= from),
        }
    }
}

/// A key of a policy, and what its holder may do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyKey {
    pub(super) key: PublicKey,
    pub(super) holder: String,
    pub(super) roles: Vec<Role>,
    pub(super) streams: Option<Vec<String>>,
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) revoked: Option<Revocation>,
    pub(super) jump_max: u64,
    /// Whether a signature must show that the holder was verified by the token.
    pub(super) verify_required: bool,
    /// The line of the trust file in which it begins, from 1.
    pub(super) line: usize,
}

impl PolicyKey {
    /// The public key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The name of the person or machine that has the private key.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The roles of the key, at least one.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The streams of the key; `-` stands for bundles without a stream. `None` means all streams.
    pub fn streams(&self) -> Option<&[String]> {
        self.streams.as_deref()
    }

    /// The time from which the key is valid, inclusive.
    pub fn valid_from(&self) -> Option<Timestamp> {
        self.valid_from
    }

    /// The time until which the key is valid, exclusive.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The revocation of the key, if it is revoked.
    pub fn revoked(&self) -> Option<Revocation> {
        self.revoked
    }

    /// How far above the highest number of a stream the number of a bundle may be that this key packed.
    pub fn jump_max(&self) -> u64 {
        self.jump_max
    }

    /// Whether each signature must show that a FIDO token verified its holder, by a PIN or a fingerprint.
    pub fn verify_required(&self) -> bool {
        self.verify_required
    }

    /// Whether the key can act in the role at all, for any stream and at any time.
    pub(super) fn could_act(&self, role: Role) -> bool {
        !self.revoked.is_some_and(Revocation::is_total) && self.roles.contains(&role)
    }

    fn covers(&self, stream: Option<&str>) -> bool {
        let Some(streams) = &self.streams else { return true };
        match stream {
            None => streams.iter().any(|s| s == NO_STREAM),
            // `-` stands for no stream, so it is not a valid stream name.
            Some(NO_STREAM) => false,
            Some(stream) => streams.iter().any(|s| s == stream),
        }
    }

    /// The reason why a signature by this key does not count; `None` if it counts.
    pub(super) fn objection(&self, question: &Question<'_>) -> Option<RefusalReason> {
        let times = [question.created, question.now];
        if self.revoked.is_some_and(|revoked| revoked.applies(question)) {
            Some(RefusalReason::Revoked)
        } else if !self.roles.contains(&question.role) {
            Some(RefusalReason::WrongRole)
        } else if question.role != Role::Root && !self.covers(question.stream) {
            Some(RefusalReason::WrongStream)
        } else if self.valid_from.is_some_and(|from| times.iter().any(|t| *t < from)) {
            Some(RefusalReason::NotYetValid)
        } else if self.valid_until.is_some_and(|until| times.iter().any(|t| *t >= until)) {
            Some(RefusalReason::Expired)
        } else {
            None
        }
    }
}
