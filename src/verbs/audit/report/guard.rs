//! What a guard will count.

use schemars::JsonSchema;
use serde::Serialize;

/// What a guard will count.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GuardReport {
    /// The name of the profile.
    pub profile: String,
    /// The chunk files, in the order of their names.
    pub files: Vec<GuardedFile>,
}

/// What a guard counts in one chunk file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GuardedFile {
    /// The name of the file.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type, as the profile's names go.
    pub media_type: String,
    /// The deepest archive.
    pub depth: u64,
    /// The number of all entries at all depths.
    pub entries: u64,
    /// The bytes that were extracted at all depths.
    pub expanded: u64,
    /// Thousandths of the ratio of the extracted bytes to its size.
    pub ratio_milli: u64,
    /// What is over a limit, in sentences.
    pub problems: Vec<String>,
}
