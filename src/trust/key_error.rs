//! What goes wrong with keys.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// A key could not be read, made or written.
#[derive(Debug)]
pub struct KeyError {
    path: Option<PathBuf>,
    problem: KeyProblem,
}

/// What is wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// The file could not be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The file could not be written.
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// More bytes than any key has.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Neither PEM nor what the PEM block must hold.
    #[error("is not a key: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// The PEM block holds something else.
    #[error("holds a PEM block {found:?}, a {expected:?} is needed")]
    Kind {
        /// The label that is needed.
        expected: &'static str,
        /// The label that was read, shortened.
        found: String,
    },
    /// A public key where a private one is needed.
    #[error("is a public key, a private key is needed")]
    PublicGiven,
    /// A private key where a public one is needed.
    #[error("is a private key, a public key is needed")]
    PrivateGiven,
    /// A key of another algorithm.
    #[error("is not an Ed25519 key: its algorithm is {found}")]
    NotEd25519 {
        /// The object identifier that was read.
        found: String,
    },
    /// A point of small order: signatures under it can be made without a private key.
    #[error("is weak: anybody can sign under a point of small order")]
    Weak,
    /// A second way to write the same point would give one key two ids.
    #[error("is not written in the canonical form of its point")]
    NotCanonical,
    /// Encrypted, and no passphrase was given.
    #[error("is encrypted and no passphrase was given")]
    Encrypted,
    /// The passphrase does not open it.
    #[error("is not opened by this passphrase")]
    Passphrase,
    /// An empty passphrase protects nothing.
    #[error("cannot be encrypted under an empty passphrase")]
    PassphraseEmpty,
    /// Encrypted in a way that is not read here.
    #[error("is encrypted in a way that is not supported: {detail}")]
    Encryption {
        /// Which.
        detail: String,
    },
    /// The public half inside the file is not that of the private half.
    #[error("holds a public key that does not belong to its private key")]
    HalvesDiffer,
    /// The system gives no random bytes.
    #[error("cannot be generated, the system gives no random bytes: {detail}")]
    Random {
        /// What the system said.
        detail: String,
    },
    /// A file of that name is there already.
    #[error("exists already and is never overwritten")]
    Exists,
    /// The name for a key pair ends in no file name.
    #[error("does not end in a file name")]
    Name,
}

impl KeyError {
    /// What is wrong.
    pub fn problem(&self) -> &KeyProblem {
        &self.problem
    }

    /// The key's file, when it came from one.
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

impl From<KeyError> for KeyProblem {
    fn from(error: KeyError) -> KeyProblem {
        error.problem
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            // Quoted and escaped: a path may hold anything.
            Some(path) => write!(f, "key {:?} {}", path.to_string_lossy(), self.problem),
            None => write!(f, "the key {}", self.problem),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The problem's own text is part of the message already.
        std::error::Error::source(&self.problem)
    }
}

impl Diagnose for KeyError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match &self.problem {
            KeyProblem::Read(_) => Code::KeyUnreadable,
            KeyProblem::Write(_) => Code::KeyUnwritable,
            KeyProblem::TooLong { .. } => Code::KeyTooLong,
            KeyProblem::Malformed { .. } => Code::KeyMalformed,
            KeyProblem::Kind { .. } => Code::KeyWrongKind,
            KeyProblem::PublicGiven => Code::KeyIsPublic,
            KeyProblem::PrivateGiven => Code::KeyIsPrivate,
            KeyProblem::NotEd25519 { .. } => Code::KeyNotEd25519,
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
