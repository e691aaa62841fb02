//! What stands for ECDSA in a program without the feature `ecdsa`: it refuses such keys, so that none is passed over.

use super::key_error::{KeyError, KeyProblem};

/// The algorithm in keys: id-ecPublicKey.
pub(super) const OID: &str = "1.2.840.10045.2.1";

/// The bytes of an SPKI in front of the point. DER allows no other encoding.
pub(super) const SPKI_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

/// A public key, of which this program has none.
#[derive(Clone)]
pub(super) enum PublicHalf {}

impl PublicHalf {
    /// Refuses a point.
    pub(super) fn from_bytes(_: &[u8]) -> Result<PublicHalf, KeyError> {
        Err(refused())
    }

    /// The encoded point.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match *self {}
    }

    /// Whether `signature` is a signature of this key.
    pub(super) fn verify(&self, _: &[u8], _: &[u8]) -> bool {
        match *self {}
    }
}

/// The error for an SPKI with [`OID`].
pub(super) fn other_spki(_: &[u8]) -> KeyError {
    refused()
}

fn refused() -> KeyError {
    KeyProblem::NotBuilt.into()
}
