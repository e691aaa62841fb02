//! Public keys and their ids.

use std::{fmt, hash, path::Path, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{
    ecdsa,
    key_error::{KeyError, KeyProblem},
    mldsa,
    pem::{decode_pem, malformed, pem_label, read_key_file, single_pem, wrong_kind},
    spki::algorithm_of,
    ssh::{TokenKey, ed25519_of_blob, is_line, key_of_line, shows_verification},
};
use crate::format::signature::{
    ECDSA_P384_BYTES_MAX, ED25519_BYTES, ML_DSA_87_BYTES, SK_ED25519_BYTES_MAX, Signature as HeadSignature,
    SignatureAlgorithm,
};
use crate::oci::digest::decode_hex;

/// The bytes of an Ed25519 SPKI in front of the 32 bytes of the key (RFC 8410, section 4). DER allows no other
/// encoding, so comparing these bytes is a complete parser.
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The algorithm in Ed25519 keys: id-Ed25519.
const ED25519_OID: &str = "1.3.101.112";

/// Size of an Ed25519 SPKI in bytes.
const SPKI_LEN: usize = SPKI_HEAD.len() + 32;

pub(super) const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// The id of a public key: the SHA-256 of its SPKI DER, as `openssl pkey -pubin -outform DER | sha256sum` computes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The 32 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes of the id: enough to find a key, but not to trust it.
    pub fn short(&self) -> ShortKeyId {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        ShortKeyId(first)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for KeyId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// The first eight bytes of a [`KeyId`], written as 16 lower-case hex digits. Signatures name their key by it.
///
/// Two keys can have the same short id, by chance or on purpose, so it only selects the keys to try.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortKeyId([u8; 8]);

impl From<[u8; 8]> for ShortKeyId {
    fn from(bytes: [u8; 8]) -> Self {
        ShortKeyId(bytes)
    }
}

impl From<ShortKeyId> for [u8; 8] {
    fn from(short: ShortKeyId) -> Self {
        short.0
    }
}

/// The text is not a short key id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key id {text:?} is not valid: it must have exactly 16 lower-case hex digits")]
pub struct ShortKeyIdError {
    /// The text that was found, truncated.
    text: String,
}

impl FromStr for ShortKeyId {
    type Err = ShortKeyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode_hex(text)
            .map(ShortKeyId)
            .ok_or_else(|| ShortKeyIdError { text: text.chars().take(32).collect() })
    }
}

impl fmt::Display for ShortKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ShortKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ShortKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for ShortKeyId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ShortKeyId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{16}$" })
    }
}

/// A public key, of Ed25519, also in a FIDO token, of ML-DSA-87 or of ECDSA with P-384, for which nobody can make signatures without the private key.
///
/// Each key has exactly one accepted encoding, so equal keys have equal ids, and no key has two ids.
#[derive(Clone)]
pub struct PublicKey {
    key: Verifying,
    id: KeyId,
}

#[derive(Clone)]
enum Verifying {
    Ed25519(VerifyingKey),
    MlDsa87(mldsa::PublicHalf),
    EcdsaP384(ecdsa::PublicHalf),
    SkEd25519(TokenKey),
}

impl PublicKey {
    /// Parses a key file: a PEM block for [`PublicKey::from_pem`], or a line of `ssh-keygen` such as
    /// `ssh-ed25519 AAAA… alice`.
    ///
    /// # Errors
    /// A [`KeyError`] without a path.
    pub fn from_text(text: &str) -> Result<PublicKey, KeyError> {
        let text = text.trim_ascii();
        if is_line(text) {
            let (blob, is_in_token) = key_of_line(text)?;
            return if is_in_token {
                TokenKey::from_blob(&blob, good_point).map(|key| PublicKey::with(Verifying::SkEd25519(key)))
            } else {
                PublicKey::from_ssh_blob(&blob)
            };
        }
        PublicKey::from_pem(text)
    }

    /// Parses a key as SSH agents name it.
    pub(super) fn from_ssh_blob(blob: &[u8]) -> Result<PublicKey, KeyError> {
        PublicKey::from_ed25519(&ed25519_of_blob(blob)?)
    }

    /// Parses one `PUBLIC KEY` block, as `openssl pkey -pubout` writes it. Only white space may surround it.
    ///
    /// # Errors
    /// A [`KeyError`] without a path.
    pub fn from_pem(pem: &str) -> Result<PublicKey, KeyError> {
        let pem = single_pem(pem)?;
        let label = pem_label(pem);
        if label != PUBLIC_LABEL {
            return Err(if label.ends_with("PRIVATE KEY") {
                KeyProblem::PrivateGiven.into()
            } else {
                wrong_kind(PUBLIC_LABEL, label)
            });
        }
        PublicKey::from_der(&decode_pem(pem)?)
    }

