//! Signed envelopes (DSSE 1.0), alone or inside a Sigstore bundle (v0.1 to v0.3).

use crate::oci::Digest;

/// Largest envelope in bytes. Its payload may be an SBOM. The envelope, its text without escapes and the payload are in memory at the
/// same time.
pub const ENVELOPE_BYTES_MAX: usize = 24 << 20;

/// Most signatures of an envelope.
pub const SIGNATURES_MAX: usize = 64;

/// A signed envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The type of the payload, e.g. `application/vnd.in-toto+json`.
    pub payload_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// A hint at the key. It is not signed.
    pub key_id: Option<String>,
    /// The bytes of the signature.
    pub bytes: Vec<u8>,
}

impl Envelope {
    /// Returns what is signed: the pre-authentication encoding of type and payload (DSSE, "Signature Definition").
    pub fn signed_bytes(&self) -> Vec<u8> {
        let (kind, payload) = (self.payload_type.as_bytes(), &self.payload);
        let head = format!("DSSEv1 {} {} {} ", kind.len(), self.payload_type, payload.len());
        [head.as_bytes(), payload].concat()
    }
}

/// A Sigstore bundle: a signature with what is needed to verify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreBundle {
    /// Its media type, with its version.
    pub media_type: String,
    /// Who signed.
    pub signer: BundleSigner,
    /// What is signed.
    pub content: BundleContent,
}

/// Who signed a Sigstore bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleSigner {
    /// A key, with a hint at which.
    Key(Option<String>),
    /// A certificate that was issued for one signature (keyless).
    Certificate,
    /// It does not say.
    Unknown,
}

/// What is signed in a Sigstore bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleContent {
    /// An envelope.
    Envelope(Envelope),
    /// Bytes that lie elsewhere.
    Message {
        /// Their digest, as the bundle says; it is not signed by itself.
        digest: Option<Digest>,
        /// The signature.
        signature: Vec<u8>,
    },
}

/// Either of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// An envelope.
    Envelope(Envelope),
    /// A bundle.
    Bundle(SigstoreBundle),
}

impl Signed {
    /// Returns the envelope, if there is one.
    pub fn envelope(&self) -> Option<&Envelope> {
        match self {
            Signed::Envelope(envelope) => Some(envelope),
            Signed::Bundle(bundle) => match &bundle.content {
                BundleContent::Envelope(envelope) => Some(envelope),
                BundleContent::Message { .. } => None,
            },
        }
    }
}
