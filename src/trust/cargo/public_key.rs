//! Public keys of the kinds that sign artifacts.

use pkcs8::SubjectPublicKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use pkcs8::der::{Decode as _, Reader as _, SliceReader};
use webpki::ring;

use super::algorithm::{Algorithm, EnvelopeAlgorithm};
use crate::format::Sum;
use crate::http::{P521_SHA256, P521_SHA512};
use crate::trust::key::PublicKey;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The sizes of RSA keys that are used, in bits. Smaller ones can be broken, larger ones waste time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key of a signer of artifacts.
#[derive(Debug, Clone)]
pub(super) struct SignerKey {
    kind: Kind,
    /// The bytes in the bit string of the SubjectPublicKeyInfo.
    bytes: Vec<u8>,
    id: Sum,
}

#[derive(Debug, Clone)]
enum Kind {
    P256,
    P384,
    P521,
    /// Checked as keys of packers are: weak ones are refused, and signatures are verified strictly.
    Ed25519(PublicKey),
    Rsa {
        bits: usize,
    },
}

impl SignerKey {
    /// Reads a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1.2.7).
    ///
    /// # Errors
    /// Why the key cannot be used, as a predicate.
    pub(super) fn from_der(der: &[u8]) -> Result<SignerKey, String> {
        let info = SubjectPublicKeyInfoRef::from_der(der)
            .map_err(|error| format!("is not a public key: {error}"))?;
        let bytes = info.subject_public_key.as_bytes().ok_or("is not a public key: it ends inside a byte")?;
        let kind = match info.algorithm.oid {
            EC => point(info.algorithm.parameters, bytes)?,
            RSA => Kind::Rsa { bits: rsa_bits(bytes)? },
            ED25519 => Kind::Ed25519(PublicKey::from_der(der).map_err(|error| error.problem().to_string())?),
            other => {
                return Err(format!("has the unsupported algorithm {other}; expected ECDSA, Ed25519 or RSA"));
            }
        };
        Ok(SignerKey { kind, bytes: bytes.to_vec(), id: Sum::of(der) })
    }

    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub(super) fn id(&self) -> Sum {
        self.id
    }

    /// Whether this key signed `message`, by one of the algorithms that cosign uses with it.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithms: &[Algorithm] = match &self.kind {
            Kind::Ed25519(key) => {
                return key.verify(message, signature);
            }
            Kind::P256 => &[ring::ECDSA_P256_SHA256],
            // Older releases hash with SHA-256, whatever the key is.
            Kind::P384 => &[ring::ECDSA_P384_SHA384, ring::ECDSA_P384_SHA256],
            Kind::P521 => &[P521_SHA512, P521_SHA256],
            Kind::Rsa { .. } => {
                &[ring::RSA_PKCS1_2048_8192_SHA256, ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]
            }
        };
        algorithms.iter().any(|algorithm| self.verifies(*algorithm, message, signature))
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.verify_signature(&self.bytes, message, signature).is_ok()
    }

    /// The algorithm that this key must use in an envelope of the Notary Project; `None` if it may not sign one.
    pub(super) fn envelope_algorithm(&self) -> Option<EnvelopeAlgorithm> {
        match self.kind {
            Kind::P256 => Some(EnvelopeAlgorithm::Es256),
            Kind::P384 => Some(EnvelopeAlgorithm::Es384),
            Kind::P521 => Some(EnvelopeAlgorithm::Es512),
            Kind::Rsa { bits: 2048 } => Some(EnvelopeAlgorithm::Ps256),
            Kind::Rsa { bits: 3072 } => Some(EnvelopeAlgorithm::Ps384),
            Kind::Rsa { bits: 4096 } => Some(EnvelopeAlgorithm::Ps512),
            Kind::Rsa { .. } | Kind::Ed25519(_) => None,
        }
    }

    /// Whether this key signed `message`, with the signature in the form of JWS and COSE: for ECDSA the two numbers one
    /// after the other (RFC 7518, section 3.4; RFC 9053, section 2.1).
    pub(super) fn signed_envelope(
        &self,
        algorithm: EnvelopeAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some(bytes) = algorithm.number_bytes() else {
            return self.verifies(algorithm.algorithm(), message, signature);
        };
        match signature.split_at_checked(bytes) {
            Some((r, s)) if s.len() == bytes => {
                self.verifies(algorithm.algorithm(), message, &ecdsa_der(r, s))
            }
            _ => false,
        }
    }
}

/// Reads a point of an elliptic curve. Only uncompressed points are used by signers.
fn point(parameters: Option<AnyRef<'_>>, bytes: &[u8]) -> Result<Kind, String> {
    let curve = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let (kind, expected) = match curve {
        Some(P256) => (Kind::P256, 65),
        Some(P384) => (Kind::P384, 97),
        Some(P521) => (Kind::P521, 133),
        Some(other) => {
            return Err(format!("is on the unsupported curve {other}; expected P-256, P-384 or P-521"));
        }
        None => return Err("does not name its curve".to_owned()),
    };
    if bytes.first() != Some(&4) || bytes.len() != expected {
        return Err(format!("is not an uncompressed point of {expected} bytes"));
    }
    Ok(kind)
}

/// The size of an RSA key in bits (RFC 8017, section A.1.1).
fn rsa_bits(bytes: &[u8]) -> Result<usize, String> {
    let malformed = |error: pkcs8::der::Error| format!("is not an RSA key: {error}");
    let mut reader = SliceReader::new(bytes).map_err(malformed)?;
    let modulus = reader
        .sequence(|reader| {
            let modulus = reader.decode::<UintRef<'_>>()?;
            reader.decode::<UintRef<'_>>()?;
            Ok::<_, pkcs8::der::Error>(modulus)
        })
        .map_err(malformed)?;
    reader.finish().map_err(malformed)?;
    let modulus = modulus.as_bytes();
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len().saturating_mul(8).saturating_sub(leading);
    if RSA_BITS.contains(&bits) {
        Ok(bits)
    } else {
        Err(format!("is an RSA key of {bits} bits; {} to {} are used", RSA_BITS.start(), RSA_BITS.end()))
    }
}

/// Writes the two numbers of an ECDSA signature as DER (RFC 3279, section 2.2.3).
fn ecdsa_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(r.len() + s.len() + 6);
    for number in [r, s] {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let digits = number.get(start..).unwrap_or_default();
        // A number whose first bit is set would be negative, and zero has one byte.
        let pads = digits.first().is_none_or(|byte| *byte >= 0x80);
        content.push(0x02);
        content.extend(u8::try_from(digits.len() + usize::from(pads)));
        content.extend(pads.then_some(0));
        content.extend_from_slice(digits);
    }
    let mut der = vec![0x30];
    // Both numbers of P-521 together have more than 127 bytes.
    if content.len() > 0x7f {
        der.push(0x81);
    }
    der.extend(u8::try_from(content.len()));
    der.extend(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As OpenSSL writes them: without leading zeros, but never negative.
    #[test]
    fn numbers_of_a_signature_become_der() {
        assert_eq!(ecdsa_der(&[0, 0, 1], &[0x80, 0, 0]), [0x30, 9, 2, 1, 1, 2, 4, 0, 0x80, 0, 0]);
        assert_eq!(ecdsa_der(&[0; 2], &[0x7f; 2]), [0x30, 7, 2, 1, 0, 2, 2, 0x7f, 0x7f]);
        let largest = ecdsa_der(&[0xff; 66], &[0xff; 66]);
        assert_eq!((largest.len(), &largest[..5]), (141, &[0x30, 0x81, 138, 2, 67][..]));
    }
}
