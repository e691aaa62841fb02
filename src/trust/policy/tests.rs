//! Thresholds, times and streams: which signatures count.

use super::*;
use crate::trust::policy_key::{NO_STREAM, Revocation};
use crate::trust::{KeyFile, Signer};

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
        jump_max: JUMP_MAX,
        verify_required: false,
        line: 1,
    }
}

/// Releasers: Alice with keys 1 and 2, Bob with 3, Carol with 4. Packer: key 9. Two holders must release.
fn two_must_release(change: impl FnOnce(&mut [PolicyKey])) -> TrustPolicy {
    let mut keys = vec![
        entry(1, "alice", &[Role::Releaser]),
        entry(2, "alice", &[Role::Releaser]),
        entry(3, "bob", &[Role::Releaser]),
        entry(4, "carol", &[Role::Releaser]),
        entry(9, "machine", &[Role::Packer]),
    ];
    change(&mut keys);
    TrustPolicy::new(rules(2), keys).unwrap()
}

fn question(role: Role, stream: Option<&str>, created: Timestamp, now: Timestamp) -> Question<'_> {
    Question { role, stream, sequence: None, created, now }
}

fn rules(release_threshold: i64) -> Rules {
    Rules { release_threshold, algorithms: None, serial: None, root_threshold: None, expires: None }
}

fn sign(seed: u8) -> Signature {
    signed_by(&key(seed))
}

fn signed_by(signer: &dyn Signer) -> Signature {
    signer.signature(MESSAGE).unwrap()
}

fn release(policy: &TrustPolicy, signatures: &[Signature]) -> Judgement {
    let now = time(NOW);
    let question = question(Role::Releaser, Some("corp-to-high"), now, now);
    policy.judge(&question, MESSAGE, signatures)
}

