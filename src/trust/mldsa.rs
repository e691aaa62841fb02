//! ML-DSA-87 (FIPS 204): keys, their encodings (RFC 9881), and signatures with carnet's context string.
//!
//! Signing is deterministic, as with Ed25519: the same bundle has the same bytes whenever it is packed.

#[cfg(feature = "full")]
mod private_half;

use std::sync::Arc;

use ml_dsa::{MlDsa87, Signature, VerifyingKey};

use super::key_error::{KeyError, KeyProblem};
use super::pem::malformed;
#[cfg(feature = "full")]
pub(super) use private_half::PrivateHalf;

/// The context string of all signatures (docs/format.md, "Signatures"). A signature that is meant for anything else does not
/// verify.
const CONTEXT: &[u8] = b"carnet";

/// The algorithm in keys: id-ml-dsa-87.
pub(super) const OID: &str = "2.16.840.1.101.3.4.3.19";

/// Size of a public key in bytes (FIPS 204, table 2).
pub(super) const PUBLIC_BYTES: usize = 2592;

/// Size of a seed in bytes.
const SEED_BYTES: usize = 32;

/// The bytes of an SPKI in front of the key. DER allows no other encoding.
pub(super) const SPKI_HEAD: [u8; 22] = [
    0x30, 0x82, 0x0a, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13,
    0x03, 0x82, 0x0a, 0x21, 0x00,
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

#[cfg(test)]
mod tests;
