//! ML-DSA-87 (FIPS 204): keys, their encodings (RFC 9881), and signatures with carnet's context string.
//!
//! Signing is deterministic, as with Ed25519: the same bundle has the same bytes whenever it is packed.

use std::sync::Arc;

use ml_dsa::{ExpandedSigningKey, MlDsa87, Signature, VerifyingKey};
use pkcs8::ObjectIdentifier;
use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyProblem};
use super::pem::malformed;

/// The context string of all signatures (docs/format.md, "Signatures"). A signature that is meant for anything else does not
/// verify.
const CONTEXT: &[u8] = b"carnet";

/// The algorithm in keys: id-ml-dsa-87.
pub(super) const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// Size of a public key in bytes (FIPS 204, table 2).
pub(super) const PUBLIC_BYTES: usize = 2592;

/// Size of a seed in bytes.
const SEED_BYTES: usize = 32;

/// Size of an expanded private key in bytes (FIPS 204, table 2).
const EXPANDED_BYTES: usize = 4896;

/// The bytes of an SPKI in front of the key. DER allows no other encoding.
pub(super) const SPKI_HEAD: [u8; 22] = [
    0x30, 0x82, 0x0a, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13,
    0x03, 0x82, 0x0a, 0x21, 0x00,
];

/// The bytes of a PKCS#8 block in front of the seed, in the form that has nothing else.
const SEED_HEAD: [u8; 22] = [
    0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
    0x13, 0x04, 0x22, 0x80, 0x20,
];

/// In a key that somebody drew at random, nearly all of the 2048 numbers of `t1` are in this range.
const ORDINARY: std::ops::RangeInclusive<u16> = 8..=1015;

/// How many numbers of `t1` must be in that range.
const ORDINARY_MIN: usize = 1024;

/// A public key for which nobody can make signatures without the private key. Each has one encoding.
#[derive(Clone)]
pub(super) struct PublicHalf {
    key: Arc<VerifyingKey<MlDsa87>>,
    bytes: Arc<[u8]>,
}

impl PublicHalf {
    /// Decodes a key.
    ///
    /// # Errors
    /// [`KeyProblem::Malformed`] for other sizes; [`KeyProblem::Weak`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<PublicHalf, KeyError> {
        let encoded = bytes.try_into().map_err(|_| {
            malformed(format!("an ML-DSA-87 public key has {PUBLIC_BYTES} bytes, found {}", bytes.len()))
        })?;
        if is_weak(bytes) {
            return Err(KeyProblem::Weak.into());
        }
        Ok(PublicHalf { key: Arc::new(VerifyingKey::decode(encoded)), bytes: bytes.into() })
    }

    /// The encoded key.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` is a signature of this key over `message` with the context of carnet.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verify_with(message, CONTEXT, signature)
    }

    fn verify_with(&self, message: &[u8], context: &[u8], signature: &[u8]) -> bool {
        Signature::<MlDsa87>::try_from(signature)
            .is_ok_and(|signature| self.key.verify_with_context(message, context, &signature))
    }
}

/// Whether `t1` has so many small numbers that what verifying computes with it can be guessed: with all of them 0, anybody can
/// make a signature. 1023 stands for -1.
fn is_weak(key: &[u8]) -> bool {
    // Four numbers of ten bits in five bytes, the lowest bits first (FIPS 204, algorithm 16).
    let numbers = key[SEED_BYTES..].chunks_exact(5).flat_map(|five| {
        let bits = five.iter().rev().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        (0..4).map(move |at| u16::try_from(bits >> (10 * at) & 0x3ff).expect("ten bits"))
    });
    numbers.filter(|number| ORDINARY.contains(number)).count() < ORDINARY_MIN
}

/// A private key. It is wiped from memory when dropped.
pub(super) struct PrivateHalf {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    key: Box<ExpandedSigningKey<MlDsa87>>,
}

impl PrivateHalf {
    /// The key that FIPS 204 makes of a seed.
    pub(super) fn from_seed(seed: &[u8; SEED_BYTES]) -> PrivateHalf {
        let key = Box::new(ExpandedSigningKey::from_seed(&(*seed).into()));
        PrivateHalf { seed: Zeroizing::new(*seed), key }
    }

    /// Reads what a PKCS#8 block has for a private key: the seed, or, as OpenSSL writes it, the seed and the key that is made
    /// of it (RFC 9881, section 6).
    ///
    /// # Errors
    /// [`KeyProblem::Malformed`] for anything else; [`KeyProblem::HalvesDiffer`].
    pub(super) fn from_pkcs8(octets: &[u8]) -> Result<PrivateHalf, KeyError> {
        match octets {
            [0x80, 0x20, seed @ ..] if seed.len() == SEED_BYTES => Ok(PrivateHalf::of(seed)),
            [0x30, 0x82, 0x13, 0x46, 0x04, 0x20, both @ ..]
                if both.len() == SEED_BYTES + 4 + EXPANDED_BYTES =>
            {
                let (seed, expanded) = both.split_at(SEED_BYTES);
                let key = PrivateHalf::of(seed);
                if expanded[..4] != [0x04, 0x82, 0x13, 0x20] {
                    return Err(malformed("the seed is not followed by an ML-DSA-87 private key"));
                }
                #[expect(
                    deprecated,
                    reason = "the only way to compare with what OpenSSL writes beside the seed"
                )]
                let made = Zeroizing::new(key.key.to_expanded().to_vec());
                if made.as_slice() == &expanded[4..] { Ok(key) } else { Err(KeyProblem::HalvesDiffer.into()) }
            }
            [0x04, ..] => Err(malformed(
                "it has the expanded ML-DSA-87 key without its seed; write it as \
                 `openssl pkey -provparam ml-dsa.output_formats=seed-only` does",
            )),
            _ => Err(malformed("it has no seed of an ML-DSA-87 key")),
        }
    }

    fn of(seed: &[u8]) -> PrivateHalf {
        let mut bytes = Zeroizing::new([0; SEED_BYTES]);
        bytes.copy_from_slice(seed);
        PrivateHalf::from_seed(&bytes)
    }

    /// The PKCS#8 block with the seed.
    pub(super) fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // Written once, so that no copy of the seed is left behind by a vector that grows.
        let mut der = Zeroizing::new(Vec::with_capacity(SEED_HEAD.len() + SEED_BYTES));
        der.extend_from_slice(&SEED_HEAD);
        der.extend_from_slice(self.seed.as_slice());
        der
    }

    /// The public half.
    pub(super) fn public(&self) -> PublicHalf {
        let key = self.key.verifying_key();
        let bytes: Arc<[u8]> = key.encode().as_slice().into();
        PublicHalf { key: Arc::new(key), bytes }
    }

    /// Signs `message`. The algorithm tries until it succeeds; `None` if it gives up, which is too unlikely to occur.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.key.sign_deterministic(message, CONTEXT).ok()?;
        Some(signature.encode().to_vec())
    }
}

#[cfg(test)]
mod tests;
