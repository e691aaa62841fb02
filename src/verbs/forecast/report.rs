//! What a guard will count.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::Sum;

/// What a guard will count.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GuardReport {
    /// The file name of the profile, as given.
    pub profile: String,
    /// The SHA-256 of the profile.
    pub sha256: Sum,
    /// Whether no chunk file is over a limit.
    pub allowed: bool,
    /// Whether everything was opened that the guard opens.
    pub complete: bool,
    /// Whether it is foreseen what the guard will count. If not, it may open what was not opened here, and more may be over a
    /// limit. Damaged and encrypted archives, which nobody opens, do not count.
    pub foreseen: bool,
    /// What the profile demands and the count does not check, in sentences.
    pub not_checked: Vec<String>,
    /// The chunk files, in the order of their names.
    pub files: Vec<GuardedFile>,
}

/// What a guard counts in one chunk file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct GuardedFile {
    /// The name of the file.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type, as Apache Tika names it.
    pub media_type: String,
    /// Its media type, as libmagic names it (`file --mime-type`).
    pub libmagic: String,
    /// How many archives are open around one another at most, the chunk file itself among them.
    pub depth: u64,
    /// The number of files that it expands to, at all depths.
    pub entries: u64,
    /// The bytes of these files together. A file that is expanded again counts, and so does what is in it.
    pub expanded: u64,
    /// Thousandths of the ratio of these bytes to its size, rounded up.
    pub ratio_milli: u64,
    /// How many files have which media type (the name of Apache Tika), the chunk file itself among them.
    pub media_types: BTreeMap<String, u64>,
    /// How often each limit is passed, by the name of the limit.
    pub over: BTreeMap<String, u64>,
    /// Where it is over a limit, in sentences: the first 100 for each limit.
    pub problems: Vec<String>,
    /// Archives in it that the guard opens and that were not opened here to their end, and why: the first 100.
    pub not_opened: Vec<String>,
    /// How many such archives there are.
    pub not_opened_places: u64,
    /// How many of them the guard may open all the same, so that what it counts there is not foreseen. The others are damaged or
    /// encrypted for every reader.
    pub unforeseen_places: u64,
    /// The limit at which the count ended, if it ended early. The numbers are those up to there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}
