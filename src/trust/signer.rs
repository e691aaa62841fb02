//! Who can sign.

use super::PublicKey;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::signature::{Signature, SignatureAlgorithm};

/// Who can sign statements: a key in a file, in a token, behind a service.
///
/// Signing may fail, and two signatures over the same bytes may differ.
pub trait Signer: Send + Sync {
    /// The key that the signatures verify under.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm of its signatures.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// How long each of its signatures is, in bytes: the head of a chunk has its length before it is signed.
    fn signature_bytes(&self) -> u64;

    /// A signature over `message`, without hashing the message first. Many threads may call it at once.
    ///
    /// # Errors
    /// [`SignerError`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

impl dyn Signer + '_ {
    /// The signature over `message` as an entry of a head.
    ///
    /// # Errors
    /// [`SignerError`] when the key cannot be used, or does not do what it promises.
    pub fn signature(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let bytes = self.sign(message)?;
        let signature =
            Signature { key: self.public_key().id().short().into(), algorithm: self.algorithm(), bytes };
        // A signature that nobody can verify must not leave this machine.
        if signature.bytes.len() as u64 != self.signature_bytes()
            || !self.public_key().has_signed(message, &signature)
        {
            return Err(SignerError { problem: "it made a signature that does not verify".to_owned() });
        }
        Ok(signature)
    }
}

/// A key that could not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot sign: {problem}")]
pub struct SignerError {
    /// What its holder, token or service said.
    pub problem: String,
}

impl Diagnose for SignerError {
    fn diagnosis(&self) -> Diagnosis {
        Code::SignerFailed.into()
    }
}
