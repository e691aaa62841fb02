//! Who signs the heads of chunks: a key, or somebody later.

use crate::format::signature::Signature;
use crate::trust::{Signer, SignerError};

use super::work_plan::WorkKey;

/// Who signs the heads of chunks.
#[derive(Clone, Copy)]
pub(super) enum Hand<'a> {
    /// A key, at once.
    Key(&'a dyn Signer),
    /// The holders of these keys, later. Until then zeros stand where their signatures will be.
    Later(&'a [WorkKey]),
}

impl Hand<'_> {
    /// Returns the signatures over a statement, as entries of a head.
    ///
    /// # Errors
    /// [`SignerError`] if the key cannot be used.
    pub(super) fn signatures(self, statement: &[u8]) -> Result<Vec<Signature>, SignerError> {
        match self {
            Hand::Key(signer) => signer.signatures(statement),
            Hand::Later(keys) => Ok(WorkKey::placeholders(keys)),
        }
    }

    /// Whether signatures take their time, while this program does nothing for them.
    pub(super) fn waits(self) -> bool {
        match self {
            Hand::Key(signer) => signer.waits(),
            Hand::Later(_) => false,
        }
    }

    /// Whether a statement has these signatures already.
    pub(super) fn has_signed(self, statement: &[u8], signatures: &[Signature]) -> bool {
        match self {
            Hand::Key(signer) => signer.has_signed(statement, signatures),
            Hand::Later(keys) => WorkKey::placeholders(keys) == signatures,
        }
    }
}
