//! Whose signatures count, and for what.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    key::{KeyId, PublicKey, ShortKeyId},
    policy_error::{PolicyError, PolicyProblem},
};
use crate::format::signature::{Signature, SignatureAlgorithm};

/// How many keys a policy may list.
pub(super) const KEYS_MAX: usize = 256;

/// The largest threshold: a control chunk holds no more signatures (docs/format.md, "Limits").
pub(super) const RELEASE_THRESHOLD_MAX: u8 = 16;

/// The longest name of a holder, in characters.
const HOLDER_CHARS_MAX: usize = 64;

/// What stands in `streams` for bundles that belong to no stream.
pub(super) const NO_STREAM: &str = "-";

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Chunks, as they are sealed.
    Packer,
    /// The control chunk, which releases the bundle.
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

/// That a key is not accepted any more, at all.
///
/// The time is for readers only. A thief writes any date into a statement, so nothing that was
/// signed before a revocation can be told from what was signed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// `revoked = true`.
    Undated,
    /// `revoked = "<time>"`.
    At(Timestamp),
}

/// One key of a policy, and what its holder may do with it.
#[derive(Clone, Debug)]
pub struct PolicyKey {
    pub(super) key: PublicKey,
    pub(super) holder: String,
    pub(super) roles: Vec<Role>,
    pub(super) streams: Option<Vec<String>>,
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) revoked: Option<Revocation>,
}

impl PolicyKey {
    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The person or machine that has its private half.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// What it may sign; at least one.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// For which streams, `-` standing for bundles without one; `None` for all of them.
    pub fn streams(&self) -> Option<&[String]> {
        self.streams.as_deref()
    }

    /// From when on, inclusive.
    pub fn valid_from(&self) -> Option<Timestamp> {
        self.valid_from
    }

    /// Until when, exclusive.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Whether it is not accepted any more.
    pub fn revoked(&self) -> Option<Revocation> {
        self.revoked
    }

    /// Whether the role may ever be acted in with this key, whatever the stream and the time.
    fn could_act(&self, role: Role) -> bool {
        self.revoked.is_none() && self.roles.contains(&role)
    }

    fn covers(&self, stream: Option<&str>) -> bool {
        let Some(streams) = &self.streams else { return true };
        match stream {
            None => streams.iter().any(|s| s == NO_STREAM),
            // A stream cannot have the name that stands for none.
            Some(NO_STREAM) => false,
            Some(stream) => streams.iter().any(|s| s == stream),
        }
    }

    /// Why a signature by this key does not count, if it does not.
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

/// What is asked of every key.
struct Question<'a> {
    role: Role,
    stream: Option<&'a str>,
    created: Timestamp,
    now: Timestamp,
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The policy has no such key.
    UnknownKey,
    /// This version does not know the algorithm.
    UnknownAlgorithm,
    /// No key of that id made this signature over this message.
    WrongSignature,
    /// The key may not act in this role.
    WrongRole,
    /// The key may not act for this stream.
    WrongStream,
    /// Made, or looked at, before the key is valid.
    NotYetValid,
    /// Made, or looked at, when the key is not valid any more.
    Expired,
    /// The key is revoked.
    Revoked,
    /// The key's signature was counted already.
    SameKey,
    /// A signature of its holder, with another key, was counted already.
    SameHolder,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalReason::UnknownKey => "the trust policy has no key of this id",
            RefusalReason::UnknownAlgorithm => "this version does not know the signature's algorithm",
            RefusalReason::WrongSignature => "the signature is not of these bytes and this key",
            RefusalReason::WrongRole => "the trust policy does not give the key this role",
            RefusalReason::WrongStream => "the trust policy does not give the key this stream",
            RefusalReason::NotYetValid => "the key is not valid yet",
            RefusalReason::Expired => "the key is not valid any more",
            RefusalReason::Revoked => "the key is revoked",
            RefusalReason::SameKey => "the key has signed already, and counts once",
            RefusalReason::SameHolder => "the holder has signed with another key, and counts once",
        })
    }
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Accepted {
    /// Whose.
    pub holder: String,
    /// By which key.
    pub key_id: KeyId,
}

/// A signature that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    /// The id that it came under.
    pub short: ShortKeyId,
    /// Why.
    pub reason: RefusalReason,
}

/// What became of each signature over one message. Only [`TrustPolicy::judge`] makes one.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    role: Role,
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

impl Judgement {
    /// In which role the signers were asked for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What counts: no key twice, no holder twice.
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// What does not count.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// Which keys are trusted for what, and how many people must release a bundle.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    release_threshold: u8,
    keys: Vec<PolicyKey>,
}

impl TrustPolicy {
    /// The policy of one key that both packs and releases, for every stream and at any time.
    ///
    /// # Errors
    /// [`PolicyProblem::Holder`] if the name cannot be shown.
    pub fn single_key(key: PublicKey, holder: &str) -> Result<TrustPolicy, PolicyError> {
        let key = PolicyKey {
            key,
            holder: checked_holder(holder)?,
            roles: vec![Role::Packer, Role::Releaser],
            streams: None,
            valid_from: None,
            valid_until: None,
            revoked: None,
        };
        Ok(TrustPolicy::new(1, vec![key])?)
    }

    /// The only door: what comes out can be satisfied, and has no key twice.
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
                told_apart(first, second)?;
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
        Ok(TrustPolicy { release_threshold: threshold, keys })
    }

    /// Says of each signature over `message` whether it counts for `role` and `stream`.
    ///
    /// This is the one function that counts: one signature for each distinct public key and one for
    /// each distinct holder, whatever ids the signatures came under. A signature that is refused
    /// takes nobody's place: a holder's expired key does not shadow their valid one.
    ///
    /// `created` is what the message says of itself, `now` is the receiver's clock; a key must be
    /// valid at both. `created` alone would be believing the signer, `now` alone would let a key
    /// sign for a time in which it was not valid.
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
        // Several keys may share a short id, and only one of them may have signed.
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

    /// Whether enough signatures count: one packer's, or `release-threshold` releasers'.
    pub fn satisfied(&self, judgement: &Judgement) -> bool {
        let needed = match judgement.role {
            Role::Packer => 1,
            Role::Releaser => usize::from(self.release_threshold),
        };
        judgement.accepted.len() >= needed
    }

    /// How many holders must release a bundle, 1 to 16.
    pub fn release_threshold(&self) -> u8 {
        self.release_threshold
    }

    /// The keys, in the order of the trust file.
    pub fn keys(&self) -> &[PolicyKey] {
        &self.keys
    }
}

/// Refuses one key under two entries, and two holders that read as one.
fn told_apart(first: &PolicyKey, second: &PolicyKey) -> Result<(), PolicyProblem> {
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

/// A holder's name: 1 to 64 printable ASCII characters, no space at either end.
pub(super) fn checked_holder(text: &str) -> Result<String, PolicyProblem> {
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if printable && (1..=HOLDER_CHARS_MAX).contains(&text.len()) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(PolicyProblem::Holder { found: text.chars().take(80).collect(), limit: HOLDER_CHARS_MAX })
}

#[cfg(test)]
mod tests;
