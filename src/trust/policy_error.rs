//! Errors of trust policies.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::key_error::{KeyError, KeyProblem};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis, count};
use crate::small_file::SmallFileError;

/// A trust policy could not be read, or is not valid.
#[derive(Debug)]
pub struct PolicyError {
    pub(super) path: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) problem: PolicyProblem,
}

/// The problem with a trust policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Read(#[source] SmallFileError),
    /// The file is longer than the limit.
    #[error("the file is longer than {limit} bytes")]
    TooLong {
        /// The largest allowed size in bytes.
        limit: u64,
    },
    /// The file is not TOML, or has a key that is unknown, missing or of the wrong type.
    #[error("{message}")]
    Syntax {
        /// The message of the TOML parser.
        message: String,
    },
    /// This release does not support the version.
    #[error("version is {found}, but this release supports only version 1")]
    Version {
        /// The version that was found, or `missing`.
        found: String,
    },
    /// The policy has no keys, or too many.
    #[error("{found} keys are listed; 1 to {limit} are allowed")]
    KeyCount {
        /// The number of keys found.
        found: usize,
        /// The largest allowed number of keys.
        limit: usize,
    },
    /// The release threshold is out of range.
    #[error("{key} is {found}; it must be 1 to {limit}")]
    Threshold {
        /// The TOML key of the threshold.
        key: &'static str,
        /// The threshold that was found.
        found: i64,
        /// The largest allowed threshold.
        limit: u8,
    },
    /// There are roots, or a threshold for them, without what belongs to them.
    #[error("roots need `root-threshold` and `serial`: {lacks} is missing")]
    Roots {
        /// The TOML key that is missing.
        lacks: &'static str,
    },
    /// There are fewer roots than the threshold.
    #[error(
        "root-threshold is {threshold}, but only {} an unrevoked root key{}",
        holders_have(*.holders),
        each_algorithm(*of_each)
    )]
    RootsUnsatisfiable {
        /// The number of roots who must sign.
        threshold: u8,
        /// The number of roots who can sign.
        holders: usize,
        /// Whether a holder needs a key for each signature that the policy wants.
        of_each: bool,
    },
    /// A number or a time of the trust file is not valid.
    #[error("{key}: {detail}")]
    Setting {
        /// The TOML key.
        key: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The list of algorithms is not valid.
    #[error(
        "algorithms is [{found}]; expected names of ed25519, mldsa87, ecdsap384 and sked25519, or lists of them, and each name at most once"
    )]
    Algorithms {
        /// The algorithms found.
        found: String,
    },
    /// The policy wants more signatures of a packer than a data chunk can have.
    #[error("algorithms wants {found} signatures of each holder; a chunk has at most {limit} of its packer")]
    AlgorithmCount {
        /// The number of signatures that it wants.
        found: usize,
        /// The largest number.
        limit: usize,
    },
    /// The signatures that the policy wants do not fit into a control chunk.
    #[error(
        "release-threshold is {threshold}; with {each} signatures of each holder, a control chunk has room for at most \
         {most} releasers"
    )]
    TooManySignatures {
        /// The number of holders who must sign.
        threshold: u8,
        /// The number of signatures of each.
        each: usize,
        /// The highest possible threshold.
        most: usize,
    },
    /// The name of a holder has characters that are not allowed, or is too long.
    #[error(
        "the holder name {found:?} is not 1 to {limit} printable ASCII characters without a space at either end"
    )]
    Holder {
        /// The name that was found, truncated.
        found: String,
        /// The largest allowed length in characters.
        limit: usize,
    },
    /// The names of two holders differ only in case, so readers could confuse them.
    #[error("the holder names {first:?} and {second:?} differ only in case")]
    HolderCase {
        /// The name of the earlier holder.
        first: String,
        /// The name of the later holder.
        second: String,
    },
    /// A key has neither `public-key` nor `public-key-file`, or both.
    #[error("the key of {holder:?} needs exactly one of public-key and public-key-file")]
    KeySource {
        /// The holder of the key.
        holder: String,
    },
    /// The file of a public key could not be read.
    #[error("the public-key-file {file:?} of {holder:?} cannot be read: {source}")]
    KeyFile {
        /// The holder of the key.
        holder: String,
        /// The path of the key file.
        file: PathBuf,
        /// Why it cannot be read.
        source: SmallFileError,
    },
    /// A public key that cannot be used.
    #[error("the public key of {holder:?} {problem}")]
    Key {
        /// The holder of the key.
        holder: String,
        /// The problem with the key.
        #[source]
        problem: KeyProblem,
    },
    /// One key is listed twice, for the same holder or for two holders.
    #[error("{first:?} and {second:?} have the same key")]
    KeyTwice {
        /// The holder of the earlier entry.
        first: String,
        /// The holder of the later entry.
        second: String,
    },
    /// A key has no role.
    #[error("the key of {holder:?} has no role")]
    NoRole {
        /// The holder of the key.
        holder: String,
    },
    /// The list of streams of a key is not valid.
    #[error("streams of the key of {holder:?}: {detail}")]
    Streams {
        /// The holder of the key.
        holder: String,
        /// What is wrong with the list.
        detail: String,
    },
    /// A time is not a complete date and time with an offset, or the times contradict each other.
    #[error("{key} of the key of {holder:?}: {detail}")]
    Time {
        /// The holder of the key.
        holder: String,
        /// The TOML key of the time, e.g. `valid-until`.
        key: &'static str,
        /// What is wrong with the time.
        detail: String,
    },
    /// The jump limit is out of range.
    #[error("max-jump of the key of {holder:?} is {found}, at least 1 is required")]
    Jump {
        /// The holder of the key.
        holder: String,
        /// The limit found.
        found: u64,
    },
    /// No key may pack, so no chunk could be accepted.
    #[error("no unrevoked key has the role packer{}", each_algorithm(*of_each))]
    NoPacker {
        /// Whether a holder needs a key for each signature that the policy wants.
        of_each: bool,
    },
    /// There are fewer releasers than the release threshold.
    #[error(
        "release-threshold is {threshold}, but only {} an unrevoked releaser key{}",
        holders_have(*.holders),
        each_algorithm(*of_each)
    )]
    Unsatisfiable {
        /// The number of holders who must sign.
        threshold: u8,
        /// The number of holders who can sign.
        holders: usize,
        /// Whether a holder needs a key for each signature that the policy wants.
        of_each: bool,
    },
}

