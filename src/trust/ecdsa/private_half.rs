//! The private half of a key of ECDSA with P-384, and its encodings.

use p384::ecdsa::signature::Signer as _;
use p384::ecdsa::{Signature, SigningKey, VerifyingKey};
use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ContextSpecific, OctetStringRef};
use pkcs8::der::{self, Decode as _, Reader as _, SliceReader, TagNumber};
use zeroize::Zeroizing;

use super::{CURVE, NUMBER_BYTES, POINT_BYTES, PublicHalf, in_one_form};
use crate::trust::key_error::{KeyError, KeyProblem};
use crate::trust::pem::malformed;

/// The bytes of a PKCS#8 block in front of the private key, as OpenSSL writes them.
const PKCS8_HEAD: [u8; 35] = [
    0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04,
    0x30,
];

/// The bytes between the private key and the point in that block.
const PKCS8_MIDDLE: [u8; 5] = [0xa1, 0x64, 0x03, 0x62, 0x00];

/// A private key. It is wiped from memory when dropped.
pub(in crate::trust) struct PrivateHalf(SigningKey);

impl PrivateHalf {
    /// The key with this number; `None` if it is 0 or not below the group order. Of numbers drawn at random hardly any is.
    pub(in crate::trust) fn from_number(number: &[u8]) -> Option<PrivateHalf> {
        if number.len() != NUMBER_BYTES {
            return None;
        }
        SigningKey::from_slice(number).ok().map(PrivateHalf)
    }

    /// Reads an `ECPrivateKey` (RFC 5915), which stands in a PKCS#8 block or alone.
    ///
    /// # Errors
    /// [`KeyProblem::Malformed`], [`KeyProblem::Algorithm`] for another curve, [`KeyProblem::HalvesDiffer`].
    pub(in crate::trust) fn from_sec1(
        der: &[u8],
        outer: Option<AnyRef<'_>>,
    ) -> Result<PrivateHalf, KeyError> {
        let parts =
            Parts::read(der).map_err(|error| malformed(format!("it is no EC private key: {error}")))?;
        let outer = outer.map(AnyRef::decode_as::<ObjectIdentifier>).transpose().map_err(malformed)?;
        for curve in [outer, parts.curve].into_iter().flatten() {
            if curve.to_string() != CURVE {
                return Err(KeyProblem::Algorithm { found: format!("ECDSA with the curve {curve}") }.into());
            }
        }
        if outer.is_none() && parts.curve.is_none() {
            return Err(malformed("it does not name its curve"));
        }
        let key = PrivateHalf::from_number(parts.number)
            .ok_or_else(|| malformed("its number is not one of a P-384 private key"))?;
        match parts.point {
            Some(point) if !key.public().is(point) => Err(KeyProblem::HalvesDiffer.into()),
            _ => Ok(key),
        }
    }

    /// The PKCS#8 block, byte for byte as OpenSSL writes it.
    pub(in crate::trust) fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let public = self.public();
        let bytes = PKCS8_HEAD.len() + NUMBER_BYTES + PKCS8_MIDDLE.len() + POINT_BYTES;
        // Written once, so that no copy of the key is left behind by a vector that grows.
        let mut der = Zeroizing::new(Vec::with_capacity(bytes));
        der.extend_from_slice(&PKCS8_HEAD);
        let number = Zeroizing::new(<[u8; NUMBER_BYTES]>::from(self.0.to_bytes()));
        der.extend_from_slice(number.as_slice());
        der.extend_from_slice(&PKCS8_MIDDLE);
        der.extend_from_slice(public.as_bytes());
        der
    }

    /// The public half.
    pub(in crate::trust) fn public(&self) -> PublicHalf {
        let key = *self.0.verifying_key();
        let point = key.to_sec1_point(false);
        let bytes = point.as_bytes().try_into().expect("an uncompressed point");
        PublicHalf { key, bytes }
    }

    /// Signs `message`; `None` if that does not succeed, which is too unlikely to occur.
    pub(in crate::trust) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature: Signature = self.0.try_sign(message).ok()?;
        Some(in_one_form(&signature))
    }
}

impl PublicHalf {
    /// Whether this is the point in an encoding of either form.
    fn is(&self, point: &[u8]) -> bool {
        VerifyingKey::from_sec1_bytes(point).is_ok_and(|key| key == self.key)
    }
}

/// What an `ECPrivateKey` says.
struct Parts<'a> {
    number: &'a [u8],
    curve: Option<ObjectIdentifier>,
    point: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> der::Result<Parts<'a>> {
        let mut reader = SliceReader::new(der)?;
        let parts = reader.sequence(|reader| {
            if u8::decode(reader)? != 1 {
                return Err(der::Error::from(der::Tag::Integer.value_error()));
            }
            let number = <&OctetStringRef>::decode(reader)?.as_bytes();
            let curve = ContextSpecific::<ObjectIdentifier>::decode_explicit(reader, TagNumber(0))?;
            let point = ContextSpecific::<BitStringRef<'a>>::decode_explicit(reader, TagNumber(1))?;
            let point = point.map(|point| point.value.as_bytes().unwrap_or_default());
            Ok::<_, der::Error>(Parts { number, curve: curve.map(|curve| curve.value), point })
        })?;
        reader.finish()?;
        Ok(parts)
    }
}
