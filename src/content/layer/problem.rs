//! What is wrong with a layer.

use std::collections::BTreeMap;

use crate::content::inflate::InflateError;
use crate::content::name::shown;
use crate::content::tar::TarProblem;

/// What is wrong with a layer, or odd. Each has a sentence for people and a rule for policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerProblem {
    /// The blob could not be read.
    #[error("the blob could not be read: {problem}")]
    Unreadable {
        /// What the source says.
        problem: String,
    },
    /// The stream could not be read to its end.
    #[error("{0}")]
    Stream(#[from] InflateError),
    /// The archive is ambiguous, or could not be read to its end.
    #[error("{0}")]
    Archive(#[from] TarProblem),
    /// The blob is no tar archive, and not compressed in a way that can be read. Nothing in it was seen.
    #[error("the content cannot be read: {looks_like}")]
    Opaque {
        /// What it looks like.
        looks_like: &'static str,
    },
    /// Bytes follow the last member or frame.
    #[error("{bytes} bytes{} follow the last member or frame", if *.zeros { ", all of them zero," } else { "" })]
    TrailingData {
        /// How many.
        bytes: u64,
        /// Whether all of them are zero.
        zeros: bool,
    },
    /// Frames that decoders skip. Tables of contents of zstd:chunked are stored like this; so can be anything.
    #[error("zstd frames that decoders skip: {frames}, with {bytes} bytes")]
    SkippableFrame {
        /// How many.
        frames: u64,
        /// The bytes in them.
        bytes: u64,
    },
    /// A path begins with a slash. Runtimes take it as relative to the root of the image.
    #[error("the path {} is absolute", shown(.path))]
    AbsolutePath {
        /// The path.
        path: Vec<u8>,
    },
    /// A path, or the target of a hard link, has the component `..`.
    #[error("the path {} leads upwards", shown(.path))]
    ParentPath {
        /// The path.
        path: Vec<u8>,
    },
    /// A name has control characters, characters that turn the direction of writing, or is not UTF-8.
    #[error("the name {} can mislead", shown(.path))]
    OddName {
        /// The path.
        path: Vec<u8>,
    },
    /// The layer has more entries than are looked at. The rest was counted and hashed only.
    #[error("the layer has more than {limit} entries")]
    EntriesLimit {
        /// The limit.
        limit: u64,
    },
    /// A sparse file expands to too much to be hashed or looked at.
    #[error("{}: the sparse file has {size} bytes, and the archive holds {stored}", shown(.path))]
    SparseTooLarge {
        /// The path.
        path: Vec<u8>,
        /// The size of the file.
        size: u64,
        /// The bytes in the archive.
        stored: u64,
    },
}

impl LayerProblem {
    /// The name of the rule that the layer breaks, for findings and policies.
    pub const fn rule(&self) -> &'static str {
        match self {
            LayerProblem::Unreadable { .. } => "unreadable",
            LayerProblem::Stream(error) => error.rule(),
            LayerProblem::Archive(problem) => problem.rule(),
            LayerProblem::Opaque { .. } => "opaque-layer",
            LayerProblem::TrailingData { .. } => "trailing-data",
            LayerProblem::SkippableFrame { .. } => "skippable-frame",
            LayerProblem::AbsolutePath { .. } => "absolute-path",
            LayerProblem::ParentPath { .. } => "parent-path",
            LayerProblem::OddName { .. } => "odd-name",
            LayerProblem::EntriesLimit { .. } => "entries-limit",
            LayerProblem::SparseTooLarge { .. } => "sparse-too-large",
        }
    }

    /// The path that the problem is about, if it is about one.
    pub fn path(&self) -> Option<&[u8]> {
        match self {
            LayerProblem::AbsolutePath { path }
            | LayerProblem::ParentPath { path }
            | LayerProblem::OddName { path }
            | LayerProblem::SparseTooLarge { path, .. } => Some(path),
            LayerProblem::Archive(problem) => problem.path(),
            _ => None,
        }
    }
}

/// The problems of one rule that are kept. Further ones are counted.
const KEPT_OF_A_RULE: u64 = 1000;

/// Problems, of each rule at most 1,000. Every rule that was broken is among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems<P> {
    kept: Vec<P>,
    counts: BTreeMap<&'static str, u64>,
}

impl<P> Default for Problems<P> {
    fn default() -> Self {
        Problems { kept: Vec::new(), counts: BTreeMap::new() }
    }
}

impl<P> Problems<P> {
    /// Adds a problem of the given rule.
    pub fn add(&mut self, rule: &'static str, problem: P) {
        let count = self.counts.entry(rule).or_insert(0);
        *count = count.saturating_add(1);
        if *count <= KEPT_OF_A_RULE {
            self.kept.push(problem);
        }
    }

    /// The problems that were kept, in the order in which they were found.
    pub fn kept(&self) -> &[P] {
        &self.kept
    }

    /// How often each rule was broken, with the problems that were not kept.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}
