//! A package that has a known flaw.

use super::level::Level;

/// A known flaw of a package. All records that are about the same flaw are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affected {
    /// Its id: that of CVE, if it has one.
    pub id: String,
    /// Its other ids, sorted.
    pub aliases: Vec<String>,
    /// The ids of the flaws that a record of the distribution sums up, sorted.
    pub upstream: Vec<String>,
    /// Why it is not certain that the package has the flaw; `None` if it is.
    pub undetermined: Option<String>,
    /// The earliest version without the flaw, if there is one.
    pub fixed: Option<String>,
    /// How grave it is.
    pub level: Level,
    /// A CVSS vector, if a record has one.
    pub vector: Option<String>,
    /// One sentence on it, as a record says.
    pub summary: String,
    /// When a record was last changed, as it says.
    pub modified: Option<String>,
}
