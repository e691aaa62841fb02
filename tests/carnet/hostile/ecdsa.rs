//! ECDSA signatures in bundles: each has one form, and is for one algorithm.

use std::ffi::OsStr;
use std::fs;

use carnet::format::signature::{Signature, SignatureAlgorithm};
use carnet::trust::{KeyFile, PublicKey, Signer as _};

use super::support::forge::{Forged, Parts, head, signature};
use super::support::run::{Expect, judge};
use super::support::{folder, named, packed};

/// The order of the group, in hexadecimal.
const ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn key() -> KeyFile {
    KeyFile::generate_ecdsa_p384().expect("a key")
}

/// The bundle with these signatures in all chunks.
fn signed(sign: &dyn Fn(&[u8]) -> Signature) -> Vec<Vec<u8>> {
    let chunk = |parts: &Parts| {
        let text = parts.fitting().render();
        [head(&text, &[sign(&text)]), parts.body()].concat()
    };
    Forged::new().chunks.iter().map(chunk).collect()
}

/// Judges chunks by a public key.
fn deliver(what: &str, chunks: &[Vec<u8>], key: &PublicKey, expect: Expect) {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in named(chunks) {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    let trust = folder();
    let file = trust.path().join("key.pem");
    fs::write(&file, key.to_pem()).expect("written");
    judge(what, station.path(), &[OsStr::new("--pub"), file.as_os_str()], expect);
}

/// The two numbers of a signature in DER.
fn numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let r_end = 4 + usize::from(der[3]);
    (der[4..r_end].to_vec(), der[r_end + 2..].to_vec())
}

/// DER of two numbers, as they are given.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let part = |number: &[u8]| [&[2, u8::try_from(number.len()).expect("short")], number].concat();
    let both = [part(r), part(s)].concat();
    [&[0x30, u8::try_from(both.len()).expect("short")][..], &both].concat()
}

/// The group order minus a number that is smaller, as an integer of DER.
fn negative(number: &[u8]) -> Vec<u8> {
    let mut out = hex::decode(ORDER).expect("hex");
    let mut borrow = 0_i16;
    let digits = number.iter().rev().copied().chain(std::iter::repeat(0));
    for (digit, minus) in out.iter_mut().rev().zip(digits) {
        let left = i16::from(*digit) - i16::from(minus) - borrow;
        borrow = i16::from(left < 0);
        *digit = u8::try_from(left.rem_euclid(256)).expect("a digit");
    }
    let zeros = usize::from(out[0] >= 0x80);
    [&[0][..zeros], &out].concat()
}

#[test]
fn a_signature_has_one_form() {
    let key = key();
    let public = key.public_key();
    let with = |change: &dyn Fn(Vec<u8>, Vec<u8>) -> Vec<u8>| {
        signed(&|text| {
            let mut signature = signature(&key, text);
            let (r, s) = numbers(&signature.bytes);
            signature.bytes = change(r, s);
            signature
        })
    };
    let padded = |number: &[u8], size: usize| [&vec![0; size - number.len()], number].concat();
    let raw = |number: &[u8]| padded(&number[number.iter().take_while(|digit| **digit == 0).count()..], 48);
    deliver("as it was signed", &with(&|r, s| der(&r, &s)), public, Expect::Complete);
    for (what, chunks) in [
        ("the negative of s, which verifies elsewhere", with(&|r, s| der(&r, &negative(&s)))),
        ("two numbers without DER", with(&|r, s| [raw(&r), raw(&s)].concat())),
        ("r and s exchanged", with(&|r, s| der(&s, &r))),
        ("r is zero", with(&|_, s| der(&[0], &s))),
        ("s is zero", with(&|r, _| der(&r, &[0]))),
        ("both are zero", with(&|_, _| der(&[0], &[0]))),
        ("s is the group order", with(&|r, _| der(&r, &negative(&[])))),
        ("s with a zero in front", with(&|r, s| der(&r, &padded(&s, s.len() + 1)))),
        ("a length in the long form", with(&|r, s| [&[0x30, 0x81][..], &der(&r, &s)[1..]].concat())),
        ("without the last byte", with(&|r, s| der(&r, &s[..s.len() - 1]))),
        ("cut", with(&|r, s| der(&r, &s)[..90].to_vec())),
        ("another byte behind", with(&|r, s| [&der(&r, &s[1..])[..], &[1]].concat())),
        ("zeros", with(&|_, _| vec![0; 103])),
        ("the smallest that there can be", with(&|_, _| der(&[1], &[1]))),
    ] {
        deliver(what, &chunks, public, Expect::Untrusted);
    }
    for size in [7, 104] {
        let chunks = with(&|_, _| vec![1; size]);
        deliver(&format!("{size} bytes"), &chunks, public, Expect::NoChunk);
    }
}

#[test]
fn a_signature_counts_for_its_key_and_its_algorithm_alone() {
    let key = key();
    let (ed25519, ecdsa) = (packed().key.public_key(), key.public_key());
    let renamed = |of: &KeyFile, named: &PublicKey, algorithm: SignatureAlgorithm| {
        signed(&|text| Signature { key: named.id().short().into(), algorithm, ..signature(of, text) })
    };
    let a_stranger = self::key();
    for (what, chunks, judge_by) in [
        ("of another key", renamed(&a_stranger, ecdsa, SignatureAlgorithm::ECDSA_P384), ecdsa),
        ("of Ed25519, as ECDSA", renamed(&packed().key, ed25519, SignatureAlgorithm::ECDSA_P384), ed25519),
        ("of Ed25519, for a key of ECDSA", renamed(&packed().key, ecdsa, SignatureAlgorithm::ED25519), ecdsa),
        ("of both wrong", renamed(&packed().key, ecdsa, SignatureAlgorithm::ECDSA_P384), ecdsa),
    ] {
        deliver(what, &chunks, judge_by, Expect::Untrusted);
    }
    // In the entry of another algorithm that allows its size, and of one that does not.
    let reserved = "ecdsap256".parse().expect("a name");
    deliver("as an unknown algorithm", &renamed(&key, ecdsa, reserved), ecdsa, Expect::Untrusted);
    let chunks = renamed(&key, ecdsa, SignatureAlgorithm::ED25519);
    deliver("in an entry of Ed25519", &chunks, ecdsa, Expect::NoChunk);
    // Over other bytes.
    let chunks = signed(&|text| signature(&key, &[text, b" "].concat()));
    deliver("over other bytes", &chunks, ecdsa, Expect::Untrusted);
}
