//! ECDSA with P-384 and SHA-384 (FIPS 186-5): keys, their encodings (RFC 5480, RFC 5915), and signatures in their one form.
//!
//! Signing is deterministic (RFC 6979), as with Ed25519: the same bundle has the same bytes whenever it is packed.

#[cfg(feature = "full")]
mod private_half;

use p384::ecdsa::signature::Verifier as _;
use p384::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha384};

use super::key_error::{KeyError, KeyProblem};
use super::pem::malformed;
use super::spki::curve_of;
#[cfg(feature = "full")]
pub(super) use private_half::PrivateHalf;

/// The algorithm in keys: id-ecPublicKey. The curve is its parameter.
pub(super) const OID: &str = "1.2.840.10045.2.1";

/// The curve: secp384r1.
const CURVE: &str = "1.3.132.0.34";

/// Size of a private key, and of each of the two numbers of a signature, in bytes.
const NUMBER_BYTES: usize = 48;

/// Size of a public key in bytes: 4, and the two coordinates of the point (SEC 1, section 2.3.3).
const POINT_BYTES: usize = 1 + 2 * NUMBER_BYTES;

/// The bytes of an SPKI in front of the point. DER allows no other encoding.
pub(super) const SPKI_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

/// A public key: a point of the curve. All but one of them have the same order, and that one has no encoding here.
#[derive(Clone)]
pub(super) struct PublicHalf {
    key: VerifyingKey,
    bytes: [u8; POINT_BYTES],
}

impl PublicHalf {
    /// Decodes a point.
    ///
    /// # Errors
    /// [`KeyProblem::NotCanonical`] for the compressed form of a point; [`KeyProblem::Malformed`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<PublicHalf, KeyError> {
        let is_compressed = matches!(bytes.first(), Some(2 | 3)) && bytes.len() == 1 + NUMBER_BYTES;
        let key = VerifyingKey::from_sec1_bytes(bytes).ok();
        match (<[u8; POINT_BYTES]>::try_from(bytes), key) {
            (Ok(bytes), Some(key)) if bytes[0] == 4 => Ok(PublicHalf { key, bytes }),
            (_, Some(_)) if is_compressed => Err(KeyProblem::NotCanonical.into()),
            (Ok(bytes), _) if bytes[0] == 4 => Err(malformed("it is not a point of the curve")),
            _ => Err(malformed(format!(
                "a P-384 key is an uncompressed point of {POINT_BYTES} bytes, found {}",
                bytes.len()
            ))),
        }
    }

    /// The encoded point.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` is, in its one form, a signature of this key over `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(parsed) = Signature::from_der(signature) else { return false };
        in_one_form(&parsed) == signature && self.key.verify(message, &parsed).is_ok()
    }
}

/// Reads a signature as DER or as its two numbers one after the other (96 bytes), which tokens and some key services give, and
/// returns it in the one form of the format: DER, with s not above half of the group order. Both s and its negative verify, so
/// who has no key could otherwise change a signature.
pub(super) fn canonical(signature: &[u8]) -> Option<Vec<u8>> {
    let parsed = Signature::from_der(signature).or_else(|_| Signature::from_slice(signature));
    parsed.ok().map(|parsed| in_one_form(&parsed))
}

fn in_one_form(signature: &Signature) -> Vec<u8> {
    signature.normalize_s().to_der().as_bytes().to_vec()
}

/// The hash of a message that is signed. Tokens sign this.
#[cfg_attr(not(all(feature = "pkcs11", not(target_feature = "crt-static"))), allow(dead_code))]
pub(super) fn hash(message: &[u8]) -> [u8; NUMBER_BYTES] {
    Sha384::digest(message).into()
}

/// The error for an SPKI with [`OID`] that does not begin as those of P-384 do. It names the curve.
pub(super) fn other_spki(der: &[u8]) -> KeyError {
    match curve_of(der) {
        Some((curve, point)) if curve == CURVE => {
            let other = || malformed("its encoding is not the one of a P-384 key");
            PublicHalf::from_bytes(point).err().unwrap_or_else(other)
        }
        Some((other, _)) => KeyProblem::Algorithm { found: format!("ECDSA with the curve {other}") }.into(),
        None => malformed("it does not name its curve"),
    }
}

#[cfg(test)]
mod tests;