    /// Parses the base64 line inside a PEM block, as trust files contain it.
    ///
    /// # Errors
    /// A [`KeyError`] without a path.
    pub fn from_base64_der(text: &str) -> Result<PublicKey, KeyError> {
        let der = STANDARD.decode(text).map_err(malformed)?;
        PublicKey::from_der(&der)
    }

    /// Reads a file for [`PublicKey::from_text`].
    ///
    /// # Errors
    /// A [`KeyError`] that names the file.
    pub fn load(path: &Path) -> Result<PublicKey, KeyError> {
        let file = read_key_file(path)?;
        let text = file.text().map_err(|e| KeyError::at(path, e))?;
        PublicKey::from_text(text).map_err(|e| KeyError::at(path, e))
    }

    pub(super) fn from_der(der: &[u8]) -> Result<PublicKey, KeyError> {
        if let Some(bytes) = der.strip_prefix(&mldsa::SPKI_HEAD) {
            return mldsa::PublicHalf::from_bytes(bytes).map(PublicKey::of_mldsa);
        }
        if let Some(bytes) = der.strip_prefix(&ecdsa::SPKI_HEAD) {
            return ecdsa::PublicHalf::from_bytes(bytes).map(PublicKey::of_ecdsa);
        }
        let rest = der.strip_prefix(&SPKI_HEAD).ok_or_else(|| other_algorithm(der))?;
        let bytes = <&[u8; 32]>::try_from(rest).map_err(|_| KeyProblem::Malformed {
            detail: format!("an Ed25519 public key has {SPKI_LEN} bytes, found {}", der.len()),
        })?;
        PublicKey::from_ed25519(bytes)
    }

    pub(super) fn from_ed25519(bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        good_point(bytes).map(PublicKey::derived)
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.key {
            Verifying::Ed25519(_) => SignatureAlgorithm::ED25519,
            Verifying::MlDsa87(_) => SignatureAlgorithm::ML_DSA_87,
            Verifying::EcdsaP384(_) => SignatureAlgorithm::ECDSA_P384,
            Verifying::SkEd25519(_) => SignatureAlgorithm::SK_ED25519,
        }
    }

    /// The size of its signatures in bytes, at most. In the head of a chunk, shorter ones take as much room.
    pub fn signature_bytes(&self) -> u64 {
        match self.key {
            Verifying::Ed25519(_) => ED25519_BYTES as u64,
            Verifying::MlDsa87(_) => ML_DSA_87_BYTES as u64,
            Verifying::EcdsaP384(_) => ECDSA_P384_BYTES_MAX as u64,
            Verifying::SkEd25519(_) => SK_ED25519_BYTES_MAX as u64,
        }
    }

    /// The public key of an Ed25519 private key. It is always canonical and never weak.
    pub(super) fn derived(key: VerifyingKey) -> PublicKey {
        PublicKey::with(Verifying::Ed25519(key))
    }

    /// The public key with this ML-DSA-87 key.
    pub(super) fn of_mldsa(key: mldsa::PublicHalf) -> PublicKey {
        PublicKey::with(Verifying::MlDsa87(key))
    }

    /// The public key with this key of ECDSA.
    pub(super) fn of_ecdsa(key: ecdsa::PublicHalf) -> PublicKey {
        PublicKey::with(Verifying::EcdsaP384(key))
    }

    fn with(key: Verifying) -> PublicKey {
        let id = KeyId(Sha256::digest(encoded(&key)).into());
        PublicKey { key, id }
    }

    /// Returns this key with the id of another key, to simulate a collision of short ids.
    #[cfg(test)]
    pub(super) fn with_id_of(self, other: &PublicKey) -> PublicKey {
        PublicKey { id: other.id, ..self }
    }

