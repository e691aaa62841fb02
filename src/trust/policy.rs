//! Whose signatures count, and for what.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    key::{KeyId, PublicKey, ShortKeyId},
    policy_error::{PolicyError, PolicyProblem},
};

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
        signatures: &[(ShortKeyId, [u8; 64])],
    ) -> Judgement {
        let question = Question { role, stream, created, now };
        let mut counted: Vec<&PolicyKey> = Vec::new();
        let mut refused = Vec::new();
        for (short, signature) in signatures {
            match self.admit(&question, *short, message, signature, &counted) {
                Ok(key) => counted.push(key),
                Err(reason) => refused.push(Refused { short: *short, reason }),
            }
        }
        let accepted = counted.into_iter().map(|k| Accepted { holder: k.holder.clone(), key_id: k.key.id() });
        Judgement { role, accepted: accepted.collect(), refused }
    }

    fn admit(
        &self,
        question: &Question<'_>,
        short: ShortKeyId,
        message: &[u8],
        signature: &[u8; 64],
        counted: &[&PolicyKey],
    ) -> Result<&PolicyKey, RefusalReason> {
        let mut reason = RefusalReason::UnknownKey;
        // Several keys may share a short id, and only one of them may have signed.
        for key in self.keys.iter().filter(|key| key.key.id().short() == short) {
            if !key.key.verify(message, signature) {
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
mod tests {
    use super::*;
    use crate::trust::{KeyFile, Signer as _};

    const MESSAGE: &[u8] = b"carnet-chunk v1\n";
    const NOW: &str = "2026-11-20T00:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn key(seed: u8) -> KeyFile {
        KeyFile::from_seed(&[seed; 32])
    }

    fn entry(seed: u8, holder: &str, roles: &[Role]) -> PolicyKey {
        PolicyKey {
            key: key(seed).public_key().clone(),
            holder: holder.to_owned(),
            roles: roles.to_vec(),
            streams: None,
            valid_from: None,
            valid_until: None,
            revoked: None,
        }
    }

    /// Alice has the keys 1 and 2, Bob 3, Carol 4, all to release; 9 packs. Two must release.
    fn two_must_release(change: impl FnOnce(&mut [PolicyKey])) -> TrustPolicy {
        let mut keys = vec![
            entry(1, "alice", &[Role::Releaser]),
            entry(2, "alice", &[Role::Releaser]),
            entry(3, "bob", &[Role::Releaser]),
            entry(4, "carol", &[Role::Releaser]),
            entry(9, "machine", &[Role::Packer]),
        ];
        change(&mut keys);
        TrustPolicy::new(2, keys).unwrap()
    }

    fn sign(seed: u8) -> (ShortKeyId, [u8; 64]) {
        (key(seed).public_key().id().short(), key(seed).sign(MESSAGE))
    }

    fn release(policy: &TrustPolicy, signatures: &[(ShortKeyId, [u8; 64])]) -> Judgement {
        let now = time(NOW);
        policy.judge(Role::Releaser, Some("corp-to-high"), now, now, MESSAGE, signatures)
    }

    /// Bob's signature is refused for `reason`, and does not release beside Alice's.
    fn bob_is_refused(policy: &TrustPolicy, created: &str, now: &str, reason: RefusalReason) {
        let signatures = [sign(1), sign(3)];
        let judgement = policy.judge(Role::Releaser, None, time(created), time(now), MESSAGE, &signatures);
        assert_eq!(judgement.refused(), [Refused { short: signatures[1].0, reason }]);
        assert_eq!(judgement.accepted().len(), 1);
        assert!(!policy.satisfied(&judgement));
    }

    fn reasons(judgement: &Judgement) -> Vec<RefusalReason> {
        judgement.refused().iter().map(|refused| refused.reason).collect()
    }

    #[test]
    fn two_holders_release() {
        let policy = two_must_release(|_| {});
        let judgement = release(&policy, &[sign(1), sign(3)]);
        let holders: Vec<_> = judgement.accepted().iter().map(|a| a.holder.as_str()).collect();
        assert_eq!(holders, ["alice", "bob"]);
        assert!(policy.satisfied(&judgement));
        assert!(!policy.satisfied(&release(&policy, &[sign(1)])));
        assert!(!policy.satisfied(&release(&policy, &[])));
    }

    #[test]
    fn threshold_duplicate_signature() {
        let policy = two_must_release(|_| {});
        let judgement = release(&policy, &[sign(1), sign(1), sign(1)]);
        assert_eq!(reasons(&judgement), [RefusalReason::SameKey; 2]);
        assert!(!policy.satisfied(&judgement));
    }

    #[test]
    fn threshold_two_keys_of_one_holder() {
        let policy = two_must_release(|_| {});
        let judgement = release(&policy, &[sign(1), sign(2)]);
        assert_eq!(reasons(&judgement), [RefusalReason::SameHolder]);
        assert!(!policy.satisfied(&judgement));
        assert!(policy.satisfied(&release(&policy, &[sign(2), sign(1), sign(3)])));
    }

    #[test]
    fn threshold_same_key_two_ids_cannot_be_written() {
        let mut keys =
            vec![entry(1, "alice", &[Role::Packer, Role::Releaser]), entry(1, "bob", &[Role::Releaser])];
        // The bytes decide, not the id.
        keys[1].key = keys[1].key.clone().with_id_of(&entry(2, "bob", &[]).key);
        let error = TrustPolicy::new(2, keys).unwrap_err();
        assert!(matches!(error, PolicyProblem::KeyTwice { .. }), "{error}");
    }

    #[test]
    fn a_signature_is_bound_to_its_key_and_message() {
        let policy = two_must_release(|_| {});
        let (alice, bob) = (sign(1), sign(3));
        let swapped = [(alice.0, bob.1), (bob.0, alice.1)];
        assert_eq!(reasons(&release(&policy, &swapped)), [RefusalReason::WrongSignature; 2]);
        let other_tool = (alice.0, key(1).sign(b"other-tool v1\n"));
        assert_eq!(reasons(&release(&policy, &[other_tool])), [RefusalReason::WrongSignature]);
        assert_eq!(reasons(&release(&policy, &[sign(77)])), [RefusalReason::UnknownKey]);
        assert_eq!(reasons(&release(&policy, &[(alice.0, [0; 64])])), [RefusalReason::WrongSignature]);
    }

    #[test]
    fn a_role_is_not_another() {
        let policy = two_must_release(|_| {});
        let judgement = release(&policy, &[sign(1), sign(9)]);
        assert_eq!(reasons(&judgement), [RefusalReason::WrongRole]);
        assert!(!policy.satisfied(&judgement));
        let now = time(NOW);
        let pack = |seed| policy.judge(Role::Packer, None, now, now, MESSAGE, &[sign(seed)]);
        assert_eq!(reasons(&pack(1)), [RefusalReason::WrongRole]);
        assert!(!policy.satisfied(&pack(1)));
        assert!(policy.satisfied(&pack(9)));
    }

    #[test]
    fn validity_holds_for_the_message_and_for_the_reader() {
        let (day, next) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        let (before, last) = ("2026-11-19T23:59:59Z", "2026-11-20T23:59:59Z");
        let policy = two_must_release(|keys| {
            keys[2].valid_from = Some(time(day));
            keys[2].valid_until = Some(time(next));
        });
        for (created, now) in [(day, day), (day, last), (last, last)] {
            let signatures = [sign(1), sign(3)];
            let judgement =
                policy.judge(Role::Releaser, None, time(created), time(now), MESSAGE, &signatures);
            assert!(policy.satisfied(&judgement), "{created} {now}");
        }
        for (created, now) in [(before, day), (day, before), (before, before)] {
            bob_is_refused(&policy, created, now, RefusalReason::NotYetValid);
        }
        for (created, now) in [(day, next), (next, day), (next, next)] {
            bob_is_refused(&policy, created, now, RefusalReason::Expired);
        }
    }

    #[test]
    fn a_revocation_is_whole_whatever_its_date() {
        for revoked in [Revocation::Undated, Revocation::At(time("2099-01-01T00:00:00Z"))] {
            let policy = two_must_release(|keys| keys[2].revoked = Some(revoked));
            bob_is_refused(&policy, "2020-01-01T00:00:00Z", NOW, RefusalReason::Revoked);
        }
    }

    #[test]
    fn what_is_refused_takes_nobodys_place() {
        let policy = two_must_release(|keys| keys[0].revoked = Some(Revocation::Undated));
        let judgement = release(&policy, &[sign(1), sign(2), sign(3)]);
        assert_eq!(reasons(&judgement), [RefusalReason::Revoked]);
        assert!(policy.satisfied(&judgement));
    }

    #[test]
    fn a_stream_is_not_another() {
        let policy = two_must_release(|keys| keys[2].streams = Some(vec!["corp-to-high".to_owned()]));
        assert!(policy.satisfied(&release(&policy, &[sign(1), sign(3)])));
        bob_is_refused(&policy, NOW, NOW, RefusalReason::WrongStream);
        let none = two_must_release(|keys| keys[2].streams = Some(vec![NO_STREAM.to_owned()]));
        let now = time(NOW);
        let judge = |stream| none.judge(Role::Releaser, stream, now, now, MESSAGE, &[sign(1), sign(3)]);
        assert!(none.satisfied(&judge(None)));
        assert_eq!(reasons(&judge(Some("corp-to-high"))), [RefusalReason::WrongStream]);
        assert_eq!(reasons(&judge(Some(NO_STREAM))), [RefusalReason::WrongStream]);
    }

    #[test]
    fn keys_that_share_a_short_id_are_all_tried() {
        let policy = two_must_release(|keys| {
            let alice = keys[0].key.clone();
            keys[2].key = keys[2].key.clone().with_id_of(&alice);
        });
        let alice = sign(1);
        let judgement = release(&policy, &[(alice.0, sign(3).1), alice]);
        assert_eq!(judgement.refused(), []);
        assert!(policy.satisfied(&judgement));
        let carols = (alice.0, sign(4).1);
        assert_eq!(reasons(&release(&policy, &[carols])), [RefusalReason::WrongSignature]);
    }

    #[test]
    fn refuses_what_nothing_could_satisfy() {
        let both = [Role::Packer, Role::Releaser];
        let problem = |threshold, keys| TrustPolicy::new(threshold, keys).unwrap_err().to_string();
        assert_eq!(problem(1, vec![]), "0 keys, 1 to 256 are allowed");
        for threshold in [i64::MIN, -1, 0, 17, 257, i64::MAX] {
            let expected = format!("release-threshold is {threshold}, 1 to 16 is allowed");
            assert_eq!(problem(threshold, vec![entry(1, "alice", &both)]), expected);
        }
        assert_eq!(
            problem(1, vec![entry(1, "alice", &[Role::Releaser])]),
            "no key that is not revoked has the role packer"
        );
        let too_few = "release-threshold is 2, but holders with a releaser key that is not revoked: 1";
        assert_eq!(problem(2, vec![entry(1, "alice", &both), entry(2, "alice", &both)]), too_few);
        let mut revoked = entry(2, "bob", &both);
        revoked.revoked = Some(Revocation::Undated);
        assert_eq!(problem(2, vec![entry(1, "alice", &both), revoked]), too_few);
        assert_eq!(
            problem(1, vec![entry(1, "alice", &both), entry(2, "Alice", &both)]),
            r#"holders "alice" and "Alice" differ in upper and lower case only"#
        );
    }

    #[test]
    fn a_single_key_packs_and_releases() {
        let policy = TrustPolicy::single_key(key(1).public_key().clone(), "alice").unwrap();
        assert_eq!(policy.release_threshold(), 1);
        let now = time(NOW);
        for role in [Role::Packer, Role::Releaser] {
            for stream in [None, Some("any")] {
                let judge = |seed| policy.judge(role, stream, now, now, MESSAGE, &[sign(seed)]);
                assert!(policy.satisfied(&judge(1)));
                assert!(!policy.satisfied(&judge(2)));
            }
        }
        let long = "a".repeat(65);
        for holder in ["", " alice", "alice ", "al\nice", "\u{1b}[2J", "ålice", long.as_str()] {
            let key = key(1).public_key().clone();
            assert!(TrustPolicy::single_key(key, holder).is_err(), "{holder:?}");
        }
    }

    #[test]
    fn reasons_are_stable_words() {
        let policy = two_must_release(|_| {});
        let shown = serde_json::to_value(release(&policy, &[sign(77)])).unwrap();
        assert_eq!(shown["role"], "releaser");
        assert_eq!(shown["refused"][0]["reason"], "unknown-key");
        assert_eq!(shown["refused"][0]["short"], sign(77).0.to_string());
        assert_eq!(serde_json::to_value(RefusalReason::NotYetValid).unwrap(), "not-yet-valid");
    }
}
