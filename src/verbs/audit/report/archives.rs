//! Archives in layers.

use schemars::JsonSchema;
use serde::Serialize;

/// The archives of one form that are files of a layer, and the compressed files that cannot be expanded. Containers of packages
/// that are read as such, like Java archives, are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditedArchives {
    /// Their form, e.g. `zip`, `tar` or `7z`. That an archive is compressed with gzip or zstd makes no difference.
    pub form: String,
    /// Their number.
    pub archives: u64,
    /// Their size in bytes, as files of the layer.
    pub bytes: u64,
    /// The number of files in them, also of files in archives in them.
    pub files: u64,
    /// What was expanded of them, in bytes. What is expanded again counts again.
    pub expanded: u64,
    /// How many of them, and of archives in them, were not opened, or not read to their end: they may hold anything.
    pub unopened: u64,
    /// The paths of the first ones, in the order of the layer.
    pub first: Vec<String>,
}
