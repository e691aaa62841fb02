//! Problems of a chunk file, as data. Renderers turn them into text or pictures.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::format::body::{BodyEntry, BodyError};
use crate::format::error::FormatError;
use crate::format::{Profile, SumPair, Timestamp};
use crate::oci::Digest;
use crate::stream::digesting::Unreadable;
use crate::stream::hash::Output;
use crate::trust::{Refused, Untrusted};

/// A problem of a chunk file. Its text is raw and may come from an untrusted source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// The file or a part of it cannot be read.
    Unreadable {
        /// The error message of the system.
        reason: String,
    },
    /// A part of the file violates the format or contradicts the plan.
    Malformed {
        /// The part of the chunk, e.g. `statement`, `plan.txt` or `tar header`.
        part: String,
        /// The line within the part, from 1; 0 if the part has no lines.
        line: usize,
        /// The content that the format or the plan requires.
        expected: String,
        /// The content found, shortened.
        found: String,
    },
    /// A sum of an entry differs from the signed one: its SHA-256, or its SHA-384, whose digits are more.
    EntryMismatch {
        /// The name of the entry.
        entry: String,
        /// The offset of the entry in the chunk file, in bytes.
        offset: u64,
        /// The size of the entry in bytes.
        bytes: u64,
        /// The signed sum, in hex.
        expected: String,
        /// The sum found, in hex.
        found: String,
    },
    /// The bytes of a blob do not match its digest.
    BlobMismatch {
        /// The digest of the blob.
        digest: Digest,
        /// The offset of the blob in the chunk file, in bytes.
        offset: u64,
        /// The size of the blob in bytes.
        bytes: u64,
        /// The digest found, in hex without the algorithm.
        found: String,
    },
    /// A sum of a slice differs from the signed one: its SHA-256, or its SHA-384, whose digits are more.
    SliceMismatch {
        /// The digest of the blob that the slice belongs to.
        digest: Digest,
        /// The number of the slice, from 1.
        slice: usize,
        /// The offset of the slice in the chunk file, in bytes.
        offset: u64,
        /// The size of the slice in bytes.
        bytes: u64,
        /// The signed sum, in hex.
        expected: String,
        /// The sum found, in hex.
        found: String,
    },
    /// Every slice matches its signed SHA-256, but together they do not match the digest of the blob.
    SlicesOfAnother {
        /// The digest of the blob.
        digest: Digest,
    },
    /// No trusted packer signed the chunk.
    NotSigned {
        /// The signatures, and why each does not count.
        #[serde(deserialize_with = "never")]
        refused: Vec<Refused>,
    },
    /// The chunk has expired.
    Expired {
        /// The time from which it is not accepted.
        #[serde(deserialize_with = "never")]
        expires: Timestamp,
    },
    /// The trust file demands a profile, and the bundle was packed without it.
    NoProfile {
        /// The profile.
        #[serde(deserialize_with = "never")]
        profile: Profile,
    },
    /// The control chunk names another chunk for this number.
    Forked,
    /// A release file has another statement than every control chunk that counts.
    ReleasesAnother,
}

/// Signatures are judged anew by each reader, and not read from a text.
fn never<'de, D: Deserializer<'de>, T>(_: D) -> Result<T, D::Error> {
    Err(D::Error::custom("a judgement of signatures"))
}

impl Finding {
    /// Creates a finding for an entry whose sum differs.
    pub(crate) fn of_entry(entry: &BodyEntry, found: String) -> Finding {
        Finding::EntryMismatch {
            entry: entry.name.to_string(),
            offset: entry.offset,
            bytes: entry.bytes,
            expected: entry.sum.to_string(),
            found,
        }
    }

    /// Returns the finding on an entry that has other sums than it must have; `None` if it has these.
    pub(crate) fn of_pair(entry: &BodyEntry, pair: SumPair, outputs: &[Output]) -> Option<Finding> {
        let (expected, found) = difference(pair, outputs)?;
        let BodyEntry { name, offset, bytes, .. } = *entry;
        Some(Finding::EntryMismatch { entry: name.to_string(), offset, bytes, expected, found })
    }
}

/// Returns the first sum that is not what it must be, as what was expected and what was found. `outputs` are those of
/// [`DigestJob::pair_of`](crate::stream::digesting::DigestJob::pair_of).
pub(crate) fn difference(pair: SumPair, outputs: &[Output]) -> Option<(String, String)> {
    let sha256 = outputs.first().filter(|output| output.sum() != Some(pair.sha256));
    if let Some(found) = sha256 {
        return Some((pair.sha256.to_string(), found.hex()));
    }
    let expected = pair.sha384?;
    let found = outputs.get(1);
    if found.and_then(Output::sum384) == Some(expected) {
        return None;
    }
    Some((expected.to_string(), found.map_or_else(String::new, Output::hex)))
}

impl From<&Untrusted> for Finding {
    fn from(reason: &Untrusted) -> Finding {
        match reason {
            Untrusted::NoPacker { refused } => Finding::NotSigned { refused: refused.clone() },
            Untrusted::Expired { expires } => Finding::Expired { expires: *expires },
            Untrusted::NoProfile { profile } => Finding::NoProfile { profile: *profile },
        }
    }
}

impl From<&FormatError> for Finding {
    fn from(error: &FormatError) -> Finding {
        Finding::Malformed {
            part: error.what.to_owned(),
            line: error.line,
            expected: error.expected.clone(),
            found: error.found.clone(),
        }
    }
}

impl From<Unreadable> for Finding {
    fn from(failure: Unreadable) -> Finding {
        Finding::Unreadable { reason: failure.source.to_string() }
    }
}

impl From<&BodyError> for Finding {
    fn from(error: &BodyError) -> Finding {
        match error {
            BodyError::Format(error) => error.into(),
            BodyError::Io(source) => Finding::Unreadable { reason: source.to_string() },
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Unreadable { reason } => write!(f, "cannot be read: {reason}"),
            Finding::Malformed { part, line: 0, expected, found } => {
                write!(f, "{part}: expected {expected}, found {found}")
            }
            Finding::Malformed { part, line, expected, found } => {
                write!(f, "{part}, line {line}: expected {expected}, found {found}")
            }
            Finding::EntryMismatch { entry, expected, found, .. } => {
                write!(f, "entry {entry}: expected {expected}, found {found}")
            }
            Finding::BlobMismatch { digest, found, .. } => {
                write!(f, "blob {digest}: expected {}, found {found}", digest.hex())
            }
            Finding::SliceMismatch { digest, slice, expected, found, .. } => {
                write!(f, "slice {slice} of blob {digest}: expected {expected}, found {found}")
            }
            Finding::SlicesOfAnother { digest } => {
                write!(
                    f,
                    "blob {digest}: every slice matches its signed sum, but together they do not match the digest"
                )
            }
            Finding::NotSigned { refused } => {
                write!(f, "{}", Untrusted::NoPacker { refused: refused.clone() })
            }
            Finding::Expired { expires } => write!(f, "{}", Untrusted::Expired { expires: *expires }),
            Finding::NoProfile { profile } => write!(f, "{}", Untrusted::NoProfile { profile: *profile }),
            Finding::Forked => f.write_str("not the chunk that the control chunk names for this number"),
            Finding::ReleasesAnother => {
                f.write_str("no control chunk that counts has the statement of this release file")
            }
        }
    }
}
