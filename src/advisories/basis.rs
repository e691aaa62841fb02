//! Which database an audit rests on.

use crate::oci::Digest;

/// A database, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The path, as it was given.
    pub name: String,
    /// The SHA-256 of the file. Of a folder: that of a text with one line for each file that was read, sorted by name:
    /// `SUM  NAME`, as `sha256sum` writes it.
    pub sha256: Digest,
    /// When the newest record was changed, as it says; `None` if the records have no date.
    pub newest: Option<String>,
    /// The number of records, of all packages.
    pub records: u64,
    /// The ecosystems that have records, sorted, e.g. `Debian:12`. Only those that the packages need.
    pub ecosystems: Vec<String>,
}
