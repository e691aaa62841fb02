//! What can be wrong with a chunk file, as data. Renderers turn it into text or pictures.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::body::{BodyEntry, BodyError};
use crate::format::error::FormatError;
use crate::oci::Digest;

/// What is wrong with a chunk file. Text in it is raw: it may come from a stranger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// The file, or a part of it, cannot be read.
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// A part of it is not what the format, or the plan of the bundle, says.
    Malformed {
        /// The part: `statement`, `plan.txt`, `tar header`, …
        part: String,
        /// Its line, from 1; 0 where it has no lines.
        line: usize,
        /// What must be there.
        expected: String,
        /// What is there, shortened.
        found: String,
    },
    /// The bytes of an entry have another sum than was signed.
    EntryMismatch {
        /// The entry.
        entry: String,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        bytes: u64,
        /// The sum that was signed, in hex.
        expected: String,
        /// The sum of what is there, in hex.
        found: String,
    },
    /// The bytes of a blob are not those of its digest.
    BlobMismatch {
        /// The blob.
        digest: Digest,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        bytes: u64,
        /// What was found, in hex.
        found: String,
    },
    /// The bytes of a slice have another sum than was signed.
    SliceMismatch {
        /// The blob that the slice is part of.
        digest: Digest,
        /// Which slice of it, from 1.
        slice: usize,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        bytes: u64,
        /// The sum that was signed, in hex.
        expected: String,
        /// The sum of what is there, in hex; or why it cannot be read.
        found: String,
    },
    /// All slices of a blob are as signed, and together they are not the blob.
    SlicesOfAnother {
        /// The blob.
        digest: Digest,
    },
    /// No trusted packer signed it, or it has expired.
    Untrusted {
        /// Why not.
        reason: String,
    },
    /// It is not the chunk that the control chunk names under its number.
    Forked,
}

impl Finding {
    /// For an entry whose bytes have another sum, or cannot be read.
    pub(crate) fn of_entry(entry: &BodyEntry, found: String) -> Finding {
        Finding::EntryMismatch {
            entry: entry.name.to_string(),
            offset: entry.offset,
            bytes: entry.bytes,
            expected: entry.sum.to_string(),
            found,
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
                write!(f, "blob {digest}: its slices are as signed, but together they are not the blob")
            }
            Finding::Untrusted { reason } => f.write_str(reason),
            Finding::Forked => f.write_str("not the chunk that the control chunk names"),
        }
    }
}
