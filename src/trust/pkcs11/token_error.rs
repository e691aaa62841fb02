//! Errors of tokens and of the modules that reach them.

use std::io;

use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::trust::key_error::KeyError;

/// A key in a token cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// This program cannot load modules.
    #[error("this carnet cannot load modules of PKCS#11: {why}")]
    NotBuilt {
        /// Why it cannot.
        why: &'static str,
    },
    /// The module cannot be loaded, or does not start.
    #[error("the PKCS#11 module {module:?} cannot be used: {detail}")]
    Module {
        /// Its file or its name.
        module: String,
        /// The cause.
        detail: String,
    },
    /// No module has this name.
    #[error("there is no PKCS#11 module {name:?}: neither {name}.so nor lib{name}.so is in {}", .folders.join(", "))]
    NoModule {
        /// The name without its affixes.
        name: String,
        /// Where it was looked for.
        folders: Vec<String>,
    },
    /// No token is what was asked for.
    #[error("there is no token {wanted:?}; {}", has(found, "there is none at all"))]
    NoToken {
        /// What was asked for.
        wanted: String,
        /// The tokens that are there.
        found: Vec<String>,
    },
    /// Several tokens are what was asked for.
    #[error("{} tokens are {wanted:?}: {}", .found.len(), .found.join(", "))]
    SeveralTokens {
        /// What was asked for.
        wanted: String,
        /// The tokens.
        found: Vec<String>,
    },
    /// The token has no such key.
    #[error("token {token:?} has no private key {wanted:?}; {}", has(found, "it has none at all"))]
    NoKey {
        /// The label of the token.
        token: String,
        /// What was asked for.
        wanted: String,
        /// The keys that it has.
        found: Vec<String>,
    },
    /// The token has several such keys.
    #[error("token {token:?} has {} private keys {wanted:?}: {}", .found.len(), .found.join(", "))]
    SeveralKeys {
        /// The label of the token.
        token: String,
        /// What was asked for.
        wanted: String,
        /// The keys.
        found: Vec<String>,
    },
    /// The token does not let the key sign, or not in a way that can be used.
    #[error("key {key:?} of token {token:?} {why}")]
    KeyUnusable {
        /// The label of the token.
        token: String,
        /// The key.
        key: String,
        /// What is wrong, as a predicate.
        why: &'static str,
    },
    /// The public half of the key is not one that carnet takes.
    #[error("key {key:?} of token {token:?}: {problem}")]
    Key {
        /// The label of the token.
        token: String,
        /// The key.
        key: String,
        /// The problem with it.
        problem: KeyError,
    },
    /// The PIN is wrong.
    #[error("the PIN of token {token:?} is wrong; {}", .left.words())]
    PinWrong {
        /// The label of the token.
        token: String,
        /// What the token says of further tries.
        left: TriesLeft,
    },
    /// The PIN is locked.
    #[error("the PIN of token {token:?} is locked after too many wrong tries")]
    Locked {
        /// The label of the token.
        token: String,
    },
    /// The token went away while it was in use.
    #[error("token {token:?} does not answer any more: {lost}; opening it again failed: {again}")]
    Gone {
        /// The label of the token.
        token: String,
        /// What it said when it was to sign.
        lost: String,
        /// Why it cannot be opened again.
        again: String,
    },
    /// The token takes too long. It may wait for somebody to touch it.
    #[error("the token does not answer within {seconds} seconds")]
    Slow {
        /// The time limit.
        seconds: u64,
    },
    /// A stop signal came while the token was at work.
    #[error("a signal ended the run")]
    Interrupted,
    /// The module reports another error.
    #[error("token {token:?} cannot {deed}: {detail}")]
    Failed {
        /// The label of the token.
        token: String,
        /// What it was asked to do.
        deed: String,
        /// The error of the module.
        detail: String,
    },
    /// The thread for the token cannot be started.
    #[error("no thread can be started for the token: {0}")]
    Thread(#[source] io::Error),
    /// The thread for the token ended.
    #[error("the part of the program that asks the token ended by an error")]
    Ended,
}

/// What a token says of further tries after a wrong PIN. No token tells a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriesLeft {
    /// The PIN is locked now.
    None,
    /// The next wrong PIN locks it.
    One,
    /// It counts wrong PINs, and has not reached the end.
    Some,
    /// It says nothing.
    Unknown,
}

impl TriesLeft {
    fn words(self) -> &'static str {
        match self {
            TriesLeft::None => "it is locked now",
            TriesLeft::One => "one try is left, and another wrong PIN locks it",
            TriesLeft::Some => "the token counts the tries, and more than one is left",
            TriesLeft::Unknown => "the token does not say how many tries are left",
        }
    }
}

fn has(found: &[String], nothing: &str) -> String {
    if found.is_empty() { nothing.to_owned() } else { format!("there is {}", found.join(", ")) }
}

impl Diagnose for TokenError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            TokenError::NotBuilt { .. } => Code::Pkcs11NotBuilt,
            TokenError::Module { .. } | TokenError::NoModule { .. } => Code::Pkcs11Module,
            TokenError::NoToken { .. } => Code::TokenMissing,
            TokenError::SeveralTokens { .. } => Code::TokenAmbiguous,
            TokenError::NoKey { .. } => Code::TokenKeyMissing,
            TokenError::SeveralKeys { .. } => Code::TokenKeyAmbiguous,
            TokenError::KeyUnusable { .. } => Code::TokenKeyUnusable,
            TokenError::Key { problem, .. } => return problem.diagnosis(),
            TokenError::PinWrong { left: TriesLeft::None, .. } | TokenError::Locked { .. } => {
                Code::TokenLocked
            }
            TokenError::PinWrong { .. } => Code::TokenPinWrong,
            TokenError::Gone { .. } => Code::TokenGone,
            TokenError::Slow { .. } => Code::TokenSlow,
            TokenError::Interrupted => Code::Interrupted,
            TokenError::Failed { .. } => Code::TokenFailed,
            TokenError::Thread(_) => Code::System,
            TokenError::Ended => Code::ProgramError,
        };
        code.into()
    }
}
