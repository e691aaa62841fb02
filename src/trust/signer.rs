//! The interface for signing keys.

use std::sync::Arc;

use super::key::{PublicKey, ShortKeyId};
use super::pkcs11::TokenError;
use super::ssh::AgentError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::program::ProgramError;

/// A key that can sign statements: in a file, in a hardware token or behind a service.
///
/// Signing can fail, and two signatures over the same bytes can differ.
pub trait Signer: Send + Sync {
    /// The public key that verifies the signatures.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` itself, not a hash of it. Several threads may call this at the same time.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// Whether [`sign`](Signer::sign) waits for something outside of this program, such as a token or a service, so that a caller
    /// should do other work meanwhile.
    fn waits(&self) -> bool {
        false
    }

    /// A key of another algorithm whose signatures stand beside those of this one in the heads of chunks; see
    /// [`HybridSigner`].
    fn partner(&self) -> Option<&dyn Signer> {
        None
    }
}

impl dyn Signer + '_ {
    /// The public keys of all signatures that this signer makes in a head: one or two.
    pub fn public_keys(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(self.public_key()).chain(self.partner().map(Signer::public_key))
    }

    /// The size of each signature in a head in bytes. The size of a chunk's head must be known before it is signed.
    pub fn signature_sizes(&self) -> Vec<u64> {
        self.public_keys().map(PublicKey::signature_bytes).collect()
    }

    /// Signs `message` with each key, and returns the signatures as entries of a head, in their order.
    ///
    /// # Errors
    /// As [`signature`](#method.signature).
    pub fn signatures(&self, message: &[u8]) -> Result<Vec<Signature>, SignerError> {
        let mut signatures = vec![self.signature(message)?];
        if let Some(partner) = self.partner() {
            signatures.push(partner.signature(message)?);
        }
        signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
        Ok(signatures)
    }

    /// Whether each key has signed `message` with one of these signatures.
    pub fn has_signed(&self, message: &[u8], signatures: &[Signature]) -> bool {
        self.public_keys().all(|key| signatures.iter().any(|signature| key.has_signed(message, signature)))
    }

    /// Signs `message` with the first key alone, and returns the signature as an entry of a head.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used, or if its signature has the wrong size or does not verify.
    pub fn signature(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let bytes = self.sign(message)?;
        let short = self.public_key().id().short();
        let signature = Signature { key: short.into(), algorithm: self.public_key().algorithm(), bytes };
        // A signature that does not verify must not be written.
        if !self.public_key().has_signed(message, &signature) {
            return Err(SignerError::Wrong { key: short });
        }
        Ok(signature)
    }
}

/// Two keys of one holder, of different algorithms, that sign heads together. Whatever is not a head, such as a receipt, is
/// signed by the first alone.
pub struct HybridSigner {
    first: Arc<dyn Signer>,
    second: Arc<dyn Signer>,
}

impl HybridSigner {
    /// A signer with both keys; `None` if they have the same algorithm.
    pub fn new(first: Arc<dyn Signer>, second: Arc<dyn Signer>) -> Option<HybridSigner> {
        let differ = first.public_key().algorithm() != second.public_key().algorithm();
        differ.then_some(HybridSigner { first, second })
    }
}

impl Signer for HybridSigner {
    fn public_key(&self) -> &PublicKey {
        self.first.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.first.sign(message)
    }

    fn waits(&self) -> bool {
        self.first.waits() || self.second.waits()
    }

    fn partner(&self) -> Option<&dyn Signer> {
        Some(self.second.as_ref())
    }
}

/// The key could not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The program that signs did not do its work.
    #[error("the sign command {program:?}: {problem}")]
    Command {
        /// The name of the program.
        program: String,
        /// The problem with it.
        problem: ProgramError,
    },
    /// The program that signs printed something else than a signature.
    #[error(
        "the sign command {program:?} printed {found} bytes that are no signature of {algorithm}: expected {}, or one line of \
         base64 of these",
        algorithm.form()
    )]
    Output {
        /// The name of the program.
        program: String,
        /// The algorithm of the key.
        algorithm: SignatureAlgorithm,
        /// The number of bytes that it printed.
        found: usize,
    },
    /// The SSH agent did not sign.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The token did not sign.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The signature does not verify.
    #[error("the signature that was made for key {key} does not verify with its public key")]
    Wrong {
        /// The key.
        key: ShortKeyId,
    },
}

impl Diagnose for SignerError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            SignerError::Command { problem: ProgramError::Interrupted, .. } => Code::Interrupted,
            SignerError::Command { .. } => Code::SignCommandFailed,
            SignerError::Output { .. } => Code::SignCommandOutput,
            SignerError::Agent(error) => return error.diagnosis(),
            SignerError::Token(error) => return error.diagnosis(),
            SignerError::Wrong { .. } => Code::SignerFailed,
        };
        code.into()
    }
}
