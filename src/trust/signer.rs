//! The interface for signing keys.

use super::PublicKey;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::signature::{Signature, SignatureAlgorithm};

/// A key that can sign statements: in a file, in a hardware token or behind a service.
///
/// Signing can fail, and two signatures over the same bytes can differ.
pub trait Signer: Send + Sync {
    /// The public key that verifies the signatures.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm of the signatures.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The size of each signature in bytes. The size of a chunk's head must be known before it is signed.
    fn signature_bytes(&self) -> u64;

    /// Signs `message` itself, not a hash of it. Several threads may call this at the same time.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

impl dyn Signer + '_ {
    /// Signs `message` and returns the signature as an entry of a head.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used, or if its signature has the wrong size or does not verify.
    pub fn signature(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let bytes = self.sign(message)?;
        let signature =
            Signature { key: self.public_key().id().short().into(), algorithm: self.algorithm(), bytes };
        // A signature that does not verify must not be written.
        if signature.bytes.len() as u64 != self.signature_bytes()
            || !self.public_key().has_signed(message, &signature)
        {
            return Err(SignerError { problem: "it returned a signature that does not verify".to_owned() });
        }
        Ok(signature)
    }
}

/// The key could not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot sign: {problem}")]
pub struct SignerError {
    /// The problem as reported by the key, token or service.
    pub problem: String,
}

impl Diagnose for SignerError {
    fn diagnosis(&self) -> Diagnosis {
        Code::SignerFailed.into()
    }
}
