//! Errors of keys.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::small_file::SmallFileError;

/// A key could not be read, generated or written.
#[derive(Debug)]
pub struct KeyError {
    path: Option<PathBuf>,
    problem: KeyProblem,
}

/// The problem with a key. Its text is a predicate: it follows the name of the key in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Read(#[source] SmallFileError),
    /// The file could not be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The file is longer than any key file.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// The largest allowed size in bytes.
        limit: u64,
    },
    /// The file is not UTF-8 text.
    #[error("is not a key: {0}")]
    NotText(#[source] SmallFileError),
    /// The file is not PEM, or its PEM block does not hold a key.
    #[error("is not a key: {detail}")]
    Malformed {
        /// What is wrong with the file.
        detail: String,
    },
    /// The PEM block has another label.
    #[error("is a PEM block {found:?}, expected {expected:?}")]
    Kind {
        /// The label that was expected.
        expected: &'static str,
        /// The label that was found, truncated.
        found: String,
    },
    /// A public key was given where a private key is needed.
    #[error("is a public key; a private key is needed")]
    PublicGiven,
    /// A private key was given where a public key is needed.
    #[error("is a private key; a public key is needed")]
    PrivateGiven,
    /// The key uses an algorithm that this program was built without.
    #[error("is a key of ECDSA, and this program was built without the feature `ecdsa`")]
    NotBuilt,
    /// The key uses another algorithm.
    #[error("is not an Ed25519, ML-DSA-87 or ECDSA P-384 key: its algorithm is {found}")]
    Algorithm {
        /// The object identifier or the name of the algorithm that was found.
        found: String,
    },
    /// The key is a point of small order, or an ML-DSA key with hardly anything in it: anybody can make valid signatures
    /// without a private key.
    #[error("is weak: anybody can forge signatures that it verifies")]
    Weak,
    /// The key is not in the canonical encoding of its point. Two encodings would give one key two ids.
    #[error("is not in the canonical encoding of its point")]
    NotCanonical,
    /// The key is encrypted, and no passphrase was given.
    #[error("is encrypted, but no passphrase was given")]
    Encrypted,
    /// The passphrase does not decrypt the key.
    #[error("cannot be decrypted: the passphrase is wrong")]
    Passphrase,
    /// The passphrase is empty, so it would protect nothing.
    #[error("cannot be encrypted with an empty passphrase")]
    PassphraseEmpty,
    /// The encryption of the key is not supported.
    #[error("is encrypted with an unsupported method: {detail}")]
    Encryption {
        /// What is not supported.
        detail: String,
    },
    /// The public key in the file does not belong to the private key.
    #[error("contains a public key that does not match its private key")]
    HalvesDiffer,
    /// The operating system returned no random bytes.
    #[error("cannot be generated: the system returned no random bytes: {detail}")]
    Random {
        /// The error of the operating system.
        detail: String,
    },
    /// The file exists already.
    #[error("already exists and is never overwritten")]
    Exists,
    /// The name for a key pair does not end in a file name.
    #[error("does not end in a file name")]
    Name,
}

impl KeyError {
    /// The problem with the key.
    pub fn problem(&self) -> &KeyProblem {
        &self.problem
    }

    /// The path of the key file; `None` if the key did not come from a file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn at(path: &Path, problem: impl Into<KeyProblem>) -> KeyError {
        KeyError { path: Some(path.to_owned()), problem: problem.into() }
    }
}

impl From<KeyProblem> for KeyError {
    fn from(problem: KeyProblem) -> KeyError {
        KeyError { path: None, problem }
    }
}

impl From<SmallFileError> for KeyProblem {
    fn from(error: SmallFileError) -> KeyProblem {
        match error {
            SmallFileError::TooLong { limit } => KeyProblem::TooLong { limit },
            SmallFileError::Utf16 | SmallFileError::NotUtf8 { .. } => KeyProblem::NotText(error),
            error => KeyProblem::Read(error),
        }
    }
}

impl From<KeyError> for KeyProblem {
    fn from(error: KeyError) -> KeyProblem {
        error.problem
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            // Debug quotes the path, because it can contain any character.
            Some(path) => write!(f, "key {:?} {}", path.to_string_lossy(), self.problem),
            None => write!(f, "the key {}", self.problem),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The text of the problem is already part of the message.
        std::error::Error::source(&self.problem)
    }
}

impl Diagnose for KeyError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match &self.problem {
            KeyProblem::Read(error) => return Code::KeyUnreadable.with(error.advice()),
            KeyProblem::Write(_) => Code::KeyUnwritable,
            KeyProblem::TooLong { limit } => {
                return Code::KeyTooLong.with(Advice::PassSmallerFile { limit: *limit });
            }
            KeyProblem::NotText(error) => return Code::KeyMalformed.with(error.advice()),
            KeyProblem::Malformed { .. } => Code::KeyMalformed,
            KeyProblem::Kind { .. } => Code::KeyWrongKind,
            KeyProblem::PublicGiven => Code::KeyIsPublic,
            KeyProblem::PrivateGiven => Code::KeyIsPrivate,
            KeyProblem::Algorithm { .. } => Code::KeyAlgorithm,
            KeyProblem::NotBuilt => return Code::KeyAlgorithm.with(Advice::VerifyElsewhere),
            KeyProblem::Weak => Code::KeyWeak,
            KeyProblem::NotCanonical => Code::KeyNotCanonical,
            KeyProblem::Encrypted => Code::KeyEncrypted,
            KeyProblem::Passphrase => Code::KeyPassphraseWrong,
            KeyProblem::PassphraseEmpty => Code::PassphraseEmpty,
            KeyProblem::Encryption { .. } => Code::KeyEncryptionUnsupported,
            KeyProblem::HalvesDiffer => Code::KeyHalvesDiffer,
            KeyProblem::Random { .. } => Code::KeyNoRandom,
            KeyProblem::Exists => Code::KeyExists,
            KeyProblem::Name => Code::KeyName,
        };
        code.into()
    }
}
