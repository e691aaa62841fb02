//! What a file in an inbox is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::{BundleName, Sum};

/// What a file in an inbox is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum FileState {
    /// An accepted chunk.
    Chunk {
        /// The id of its bundle.
        bundle: Sum,
        /// The name of its bundle.
        name: BundleName,
        /// Its number.
        number: u32,
        /// The highest number in its bundle.
        last: u32,
        /// The number of its bundle in the stream.
        sequence: Option<u64>,
    },
    /// An accepted parity file.
    Parity {
        /// The id of its bundle.
        bundle: Sum,
        /// The name of its bundle.
        name: BundleName,
        /// Its number among the parity files.
        number: u32,
        /// The highest number of a chunk of its bundle.
        last: u32,
    },
    /// A release file with an accepted packer's signature.
    Release {
        /// The id of its bundle.
        bundle: Sum,
        /// The name of its bundle.
        name: BundleName,
    },
    /// Not a chunk yet, and changed a short time ago.
    Arriving {
        /// What keeps it from being a chunk.
        reason: Arc<str>,
    },
    /// It begins as an accepted chunk, but its content does not fit.
    Damaged {
        /// The id of its bundle.
        bundle: Sum,
        /// The name of its bundle.
        name: BundleName,
        /// Its number.
        number: u32,
        /// The highest number in its bundle.
        last: u32,
        /// What does not fit.
        reason: String,
        /// Whether it changed a short time ago, so that its content may still arrive.
        arriving: bool,
    },
    /// Not a chunk.
    NotAChunk {
        /// Why. An inbox may have thousands of other files, so the sentence is kept once.
        reason: Arc<str>,
    },
    /// A chunk that the trust file does not accept.
    Untrusted {
        /// Why.
        reason: String,
    },
    /// It cannot be read.
    Unreadable {
        /// The error.
        reason: String,
    },
    /// It was last modified too long ago.
    TooOld,
    /// The inbox has more than it may.
    OverLimit {
        /// Which limit.
        reason: String,
    },
}

impl FileState {
    /// Why the file is passed over, in a few words; `None` if it is a chunk, or may become one.
    pub fn passed_over(&self) -> Option<&'static str> {
        match self {
            FileState::Chunk { .. }
            | FileState::Parity { .. }
            | FileState::Release { .. }
            | FileState::Arriving { .. }
            | FileState::Damaged { .. } => None,
            FileState::NotAChunk { .. } => Some("not a chunk"),
            FileState::Untrusted { .. } => Some("not trusted"),
            FileState::Unreadable { .. } => Some("cannot be read"),
            FileState::TooOld => Some("too old"),
            FileState::OverLimit { .. } => Some("over the limit"),
        }
    }
}

/// Counts the files that are passed over, by the reason.
pub fn count_passed_over<'a>(states: impl IntoIterator<Item = &'a FileState>) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for reason in states.into_iter().filter_map(FileState::passed_over) {
        *counts.entry(reason).or_default() += 1;
    }
    counts
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileState::Chunk { name, number, last, .. } => write!(f, "chunk {number} of 0-{last} of {name}"),
            FileState::Parity { name, number, .. } => write!(f, "parity file {number} of {name}"),
            FileState::Release { name, .. } => write!(f, "release file of {name}"),
            FileState::Arriving { reason } => write!(f, "still arriving, or not a chunk: {reason}"),
            FileState::Damaged { name, number, last, reason, arriving, .. } => {
                let what = if *arriving { "still arriving, or damaged" } else { "damaged" };
                write!(f, "chunk {number} of 0-{last} of {name}, {what}: {reason}")
            }
            FileState::NotAChunk { reason } => write!(f, "not a chunk: {reason}"),
            FileState::Untrusted { reason } => write!(f, "not trusted: {reason}"),
            FileState::Unreadable { reason } => write!(f, "cannot be read: {reason}"),
            FileState::TooOld => f.write_str("passed over: last modified too long ago"),
            FileState::OverLimit { reason } => write!(f, "passed over: {reason}"),
        }
    }
}
