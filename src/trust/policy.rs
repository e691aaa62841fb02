//! The trust policy: which signatures count, and for what.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    key::{KeyId, PublicKey, ShortKeyId},
    policy_error::{PolicyError, PolicyProblem},
};
use crate::format::Sum;
use crate::format::signature::{Signature, SignatureAlgorithm};

/// Maximum number of keys in a policy.
pub(super) const KEYS_MAX: usize = 256;

/// Maximum release threshold. A control chunk cannot hold more signatures (docs/format.md, "Limits").
pub(super) const RELEASE_THRESHOLD_MAX: u8 = 16;

/// How far above the highest number of a stream the number of a bundle may be if the trust file does not say. Without a
/// limit, one bundle by a thief could use up all numbers.
pub(super) const JUMP_MAX: u64 = 1000;

/// Maximum length of a holder name in characters.
const HOLDER_CHARS_MAX: usize = 64;

/// The entry in `streams` for bundles without a stream.
pub(super) const NO_STREAM: &str = "-";

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Signs chunks when a bundle is packed.
    Packer,
    /// Signs the control chunk to release a bundle.
    Releaser,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Packer => "packer",
            Role::Releaser => "releaser",
        })
    }
}

/// A revocation: the key is not accepted any more.
///
/// The time is information only. A thief can write any date into a statement, so signatures from before the revocation
/// cannot be told from later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// `revoked = true`.
    Undated,
    /// `revoked = "<time>"`.
    At(Timestamp),
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

    /// Whether the key can act in the role at all, for any stream and at any time.
    fn could_act(&self, role: Role) -> bool {
        self.revoked.is_none() && self.roles.contains(&role)
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
    fn objection(&self, question: &Question<'_>) -> Option<RefusalReason> {
        let times = [question.created, question.now];
        if self.revoked.is_some() {
            Some(RefusalReason::Revoked)
        } else if !self.roles.contains(&question.role) {
            Some(RefusalReason::WrongRole)
        } else if !self.covers(question.stream) {
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

/// The circumstances of a signature that a key is checked against.
struct Question<'a> {
    role: Role,
    stream: Option<&'a str>,
    created: Timestamp,
    now: Timestamp,
}

/// The reason why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The policy has no such key.
    UnknownKey,
    /// This version does not know the algorithm.
    UnknownAlgorithm,
    /// No key with this id made the signature over this message.
    WrongSignature,
    /// The key may not act in this role.
    WrongRole,
    /// The key may not act for this stream.
    WrongStream,
    /// The signature was made or is checked before the key is valid.
    NotYetValid,
    /// The signature was made or is checked after the key has expired.
    Expired,
    /// The key is revoked.
    Revoked,
    /// Another signature of the same key already counts.
    SameKey,
    /// A signature of the same holder with another key already counts.
    SameHolder,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalReason::UnknownKey => "the trust file has no key with this id",
            RefusalReason::UnknownAlgorithm => "the signature algorithm is unknown to this version",
            RefusalReason::WrongSignature => "the signature does not verify with this key and these bytes",
            RefusalReason::WrongRole => "the trust file does not give the key this role",
            RefusalReason::WrongStream => "the trust file does not allow the key for this stream",
            RefusalReason::NotYetValid => "the key is not valid yet",
            RefusalReason::Expired => "the key has expired",
            RefusalReason::Revoked => "the key is revoked",
            RefusalReason::SameKey => "another signature of the same key already counts",
            RefusalReason::SameHolder => "a signature of the same holder with another key already counts",
        })
    }
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Accepted {
    /// The name of the key holder, as in the trust policy.
    pub holder: String,
    /// The full id of the key that signed.
    pub key_id: KeyId,
}

/// A signature that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    /// The short key id that the signature names.
    pub short: ShortKeyId,
    /// Why the signature does not count.
    pub reason: RefusalReason,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.short, self.reason)
    }
}

/// The result for each signature over one message. Only [`TrustPolicy::judge`] creates one.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    role: Role,
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

impl Judgement {
    /// The role that the signatures were checked for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The signatures that count, at most one for each key and each holder.
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// The signatures that do not count.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Adds what was judged for another copy of the message, for the same role. A holder still counts once.
    pub(super) fn join(&mut self, other: Judgement) {
        for accepted in other.accepted {
            if self.accepted.iter().all(|counted| counted.holder != accepted.holder) {
                self.accepted.push(accepted);
            }
        }
        for refused in other.refused {
            if !self.refused.contains(&refused) {
                self.refused.push(refused);
            }
        }
    }
}

/// The trusted keys with their roles, and the number of holders who must release a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustPolicy {
    release_threshold: u8,
    keys: Vec<PolicyKey>,
    /// The SHA-256 of the trust file.
    pub(super) file_sum: Option<Sum>,
}

impl TrustPolicy {
    /// A policy with one key that may pack and release, for every stream and at any time.
    ///
    /// # Errors
    /// [`PolicyProblem::Holder`] if the holder name is not valid.
    pub fn single_key(key: PublicKey, holder: &str) -> Result<TrustPolicy, PolicyError> {
        let key = PolicyKey {
            key,
            holder: checked_holder(holder)?,
            roles: vec![Role::Packer, Role::Releaser],
            streams: None,
            valid_from: None,
            valid_until: None,
            revoked: None,
            jump_max: JUMP_MAX,
        };
        Ok(TrustPolicy::new(1, vec![key])?)
    }

    /// The SHA-256 of the trust file, if the policy was read from one.
    pub fn file_sum(&self) -> Option<&Sum> {
        self.file_sum.as_ref()
    }

