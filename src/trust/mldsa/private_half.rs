//! Private keys: their encodings in files (RFC 9881, section 6), and signing.

use std::sync::Arc;

use ml_dsa::{ExpandedSigningKey, MlDsa87};
use zeroize::Zeroizing;

use super::{CONTEXT, PublicHalf, SEED_BYTES};
use crate::trust::key_error::{KeyError, KeyProblem};
use crate::trust::pem::malformed;

/// Size of an expanded private key in bytes (FIPS 204, table 2).
const EXPANDED_BYTES: usize = 4896;

/// The bytes of a PKCS#8 block in front of the seed, in the form that has nothing else.
const SEED_HEAD: [u8; 22] = [
    0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
    0x13, 0x04, 0x22, 0x80, 0x20,
];

/// A private key. It is wiped from memory when dropped.
pub(in crate::trust) struct PrivateHalf {
    pub(super) seed: Zeroizing<[u8; SEED_BYTES]>,
    pub(super) key: Box<ExpandedSigningKey<MlDsa87>>,
}

impl PrivateHalf {
    /// The key that FIPS 204 makes of a seed.
    pub(in crate::trust) fn from_seed(seed: &[u8; SEED_BYTES]) -> PrivateHalf {
        let key = Box::new(ExpandedSigningKey::from_seed(&(*seed).into()));
        PrivateHalf { seed: Zeroizing::new(*seed), key }
    }

    /// Reads what a PKCS#8 block has for a private key: the seed, or, as OpenSSL writes it, the seed and the key that is made
    /// of it (RFC 9881, section 6).
    ///
    /// # Errors
    /// [`KeyProblem::Malformed`] for anything else; [`KeyProblem::HalvesDiffer`].
    pub(in crate::trust) fn from_pkcs8(octets: &[u8]) -> Result<PrivateHalf, KeyError> {
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
    pub(in crate::trust) fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // Written once, so that no copy of the seed is left behind by a vector that grows.
        let mut der = Zeroizing::new(Vec::with_capacity(SEED_HEAD.len() + SEED_BYTES));
        der.extend_from_slice(&SEED_HEAD);
        der.extend_from_slice(self.seed.as_slice());
        der
    }

    /// The public half.
    pub(in crate::trust) fn public(&self) -> PublicHalf {
        let key = self.key.verifying_key();
        let bytes: Arc<[u8]> = key.encode().as_slice().into();
        PublicHalf { key: Arc::new(key), bytes }
    }

    /// Signs `message`. The algorithm tries until it succeeds; `None` if it gives up, which is too unlikely to occur.
    pub(in crate::trust) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.key.sign_deterministic(message, CONTEXT).ok()?;
        Some(signature.encode().to_vec())
    }
}