/// Checks that Bob's signature is refused for `reason`, so that with Alice's it does not release.
fn bob_is_refused(policy: &TrustPolicy, created: &str, now: &str, reason: RefusalReason) {
    let signatures = [sign(1), sign(3)];
    let judgement =
        policy.judge(&question(Role::Releaser, None, time(created), time(now)), MESSAGE, &signatures);
    assert_eq!(judgement.refused(), [Refused { short: signatures[1].key.into(), reason }]);
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
fn threshold_same_key_under_two_ids_is_refused() {
    let mut keys =
        vec![entry(1, "alice", &[Role::Packer, Role::Releaser]), entry(1, "bob", &[Role::Releaser])];
    // The bytes of the key are compared, not the id.
    keys[1].key = keys[1].key.clone().with_id_of(&entry(2, "bob", &[]).key);
    let error = TrustPolicy::new(rules(2), keys).unwrap_err();
    assert!(matches!(error, PolicyProblem::KeyTwice { .. }), "{error}");
}

#[test]
fn a_signature_is_bound_to_its_key_and_message() {
    let policy = two_must_release(|_| {});
    let (alice, bob) = (sign(1), sign(3));
    let under = |key: &Signature, bytes: &Signature| Signature { key: key.key, ..bytes.clone() };
    let swapped = [under(&alice, &bob), under(&bob, &alice)];
    assert_eq!(reasons(&release(&policy, &swapped)), [RefusalReason::WrongSignature; 2]);
    let other_tool = Signature { bytes: key(1).sign(b"other-tool v1\n").unwrap(), ..alice.clone() };
    assert_eq!(reasons(&release(&policy, &[other_tool])), [RefusalReason::WrongSignature]);
    assert_eq!(reasons(&release(&policy, &[sign(77)])), [RefusalReason::UnknownKey]);
    assert_eq!(
        reasons(&release(&policy, &[Signature { bytes: vec![0; 64], ..alice.clone() }])),
        [RefusalReason::WrongSignature]
    );
}

#[test]
fn roles_are_separate() {
    let policy = two_must_release(|_| {});
    let judgement = release(&policy, &[sign(1), sign(9)]);
    assert_eq!(reasons(&judgement), [RefusalReason::WrongRole]);
    assert!(!policy.satisfied(&judgement));
    let now = time(NOW);
    let pack = |seed| policy.judge(&question(Role::Packer, None, now, now), MESSAGE, &[sign(seed)]);
    assert_eq!(reasons(&pack(1)), [RefusalReason::WrongRole]);
    assert!(!policy.satisfied(&pack(1)));
    assert!(policy.satisfied(&pack(9)));
}

#[test]
fn validity_is_checked_at_creation_and_now() {
    let (day, next) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    let (before, last) = ("2026-11-19T23:59:59Z", "2026-11-20T23:59:59Z");
    let policy = two_must_release(|keys| {
        keys[2].valid_from = Some(time(day));
        keys[2].valid_until = Some(time(next));
    });
    for (created, now) in [(day, day), (day, last), (last, last)] {
        let signatures = [sign(1), sign(3)];
        let judgement =
            policy.judge(&question(Role::Releaser, None, time(created), time(now)), MESSAGE, &signatures);
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
fn a_revocation_applies_to_all_times() {
    for revoked in [Revocation::Undated, Revocation::At(time("2099-01-01T00:00:00Z"))] {
        let policy = two_must_release(|keys| keys[2].revoked = Some(revoked));
        bob_is_refused(&policy, "2020-01-01T00:00:00Z", NOW, RefusalReason::Revoked);
    }
}

#[test]
fn a_refused_signature_does_not_block_another() {
    let policy = two_must_release(|keys| keys[0].revoked = Some(Revocation::Undated));
    let judgement = release(&policy, &[sign(1), sign(2), sign(3)]);
    assert_eq!(reasons(&judgement), [RefusalReason::Revoked]);
    assert!(policy.satisfied(&judgement));
}

#[test]
fn streams_are_separate() {
    let policy = two_must_release(|keys| keys[2].streams = Some(vec!["corp-to-high".to_owned()]));
    assert!(policy.satisfied(&release(&policy, &[sign(1), sign(3)])));
    bob_is_refused(&policy, NOW, NOW, RefusalReason::WrongStream);
    let none = two_must_release(|keys| keys[2].streams = Some(vec![NO_STREAM.to_owned()]));
    let now = time(NOW);
    let judge =
        |stream| none.judge(&question(Role::Releaser, stream, now, now), MESSAGE, &[sign(1), sign(3)]);
    assert!(none.satisfied(&judge(None)));
    assert_eq!(reasons(&judge(Some("corp-to-high"))), [RefusalReason::WrongStream]);
    assert_eq!(reasons(&judge(Some(NO_STREAM))), [RefusalReason::WrongStream]);
}

#[test]
fn all_keys_with_the_same_short_id_are_tried() {
    let policy = two_must_release(|keys| {
        let alice = keys[0].key.clone();
        keys[2].key = keys[2].key.clone().with_id_of(&alice);
    });
    let alice = sign(1);
    let judgement = release(&policy, &[Signature { key: alice.key, ..sign(3) }, alice.clone()]);
    assert_eq!(judgement.refused(), []);
    assert!(policy.satisfied(&judgement));
    let carols = Signature { key: alice.key, ..sign(4) };
    assert_eq!(reasons(&release(&policy, &[carols])), [RefusalReason::WrongSignature]);
}

#[test]
fn refuses_unsatisfiable_policies() {
    let both = [Role::Packer, Role::Releaser];
    let problem = |threshold, keys| TrustPolicy::new(rules(threshold), keys).unwrap_err().to_string();
    assert_eq!(problem(1, vec![]), "0 keys are listed; 1 to 256 are allowed");
    for threshold in [i64::MIN, -1, 0, 17, 257, i64::MAX] {
        let expected = format!("release-threshold is {threshold}; it must be 1 to 16");
        assert_eq!(problem(threshold, vec![entry(1, "alice", &both)]), expected);
    }
    assert_eq!(
        problem(1, vec![entry(1, "alice", &[Role::Releaser])]),
        "no unrevoked key has the role packer"
    );
    let too_few = "release-threshold is 2, but only 1 holder has an unrevoked releaser key";
    assert_eq!(problem(2, vec![entry(1, "alice", &both), entry(2, "alice", &both)]), too_few);
    let mut revoked = entry(2, "bob", &both);
    revoked.revoked = Some(Revocation::Undated);
    assert_eq!(problem(2, vec![entry(1, "alice", &both), revoked]), too_few);
    assert_eq!(
        problem(1, vec![entry(1, "alice", &both), entry(2, "Alice", &both)]),
        r#"the holder names "alice" and "Alice" differ only in case"#
    );
}

#[test]
fn a_single_key_packs_and_releases() {
    let policy = TrustPolicy::single_key(key(1).public_key().clone(), "alice").unwrap();
    assert_eq!(policy.release_threshold(), 1);
    let now = time(NOW);
    for role in [Role::Packer, Role::Releaser] {
        for stream in [None, Some("any")] {
            let judge = |seed| policy.judge(&question(role, stream, now, now), MESSAGE, &[sign(seed)]);
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
    assert_eq!(shown["refused"][0]["short"], ShortKeyId::from(sign(77).key).to_string());
    assert_eq!(serde_json::to_value(RefusalReason::NotYetValid).unwrap(), "not-yet-valid");
}

#[test]
fn a_revocation_from_a_time_or_a_number_on_spares_what_is_older() {
    let from = time("2026-06-01T00:00:00Z");
    let policy = two_must_release(|keys| keys[2].revoked = Some(Revocation::CreatedFrom(from)));
    let judge = |created: &str, sequence| {
        let stream = Some("corp-to-high");
        let question = Question { sequence, ..question(Role::Releaser, stream, time(created), time(NOW)) };
        (policy.judge(&question, MESSAGE, &[sign(1), sign(3)]), question)
    };
    assert!(policy.satisfied(&judge("2026-05-31T23:59:59Z", None).0));
    assert_eq!(reasons(&judge("2026-06-01T00:00:00Z", None).0), [RefusalReason::Revoked]);
    let policy = two_must_release(|keys| {
        keys[2].streams = Some(vec!["corp-to-high".to_owned()]);
        keys[2].revoked = Some(Revocation::SequenceFrom(42));
    });
    for (sequence, counts) in
        [(Some(1), true), (Some(41), true), (Some(42), false), (Some(43), false), (None, false)]
    {
        let (_, question) = judge(NOW, sequence);
        let judgement = policy.judge(&question, MESSAGE, &[sign(1), sign(3)]);
        assert_eq!(policy.satisfied(&judgement), counts, "{sequence:?}");
    }
}

#[test]
fn an_expired_trust_file_accepts_nothing() {
    let with = |expires: &str| {
        let rules = Rules { expires: Some(time(expires)), ..rules(1) };
        TrustPolicy::new(rules, vec![entry(1, "alice", &[Role::Packer, Role::Releaser])]).unwrap()
    };
    let judge = |policy: &TrustPolicy, role| {
        policy.judge(&question(role, None, time(NOW), time(NOW)), MESSAGE, &[sign(1)])
    };
    for role in [Role::Packer, Role::Releaser] {
        assert!(with("2026-11-20T00:00:01Z").satisfied(&judge(&with("2026-11-20T00:00:01Z"), role)));
        assert_eq!(reasons(&judge(&with(NOW), role)), [RefusalReason::PolicyExpired]);
    }
}
