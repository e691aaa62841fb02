//! What the check of a signature came to.

use crate::format::Sum;

/// What the check of a signature came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds, and a key that was given made it.
    Valid(SignedBy),
    /// It does not hold.
    Invalid {
        /// Why, as a sentence without its full stop.
        why: String,
    },
    /// It cannot be told whether it holds.
    Unverifiable {
        /// Why, as a sentence without its full stop.
        why: String,
    },
}

/// Who made a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The file of the key or of the trusted certificate, as it was given.
    pub file: String,
    /// The subject of the signer's certificate, if there is one (RFC 4514). Its author chose the words.
    pub subject: Option<String>,
    /// The SHA-256 of the public key that made the signature: of its SubjectPublicKeyInfo in DER.
    pub key: Sum,
}

impl Outcome {
    pub(super) fn invalid(why: impl Into<String>) -> Outcome {
        Outcome::Invalid { why: why.into() }
    }

    pub(super) fn unverifiable(why: impl Into<String>) -> Outcome {
        Outcome::Unverifiable { why: why.into() }
    }
}
