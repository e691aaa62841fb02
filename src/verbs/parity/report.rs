//! The report of `parity`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::Sum;
use crate::format::statement::Crossing;

/// A parity file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ParityFileReport {
    /// The number of the file among the parity files of the bundle.
    pub number: u32,
    /// The path of the file.
    pub file: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The group of chunks that it protects.
    pub group: u32,
    /// Whether the file was there already.
    pub kept: bool,
}

/// The report of `parity`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ParityReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// How many chunks the bundle has.
    pub chunks: u32,
    /// How many groups the chunks are dealt into.
    pub groups: u32,
    /// How many files of each group may be lost, chunks and parity files together.
    pub losses: u32,
    /// How many volumes of their own the parity files are in; 0 if they are in one folder.
    pub volumes: usize,
    /// How many release signatures of the control chunk the parity files keep.
    pub signatures: usize,
    /// The parity files, by number.
    pub files: Vec<ParityFileReport>,
}
