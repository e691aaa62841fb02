//! Public keys: weak and non-canonical keys, forged signatures, and PEM files.

use ed25519_dalek::Verifier as _;

use super::*;
use crate::trust::{KeyFile, Signer as _};

/// All canonical encodings of points of order 1, 2, 4 or 8.
const SMALL_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// Encodings of x = 0 with the sign bit, and with y not reduced: p, p + 1, and p + 3, which is not of small order.
const NOT_CANONICAL: [&str; 7] = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn read(point: &str) -> Result<PublicKey, KeyError> {
    let mut der = SPKI_HEAD.to_vec();
    der.extend(hex::decode(point).unwrap());
    PublicKey::from_base64_der(&STANDARD.encode(der))
}

fn problem(text: &str) -> String {
    PublicKey::from_pem(text).unwrap_err().to_string()
}

#[test]
fn refuses_weak_keys() {
    for point in SMALL_ORDER {
        let error = read(point).unwrap_err();
        assert!(matches!(error.problem(), KeyProblem::Weak), "{point}: {error}");
    }
}

#[test]
fn refuses_a_second_encoding_of_a_point() {
    for point in NOT_CANONICAL {
        let error = read(point).unwrap_err();
        assert!(matches!(error.problem(), KeyProblem::NotCanonical), "{point}: {error}");
    }
}

#[test]
fn a_forgery_for_the_identity_key_does_not_verify() {
    let identity: [u8; 32] = decode_hex(SMALL_ORDER[0]).unwrap();
    let key = VerifyingKey::from_bytes(&identity).unwrap();
    let mut forgery = [0; 64];
    forgery[..32].copy_from_slice(&identity);
    // A verifier that is not strict accepts it for every message.
    assert!(key.verify(b"anything", &Signature::from_bytes(&forgery)).is_ok());
    assert!(!PublicKey::derived(key).verify(b"anything", &forgery));
    let honest = KeyFile::from_seed(&[1; 32]);
    assert!(!honest.public_key().verify(b"anything", &forgery));
}

#[test]
fn refuses_a_signature_whose_s_is_not_reduced() {
    let order: [u8; 32] =
        decode_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let key = KeyFile::from_seed(&[1; 32]);
    let mut signature: [u8; 64] = key.sign(b"message").unwrap().try_into().unwrap();
    assert!(key.public_key().verify(b"message", &signature));
    assert!(!key.public_key().verify(b"massage", &signature));
    let mut carry = 0;
    for (s, l) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!key.public_key().verify(b"message", &signature));
}

#[test]
fn every_flipped_bit_of_a_signature_is_detected() {
    let key = KeyFile::from_seed(&[2; 32]);
    let signature: [u8; 64] = key.sign(b"message").unwrap().try_into().unwrap();
    for bit in 0..512 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.public_key().verify(b"message", &flipped), "bit {bit}");
    }
}

#[test]
fn pem_round_trips_and_allows_nothing_around_it() {
    let key = KeyFile::from_seed(&[3; 32]).public_key().clone();
    let pem = key.to_pem();
    assert_eq!(PublicKey::from_pem(&pem).unwrap(), key);
    assert_eq!(PublicKey::from_pem(&pem).unwrap().id(), key.id());
    assert_eq!(PublicKey::from_pem(&pem.replace('\n', "\r\n")).unwrap(), key);
    assert_eq!(PublicKey::from_base64_der(&key.to_word()).unwrap(), key);

    assert_eq!(problem(&pem.repeat(2)), "the key is not a key: it contains more than one PEM block");
    assert!(problem(&format!("owner: alice\n{pem}")).contains("does not start with"));
    assert!(problem(&format!("{pem}trailing")).contains("does not end with"));
    for cut in 0..pem.len() - 1 {
        assert!(PublicKey::from_pem(&pem[..cut]).is_err(), "{cut}");
    }
    let line = key.to_word();
    for text in [format!("{line}\n"), format!("{line}AAAA"), line[..56].to_owned(), String::new()] {
        assert!(PublicKey::from_base64_der(&text).is_err(), "{text:?}");
    }
}

#[test]
fn errors_name_what_was_found() {
    let private = KeyFile::from_seed(&[4; 32]).to_pem(None).unwrap();
    assert_eq!(problem(&private), "the key is a private key; a public key is needed");
    assert_eq!(
        problem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        r#"the key is a PEM block "CERTIFICATE", expected "PUBLIC KEY""#
    );
    // An X25519 key has the same length and differs in one byte of the algorithm.
    let mut der = SPKI_HEAD;
    der[8] = 0x6e;
    let text = STANDARD.encode([&der[..], &[9; 32]].concat());
    let error = PublicKey::from_base64_der(&text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key is not an Ed25519, ML-DSA-87 or ECDSA P-384 key: its algorithm is 1.3.101.110"
    );
    // A public key with algorithm parameters, which Ed25519 does not allow.
    let null = [&[0x30, 0x2c, 0x30, 0x07], &SPKI_HEAD[4..9], &[5, 0], &SPKI_HEAD[9..], &[9; 32]].concat();
    let error = PublicKey::from_base64_der(&STANDARD.encode(null)).unwrap_err();
    assert!(error.to_string().contains("has no algorithm parameters"), "{error}");
}

#[test]
fn short_ids_are_strict() {
    let id = KeyFile::from_seed(&[5; 32]).public_key().id();
    let short = id.short().to_string();
    assert_eq!(short.parse::<ShortKeyId>().unwrap(), id.short());
    assert!(id.to_string().starts_with(&short));
    assert_eq!(serde_json::to_value(id).unwrap(), id.to_string());
    for text in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"] {
        assert!(text.parse::<ShortKeyId>().is_err(), "{text}");
    }
}
