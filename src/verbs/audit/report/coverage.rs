//! What was seen, what was not, and how much it is.

use schemars::JsonSchema;
use serde::Serialize;

use crate::oci::Digest;
use crate::packages::Kind;

/// What was seen, and what was not.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Coverage {
    /// Whether all blobs were examined: all lists below are empty.
    pub complete: bool,
    /// How many layers there are.
    pub layers: u64,
    /// How many of them were read to their end.
    pub layers_read: u64,
    /// What is in a form that is not read.
    pub opaque: Vec<Unseen>,
    /// What is not there, or was read in part only.
    pub unread: Vec<Unseen>,
    /// The limits that were hit.
    pub limits_hit: Vec<LimitHit>,
    /// How many archives and compressed files in layers were not opened, or not read to their end. All blobs can be examined
    /// and these not: most images have some in forms that are not read.
    pub unopened_archives: u64,
    /// Whether advisory databases were given.
    pub has_advisories: bool,
    /// The kinds of packages that no database covers, if databases were given.
    pub kinds_without_advisories: Vec<Kind>,
}

/// A blob that was not seen, or not in full.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unseen {
    /// The digest of the blob.
    pub digest: Digest,
    /// Why.
    pub why: String,
}

/// A limit that was hit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct LimitHit {
    /// The rule that names the limit.
    pub limit: String,
    /// Where.
    pub place: String,
}

/// How much comes in.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Totals {
    /// Artifacts, without referrers.
    pub artifacts: u64,
    /// Referrers.
    pub referrers: u64,
    /// Images: one for each platform.
    pub images: u64,
    /// Layers, each counted once.
    pub layers: u64,
    /// Files, folders and links in the layers.
    pub entries: u64,
    /// Packages, each counted once.
    pub packages: u64,
    /// Bytes carried.
    pub bytes: u64,
    /// Bytes that the layers expand to.
    pub expanded: u64,
}