    /// The only constructor. It ensures that the policy can be satisfied and lists no key twice.
    pub(super) fn new(release_threshold: i64, keys: Vec<PolicyKey>) -> Result<TrustPolicy, PolicyProblem> {
        if !(1..=KEYS_MAX).contains(&keys.len()) {
            return Err(PolicyProblem::KeyCount { found: keys.len(), limit: KEYS_MAX });
        }
        let threshold = u8::try_from(release_threshold)
            .ok()
            .filter(|threshold| (1..=RELEASE_THRESHOLD_MAX).contains(threshold))
            .ok_or(PolicyProblem::Threshold { found: release_threshold, limit: RELEASE_THRESHOLD_MAX })?;
        for (at, second) in keys.iter().enumerate() {
            for first in &keys[..at] {
                check_distinct(first, second)?;
            }
        }
        if !keys.iter().any(|key| key.could_act(Role::Packer)) {
            return Err(PolicyProblem::NoPacker);
        }
        let mut releasers: Vec<&str> =
            keys.iter().filter(|key| key.could_act(Role::Releaser)).map(PolicyKey::holder).collect();
        releasers.sort_unstable();
        releasers.dedup();
        if releasers.len() < usize::from(threshold) {
            return Err(PolicyProblem::Unsatisfiable { threshold, holders: releasers.len() });
        }
        Ok(TrustPolicy { release_threshold: threshold, keys, file_sum: None })
    }

    /// Decides for each signature over `message` whether it counts for `role` and `stream`.
    ///
    /// No other function counts signatures. At most one signature counts for each public key and for each holder,
    /// whatever key ids the signatures name. A refused signature does not use up that count: a holder's expired key
    /// does not block their valid key.
    ///
    /// `created` is the time in the message, `now` is the receiver's clock, and a key must be valid at both. With
    /// `created` alone the receiver would have to believe the signer; with `now` alone a key could sign for a time in
    /// which it was not valid.
    pub fn judge(
        &self,
        role: Role,
        stream: Option<&str>,
        created: Timestamp,
        now: Timestamp,
        message: &[u8],
        signatures: &[Signature],
    ) -> Judgement {
        let question = Question { role, stream, created, now };
        let mut counted: Vec<&PolicyKey> = Vec::new();
        let mut refused = Vec::new();
        for signature in signatures {
            match self.admit(&question, message, signature, &counted) {
                Ok(key) => counted.push(key),
                Err(reason) => refused.push(Refused { short: signature.key.into(), reason }),
            }
        }
        let accepted = counted.into_iter().map(|k| Accepted { holder: k.holder.clone(), key_id: k.key.id() });
        Judgement { role, accepted: accepted.collect(), refused }
    }

    fn admit(
        &self,
        question: &Question<'_>,
        message: &[u8],
        signature: &Signature,
        counted: &[&PolicyKey],
    ) -> Result<&PolicyKey, RefusalReason> {
        if signature.algorithm != SignatureAlgorithm::ED25519 {
            return Err(RefusalReason::UnknownAlgorithm);
        }
        let short = ShortKeyId::from(signature.key);
        let mut reason = RefusalReason::UnknownKey;
        // Several keys can have the same short id, and only one of them made the signature.
        for key in self.keys.iter().filter(|key| key.key.id().short() == short) {
            if !key.key.has_signed(message, signature) {
                if reason == RefusalReason::UnknownKey {
                    reason = RefusalReason::WrongSignature;
                }
                continue;
            }
            let repeated = || {
                if counted.iter().any(|c| c.key == key.key) {
                    Some(RefusalReason::SameKey)
                } else if counted.iter().any(|c| c.holder == key.holder) {
                    Some(RefusalReason::SameHolder)
                } else {
                    None
                }
            };
            match key.objection(question).or_else(repeated) {
                None => return Ok(key),
                Some(objection) => reason = objection,
            }
        }
        Err(reason)
    }

    /// Whether enough signatures count: one packer, or `release-threshold` releasers.
    pub fn satisfied(&self, judgement: &Judgement) -> bool {
        let needed = match judgement.role {
            Role::Packer => 1,
            Role::Releaser => usize::from(self.release_threshold),
        };
        judgement.accepted.len() >= needed
    }

    /// The number of holders who must release a bundle, 1 to 16.
    pub fn release_threshold(&self) -> u8 {
        self.release_threshold
    }

    /// How far above the highest number of a stream the number of a bundle may be that these packers signed: as far as one of
    /// them may go.
    pub fn jump_max(&self, packers: &[Accepted]) -> u64 {
        let keys = self.keys.iter().filter(|key| packers.iter().any(|by| by.key_id == key.key.id()));
        keys.map(PolicyKey::jump_max).max().unwrap_or(JUMP_MAX)
    }

    /// The keys in the order of the trust file.
    pub fn keys(&self) -> &[PolicyKey] {
        &self.keys
    }
}

/// Refuses two entries with the same key, and two holders whose names differ only in case.
fn check_distinct(first: &PolicyKey, second: &PolicyKey) -> Result<(), PolicyProblem> {
    let names = || (first.holder.clone(), second.holder.clone());
    if first.key == second.key {
        let (first, second) = names();
        return Err(PolicyProblem::KeyTwice { first, second });
    }
    if first.holder != second.holder && first.holder.eq_ignore_ascii_case(&second.holder) {
        let (first, second) = names();
        return Err(PolicyProblem::HolderCase { first, second });
    }
    Ok(())
}

/// Checks a holder name: 1 to 64 printable ASCII characters, no space at either end.
pub(super) fn checked_holder(text: &str) -> Result<String, PolicyProblem> {
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if printable && (1..=HOLDER_CHARS_MAX).contains(&text.len()) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(PolicyProblem::Holder { found: text.chars().take(80).collect(), limit: HOLDER_CHARS_MAX })
}

#[cfg(test)]
mod tests;