fn each_algorithm(is_wanted: bool) -> &'static str {
    if is_wanted { " for each signature in `algorithms`" } else { "" }
}

/// The subject and verb of a sentence about a number of holders.
fn holders_have(holders: usize) -> String {
    let verb = if holders == 1 { "has" } else { "have" };
    format!("{} {verb}", count(holders as u64, "holder", "holders"))
}

impl PolicyError {
    /// The problem with the policy.
    pub fn problem(&self) -> &PolicyProblem {
        &self.problem
    }

    /// The path of the trust file; `None` if the policy did not come from a file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The line number in the file, starting at 1; `None` if the problem is not in a single line.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl From<PolicyProblem> for PolicyError {
    fn from(problem: PolicyProblem) -> PolicyError {
        PolicyError { path: None, line: None, problem }
    }
}

impl From<SmallFileError> for PolicyProblem {
    fn from(error: SmallFileError) -> PolicyProblem {
        match error {
            SmallFileError::TooLong { limit } => PolicyProblem::TooLong { limit },
            error => PolicyProblem::Read(error),
        }
    }
}

impl PolicyProblem {
    pub(super) fn key(holder: &str, error: KeyError) -> PolicyProblem {
        PolicyProblem::Key { holder: holder.to_owned(), problem: error.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trust file")?;
        if let Some(path) = &self.path {
            write!(f, " {:?}", path.to_string_lossy())?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The texts of the problem and of its key are already part of the message.
        match &self.problem {
            PolicyProblem::Key { problem, .. } => std::error::Error::source(problem),
            problem => std::error::Error::source(problem),
        }
    }
}

impl Diagnose for PolicyError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match &self.problem {
            PolicyProblem::Read(error) => return Code::PolicyUnreadable.with(error.advice()),
            PolicyProblem::TooLong { limit } => {
                return Code::PolicyTooLong.with(Advice::PassSmallerFile { limit: *limit });
            }
            PolicyProblem::Syntax { .. } => Code::PolicySyntax,
            PolicyProblem::Version { .. } => Code::PolicyVersion,
            PolicyProblem::KeyCount { .. } => Code::PolicyKeyCount,
            PolicyProblem::Threshold { .. } | PolicyProblem::TooManySignatures { .. } => {
                Code::PolicyThreshold
            }
            PolicyProblem::Algorithms { .. } => Code::PolicyAlgorithms,
            PolicyProblem::AlgorithmCount { .. } => Code::PolicyAlgorithmCount,
            PolicyProblem::Roots { .. } | PolicyProblem::RootsUnsatisfiable { .. } => Code::PolicyRoots,
            PolicyProblem::Setting { .. } => Code::PolicySetting,
            PolicyProblem::Holder { .. } | PolicyProblem::HolderCase { .. } => Code::PolicyHolder,
            PolicyProblem::KeySource { .. } => Code::PolicyKeySource,
            // A path that does not exist has its own words, because it is relative to the trust file.
            PolicyProblem::KeyFile { source, .. } => {
                let advice = source.advice().filter(|advice| *advice != Advice::CheckPath);
                return Code::PolicyKeyUnreadable.with(advice);
            }
            PolicyProblem::Key { .. } => Code::PolicyKey,
            PolicyProblem::KeyTwice { .. } => Code::PolicyKeyTwice,
            PolicyProblem::NoRole { .. } => Code::PolicyNoRole,
            PolicyProblem::Streams { .. } => Code::PolicyStreams,
            PolicyProblem::Time { .. } => Code::PolicyTime,
            PolicyProblem::Jump { .. } => Code::PolicyJump,
            PolicyProblem::NoPacker { .. } => Code::PolicyNoPacker,
            PolicyProblem::Unsatisfiable { .. } => Code::PolicyUnsatisfiable,
        };
        code.into()
    }
}
