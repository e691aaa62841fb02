//! The interface for signing keys.

use super::key::{PublicKey, ShortKeyId};
use super::ssh::AgentError;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::signature::Signature;
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
}

impl dyn Signer + '_ {
    /// The size of each signature in bytes. The size of a chunk's head must be known before it is signed.
    pub fn signature_bytes(&self) -> u64 {
        self.public_key().signature_bytes()
    }

    /// Signs `message` and returns the signature as an entry of a head.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used, or if its signature has the wrong size or does not verify.
    pub fn signature(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let bytes = self.sign(message)?;
        let short = self.public_key().id().short();
        let signature = Signature { key: short.into(), algorithm: self.public_key().algorithm(), bytes };
        // A signature that does not verify must not be written.
        if signature.bytes.len() as u64 != self.signature_bytes()
            || !self.public_key().has_signed(message, &signature)
        {
            return Err(SignerError::Wrong { key: short });
        }
        Ok(signature)
    }
}

/// The key could not sign.
#[derive(Debug, thiserror::Error)]
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
        "the sign command {program:?} printed {found} bytes that are no signature: expected 64 bytes, or one line of 88 \
         base64 digits"
    )]
    Output {
        /// The name of the program.
        program: String,
        /// The number of bytes that it printed.
        found: usize,
    },
    /// The SSH agent did not sign.
    #[error(transparent)]
    Agent(#[from] AgentError),
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
            SignerError::Wrong { .. } => Code::SignerFailed,
        };
        code.into()
    }
}
