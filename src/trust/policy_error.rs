//! What goes wrong with trust policies.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::key_error::{KeyError, KeyProblem};
use crate::diagnosis::{Code, Diagnose, Diagnosis};

/// A trust policy could not be read, or says something that cannot be meant.
#[derive(Debug)]
pub struct PolicyError {
    pub(super) path: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) problem: PolicyProblem,
}

/// What is wrong with a trust policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyProblem {
    /// The file could not be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// More bytes than any policy has.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Not TOML, or a key that has no meaning, is missing, or has a value of another type.
    #[error("{message}")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// A version that this release does not know.
    #[error("version is {found}, this release reads version 1")]
    Version {
        /// What was read.
        found: String,
    },
    /// No keys, or too many.
    #[error("{found} keys, 1 to {limit} are allowed")]
    KeyCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A threshold that means nothing.
    #[error("release-threshold is {found}, 1 to {limit} is allowed")]
    Threshold {
        /// What was read.
        found: i64,
        /// The largest.
        limit: u8,
    },
    /// A holder's name that cannot be shown or told apart.
    #[error("holder {found:?} is not 1 to {limit} printable ASCII characters without a space at either end")]
    Holder {
        /// What was read, shortened.
        found: String,
        /// The longest, in characters.
        limit: usize,
    },
    /// Two holders that a reader takes for one.
    #[error("holders {first:?} and {second:?} differ in upper and lower case only")]
    HolderCase {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
    /// Not exactly one of `public-key` and `public-key-file`.
    #[error("the key of {holder:?} needs either public-key or public-key-file")]
    KeySource {
        /// Whose.
        holder: String,
    },
    /// A key's file could not be read.
    #[error("the public-key-file {file:?} of {holder:?} cannot be read")]
    KeyFile {
        /// Whose.
        holder: String,
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A public key that cannot be used.
    #[error("the public key of {holder:?} {problem}")]
    Key {
        /// Whose.
        holder: String,
        /// Why.
        #[source]
        problem: KeyProblem,
    },
    /// The same key a second time, of another holder or the same.
    #[error("the keys of {first:?} and {second:?} are the same key")]
    KeyTwice {
        /// The earlier holder.
        first: String,
        /// The later holder.
        second: String,
    },
    /// A key that may do nothing.
    #[error("the key of {holder:?} has no role")]
    NoRole {
        /// Whose.
        holder: String,
    },
    /// A list of streams that cannot be meant.
    #[error("streams of {holder:?}: {detail}")]
    Streams {
        /// Whose.
        holder: String,
        /// What is wrong with them.
        detail: String,
    },
    /// A time that is not one moment.
    #[error("{key} of {holder:?}: {detail}")]
    Time {
        /// Whose.
        holder: String,
        /// Which of its times.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Nobody may pack, so no chunk could be accepted.
    #[error("no key that is not revoked has the role packer")]
    NoPacker,
    /// Too few people to release anything.
    #[error(
        "release-threshold is {threshold}, but holders with a releaser key that is not revoked: {holders}"
    )]
    Unsatisfiable {
        /// How many must sign.
        threshold: u8,
        /// How many could.
        holders: usize,
    },
}

impl PolicyError {
    /// What is wrong.
    pub fn problem(&self) -> &PolicyProblem {
        &self.problem
    }

    /// The policy's file, when it came from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The line of the file, from 1, when the problem has one.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl From<PolicyProblem> for PolicyError {
    fn from(problem: PolicyProblem) -> PolicyError {
        PolicyError { path: None, line: None, problem }
    }
}

impl PolicyProblem {
    pub(super) fn key(holder: &str, error: KeyError) -> PolicyProblem {
        PolicyProblem::Key { holder: holder.to_owned(), problem: error.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trust policy")?;
        if let Some(path) = &self.path {
            write!(f, " {:?}", path.to_string_lossy())?;
        }
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The problem's own text, and a key's, are part of the message already.
        match &self.problem {
            PolicyProblem::Key { problem, .. } => std::error::Error::source(problem),
            problem => std::error::Error::source(problem),
        }
    }
}

impl Diagnose for PolicyError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match &self.problem {
            PolicyProblem::Read(_) => Code::PolicyUnreadable,
            PolicyProblem::TooLong { .. } => Code::PolicyTooLong,
            PolicyProblem::Syntax { .. } => Code::PolicySyntax,
            PolicyProblem::Version { .. } => Code::PolicyVersion,
            PolicyProblem::KeyCount { .. } => Code::PolicyKeyCount,
            PolicyProblem::Threshold { .. } => Code::PolicyThreshold,
            PolicyProblem::Holder { .. } | PolicyProblem::HolderCase { .. } => Code::PolicyHolder,
            PolicyProblem::KeySource { .. } => Code::PolicyKeySource,
            PolicyProblem::KeyFile { .. } => Code::PolicyKeyUnreadable,
            PolicyProblem::Key { .. } => Code::PolicyKey,
            PolicyProblem::KeyTwice { .. } => Code::PolicyKeyTwice,
            PolicyProblem::NoRole { .. } => Code::PolicyNoRole,
            PolicyProblem::Streams { .. } => Code::PolicyStreams,
            PolicyProblem::Time { .. } => Code::PolicyTime,
            PolicyProblem::NoPacker => Code::PolicyNoPacker,
            PolicyProblem::Unsatisfiable { .. } => Code::PolicyUnsatisfiable,
        };
        code.into()
    }
}
