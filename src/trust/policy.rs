//! The trust policy: which signatures count, and for what.

use jiff::Timestamp;

use super::{
    demand::Demand,
    judgement::{Accepted, Judgement, Question, RefusalReason, Refused, Role},
    key::{KeyId, PublicKey, ShortKeyId},
    policy_error::{PolicyError, PolicyProblem},
    policy_key::{JUMP_MAX, PolicyKey},
};
use crate::format::Sum;
use crate::format::limits::SIGNATURES_MAX;
use crate::format::signature::{Signature, SignatureAlgorithm};

/// Maximum number of keys in a policy.
pub(super) const KEYS_MAX: usize = 256;

/// Maximum release threshold. A control chunk cannot hold more signatures (docs/format.md, "Limits").
pub(super) const RELEASE_THRESHOLD_MAX: u8 = 16;

/// Maximum length of a holder name in characters.
const HOLDER_CHARS_MAX: usize = 64;

/// What a trust file says beside its keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    pub(super) release_threshold: i64,
    pub(super) algorithms: Option<Demand>,
    pub(super) serial: Option<u64>,
    pub(super) root_threshold: Option<i64>,
    pub(super) expires: Option<Timestamp>,
}

/// The trusted keys with their roles, and the number of holders who must release a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustPolicy {
    release_threshold: u8,
    algorithms: Option<Demand>,
    serial: Option<u64>,
    root_threshold: Option<u8>,
    expires: Option<Timestamp>,
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
            verify_required: false,
            line: 1,
        };
        let rules = Rules {
            release_threshold: 1,
            algorithms: None,
            serial: None,
            root_threshold: None,
            expires: None,
        };
        Ok(TrustPolicy::new(rules, vec![key])?)
    }

    /// The SHA-256 of the trust file, if the policy was read from one.
    #[doc(hidden)]
    pub fn file_sum(&self) -> Option<&Sum> {
        self.file_sum.as_ref()
    }

    /// The only constructor. It ensures that the policy can be satisfied and lists no key twice.
    pub(super) fn new(rules: Rules, keys: Vec<PolicyKey>) -> Result<TrustPolicy, PolicyProblem> {
        if !(1..=KEYS_MAX).contains(&keys.len()) {
            return Err(PolicyProblem::KeyCount { found: keys.len(), limit: KEYS_MAX });
        }
        let Rules { release_threshold, algorithms, serial, root_threshold, expires } = rules;
        let checked = |key: &'static str, found: i64| {
            let threshold =
                u8::try_from(found).ok().filter(|found| (1..=RELEASE_THRESHOLD_MAX).contains(found));
            threshold.ok_or(PolicyProblem::Threshold { key, found, limit: RELEASE_THRESHOLD_MAX })
        };
        let threshold = checked("release-threshold", release_threshold)?;
        let root_threshold = root_threshold.map(|found| checked("root-threshold", found)).transpose()?;
        for (at, second) in keys.iter().enumerate() {
            for first in &keys[..at] {
                check_distinct(first, second)?;
            }
        }
        let policy = TrustPolicy {
            release_threshold: threshold,
            algorithms,
            serial,
            root_threshold,
            expires,
            keys,
            file_sum: None,
        };
        policy.check_algorithms()?;
        policy.check_roots()?;
        let of_each = policy.algorithms.is_some();
        if policy.able(Role::Packer) == 0 {
            return Err(PolicyProblem::NoPacker { of_each });
        }
        let holders = policy.able(Role::Releaser);
        if holders < usize::from(threshold) {
            return Err(PolicyProblem::Unsatisfiable { threshold, holders, of_each });
        }
        Ok(policy)
    }

    /// Refuses a threshold for which the signatures of the packer and of all releasers do not fit into a control chunk.
    fn check_algorithms(&self) -> Result<(), PolicyProblem> {
        let Some(demand) = &self.algorithms else { return Ok(()) };
        let each = demand.signatures();
        let most = SIGNATURES_MAX / each - 1;
        if each > 1 && usize::from(self.release_threshold) > most {
            return Err(PolicyProblem::TooManySignatures { threshold: self.release_threshold, each, most });
        }
        Ok(())
    }

    /// Refuses roots without a threshold, a threshold that they cannot reach, and either without a number.
    fn check_roots(&self) -> Result<(), PolicyProblem> {
        let has_roots = self.keys.iter().any(|key| key.roles.contains(&Role::Root));
        match self.root_threshold {
            None if has_roots => Err(PolicyProblem::Roots { lacks: "root-threshold" }),
            None => Ok(()),
            Some(_) if self.serial.is_none() => Err(PolicyProblem::Roots { lacks: "serial" }),
            Some(threshold) => {
                let (holders, of_each) = (self.able(Role::Root), self.algorithms.is_some());
                if holders < usize::from(threshold) {
                    return Err(PolicyProblem::RootsUnsatisfiable { threshold, holders, of_each });
                }
                Ok(())
            }
        }
    }

    /// How many holders can act in the role at all, with a key for each signature that the policy wants.
    fn able(&self, role: Role) -> usize {
        let can = |holder: &str, algorithm: Option<SignatureAlgorithm>| {
            let mut keys = self.keys.iter().filter(|key| key.holder == holder && key.could_act(role));
            keys.any(|key| algorithm.is_none_or(|algorithm| key.key.algorithm() == algorithm))
        };
        let mut holders: Vec<&str> = self.keys.iter().map(PolicyKey::holder).collect();
        holders.sort_unstable();
        holders.dedup();
        let able = |holder: &&&str| match &self.algorithms {
            None => can(holder, None),
            Some(demand) => demand.is_met(|algorithm| can(holder, Some(algorithm))),
        };
        holders.iter().filter(able).count()
    }

    /// Decides for each signature over `message` whether it counts for `role` and `stream`.
    ///
    /// No other function counts signatures. Each public key and each holder counts at most once, whatever key ids the
    /// signatures name, and whatever their algorithms are. If the policy wants two signatures of each holder, a holder counts
    /// only with both. A refused signature does not use up that count: a holder's expired key does not block their
    /// valid key.
    ///
    /// `created` is the time in the message, `now` is the receiver's clock, and a key must be valid at both. With
    /// `created` alone the receiver would have to believe the signer; with `now` alone a key could sign for a time in
    /// which it was not valid.
    #[doc(hidden)]
    pub fn judge(&self, question: &Question<'_>, message: &[u8], signatures: &[Signature]) -> Judgement {
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut refused = Vec::new();
        for (signature, outcome) in signatures.iter().zip(self.outcomes(question, message, signatures)) {
            match outcome {
                Err(reason) => refused.push(Refused { short: signature.key.into(), reason }),
                Ok(key) => match accepted.iter_mut().find(|accepted| accepted.holder == key.holder) {
                    Some(accepted) => accepted.further_keys.push(key.key.id()),
                    None => accepted.push(Accepted {
                        holder: key.holder.clone(),
                        key_id: key.key.id(),
                        further_keys: Vec::new(),
                    }),
                },
            }
        }
        Judgement { role: question.role, accepted, refused }
    }

    /// For each signature, the key that counts, or why it does not; see [`TrustPolicy::judge`].
    #[doc(hidden)]
    pub fn outcomes(
        &self,
        question: &Question<'_>,
        message: &[u8],
        signatures: &[Signature],
    ) -> Vec<Result<&PolicyKey, RefusalReason>> {
        let mut outcomes: Vec<Result<&PolicyKey, RefusalReason>> = Vec::new();
        for signature in signatures {
            let counted: Vec<&PolicyKey> = outcomes.iter().filter_map(|outcome| outcome.ok()).collect();
            outcomes.push(self.admit(question, message, signature, &counted));
        }
        let Some(demand) = &self.algorithms else { return outcomes };
        let counted: Vec<&PolicyKey> = outcomes.iter().filter_map(|outcome| outcome.ok()).collect();
        let is_whole = |key: &PolicyKey| {
            counted.iter().filter(|other| other.holder == key.holder).count() == demand.signatures()
        };
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(key) if !is_whole(key) => Err(RefusalReason::AlgorithmMissing),
                outcome => outcome,
            })
            .collect()
    }

    fn admit(
        &self,
        question: &Question<'_>,
        message: &[u8],
        signature: &Signature,
        counted: &[&PolicyKey],
    ) -> Result<&PolicyKey, RefusalReason> {
        if !SignatureAlgorithm::KNOWN.contains(&signature.algorithm) {
            return Err(RefusalReason::UnknownAlgorithm);
        }
        if self.algorithms.as_ref().is_some_and(|demand| demand.place(signature.algorithm).is_none()) {
            return Err(RefusalReason::AlgorithmNotAllowed);
        }
        // An expired trust file can still be replaced by its roots.
        let has_expired = self.expires.is_some_and(|expires| expires <= question.now);
        if has_expired && question.role != Role::Root {
            return Err(RefusalReason::PolicyExpired);
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
                } else if counted.iter().any(|c| c.holder == key.holder && !self.complements(c, key)) {
                    Some(RefusalReason::SameHolder)
                } else {
                    None
                }
            };
            let unverified = key.verify_required && !key.key.shows_verification(&signature.bytes);
            let unverified = || unverified.then_some(RefusalReason::HolderNotVerified);
            match key.objection(question).or_else(unverified).or_else(repeated) {
                None => return Ok(key),
                Some(objection) => reason = objection,
            }
        }
        Err(reason)
    }

    /// Whether signatures of both keys of one holder count together, as one.
    fn complements(&self, counted: &PolicyKey, key: &PolicyKey) -> bool {
        let place =
            |key: &PolicyKey| self.algorithms.as_ref().and_then(|demand| demand.place(key.key.algorithm()));
        self.algorithms.is_some() && place(counted) != place(key)
    }

    /// What each holder must sign with; `None` if one signature of any algorithm is enough.
    #[doc(hidden)]
    pub fn algorithms(&self) -> Option<&Demand> {
        self.algorithms.as_ref()
    }

    /// Whether enough signatures count: one packer, or `release-threshold` releasers.
    #[doc(hidden)]
    pub fn satisfied(&self, judgement: &Judgement) -> bool {
        let needed = match judgement.role {
            Role::Packer => 1,
            Role::Releaser => usize::from(self.release_threshold),
            Role::Root => usize::from(self.root_threshold.unwrap_or(u8::MAX)),
        };
        judgement.accepted.len() >= needed
    }

    /// The number of holders who must release a bundle, 1 to 16.
    pub fn release_threshold(&self) -> u8 {
        self.release_threshold
    }

    /// The number of the trust file, which each change raises by one.
    pub fn serial(&self) -> Option<u64> {
        self.serial
    }

    /// The number of roots who must sign a change of the trust file; `None` if it has no roots.
    pub fn root_threshold(&self) -> Option<u8> {
        self.root_threshold
    }

    /// The time from which nothing is accepted by this trust file.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// How far above the highest number of a stream the number of a bundle may be that these packers signed: as far as one of
    /// them may go.
    #[doc(hidden)]
    pub fn jump_max(&self, packers: &[Accepted]) -> u64 {
        let signed = |id: &KeyId| packers.iter().any(|by| by.key_id == *id || by.further_keys.contains(id));
        let keys = self.keys.iter().filter(|key| signed(&key.key.id()));
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