    /// Whether `signature` is a signature of this key over `message`. The check is strict. For Ed25519, S is below the group
    /// order, and R is canonical and not of small order (RFC 8032, section 5.1.7, without the cofactor). ML-DSA-87 has
    /// carnet's context string. ECDSA has one form of each signature. A FIDO token was touched.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Verifying::Ed25519(key) => <&[u8; ED25519_BYTES]>::try_from(signature)
                .is_ok_and(|bytes| key.verify_strict(message, &Signature::from_bytes(bytes)).is_ok()),
            Verifying::MlDsa87(key) => key.verify(message, signature),
            Verifying::EcdsaP384(key) => key.verify(message, signature),
            Verifying::SkEd25519(key) => key.verify(message, signature),
        }
    }

    /// Whether a signature that this key made shows that its holder was verified, by a PIN or a fingerprint. Only that of a FIDO
    /// token can.
    pub(super) fn shows_verification(&self, signature: &[u8]) -> bool {
        self.is_in_fido_token() && shows_verification(signature)
    }

    /// Whether the private half is in a FIDO token, as the kind of the key says.
    pub(super) fn is_in_fido_token(&self) -> bool {
        matches!(self.key, Verifying::SkEd25519(_))
    }

    /// Whether an entry of a head is a signature of this key over `message`; see [`PublicKey::verify`].
    #[must_use]
    #[doc(hidden)]
    pub fn has_signed(&self, message: &[u8], signature: &HeadSignature) -> bool {
        signature.algorithm == self.algorithm()
            && self.id.short() == ShortKeyId::from(signature.key)
            && self.verify(message, &signature.bytes)
    }

    /// The id of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The bytes of the key, as its algorithm defines them: 32, 2592, 97, or as many as OpenSSH writes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.key {
            Verifying::Ed25519(key) => key.as_bytes(),
            Verifying::MlDsa87(key) => key.as_bytes(),
            Verifying::EcdsaP384(key) => key.as_bytes(),
            Verifying::SkEd25519(key) => key.as_bytes(),
        }
    }

    /// The key as a file for [`PublicKey::from_text`]: a PEM block for OpenSSL, or the line of a key in a FIDO token.
    pub fn to_pem(&self) -> String {
        let der = self.to_word();
        if self.is_in_fido_token() {
            return der + "\n";
        }
        let mut pem = format!("-----BEGIN {PUBLIC_LABEL}-----\n");
        for line in der.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|&digit| char::from(digit)));
            pem.push('\n');
        }
        pem + "-----END " + PUBLIC_LABEL + "-----\n"
    }

    /// The key in one line, as trust files have it: base64 for [`PublicKey::from_base64_der`], or the line of a key in a FIDO token.
    pub fn to_word(&self) -> String {
        match &self.key {
            Verifying::SkEd25519(key) => key.to_line(),
            other => STANDARD.encode(encoded(other)),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.algorithm() == other.algorithm() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for PublicKey {}

impl hash::Hash for PublicKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// The 32 bytes of a key, as a point for which nobody can make signatures without the private key.
fn good_point(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes)
        .map_err(|_| KeyProblem::Malformed { detail: "it is not a point of the curve".to_owned() })?;
    // Non-canonical encodings: y + p instead of y if it fits, and x = 0 with the sign bit set.
    if key.to_edwards().compress().as_bytes() != bytes {
        return Err(KeyProblem::NotCanonical.into());
    }
    // For the identity, OpenSSL accepts the signature (R = A, S = 0) for every message.
    if key.is_weak() {
        return Err(KeyProblem::Weak.into());
    }
    Ok(key)
}

/// The one encoding of a key, of which its id is the sum: DER, or the blob of OpenSSH.
fn encoded(key: &Verifying) -> Vec<u8> {
    match key {
        Verifying::Ed25519(key) => [SPKI_HEAD.as_slice(), key.as_bytes()].concat(),
        Verifying::MlDsa87(key) => [mldsa::SPKI_HEAD.as_slice(), key.as_bytes()].concat(),
        Verifying::EcdsaP384(key) => [ecdsa::SPKI_HEAD.as_slice(), key.as_bytes()].concat(),
        Verifying::SkEd25519(key) => key.as_bytes().to_vec(),
    }
}

/// The error for a public key that begins as none that carnet knows. It names the algorithm.
fn other_algorithm(der: &[u8]) -> KeyError {
    match algorithm_of(der).as_deref() {
        Some(ED25519_OID) => malformed("an Ed25519 key has no algorithm parameters and 32 bytes"),
        Some(mldsa::OID) => malformed(format!(
            "an ML-DSA-87 key has no algorithm parameters and {} bytes",
            mldsa::PUBLIC_BYTES
        )),
        Some(ecdsa::OID) => ecdsa::other_spki(der),
        Some(found) => KeyProblem::Algorithm { found: found.to_owned() }.into(),
        None => malformed("it is not in the encoding of public keys (RFC 5280, section 4.1)"),
    }
}

#[cfg(test)]
mod tests;
