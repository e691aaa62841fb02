//! The report of a comparison. Nothing in it depends on the clock, on threads or on the order of files; lists are sorted.

use schemars::JsonSchema;
use serde::Serialize;

use crate::verbs::audit::{AuditedBundle, Coverage, Rule};

/// The first line of what a report is.
pub(super) const SCHEMA: &str = "carnet-diff v1";

/// The report of `diff`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DifferenceReport {
    /// `carnet-diff v1`.
    pub schema: String,
    /// The program and its version.
    pub build: String,
    /// What it was.
    pub old: Side,
    /// What it is.
    pub new: Side,
    /// The images that were compared, by name and platform.
    pub images: Vec<String>,
    /// What was not compared, in sentences. What has the same digest on both sides need not be.
    pub not_compared: Vec<String>,
    /// The changes, by what they are about.
    pub changes: Vec<Change>,
    /// How many more changes of files there are than are listed.
    pub more: u64,
}

/// One side of a comparison.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Side {
    /// The bundles, in the order of their names. Empty for sources.
    pub bundles: Vec<AuditedBundle>,
    /// The sources, if it is not a bundle.
    pub sources: Vec<String>,
    /// What was seen, and what was not.
    pub coverage: Coverage,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Matter {
    /// A name, and the artifact that it points at.
    Artifact,
    /// A platform of an artifact.
    Platform,
    /// What an image says of how it runs: user, entry point, environment, labels, and so on.
    Setting,
    /// A signature that travels.
    Signature,
    /// An SBOM that travels.
    Sbom,
    /// An attestation that travels.
    Attestation,
    /// Another referrer.
    Referrer,
    /// A package.
    Package,
    /// A file, folder or link of an image, as a container sees it.
    File,
    /// A finding of the audit.
    Finding,
    /// A layer, or another blob of an artifact.
    Layer,
}

impl Matter {
    /// Returns the word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Matter::Artifact => "artifact",
            Matter::Platform => "platform",
            Matter::Setting => "setting",
            Matter::Signature => "signature",
            Matter::Sbom => "sbom",
            Matter::Attestation => "attestation",
            Matter::Referrer => "referrer",
            Matter::Package => "package",
            Matter::File => "file",
            Matter::Finding => "finding",
            Matter::Layer => "layer",
        }
    }
}

/// How something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Only the new side has it.
    New,
    /// Only the old side has it.
    Gone,
    /// A name points at another artifact, or another tag of the repository takes its place.
    Moved,
    /// The same artifact has another name.
    Renamed,
    /// The new version is later, in the order of its package system.
    Upgraded,
    /// The new version is earlier, in the order of its package system.
    Downgraded,
    /// It is another one.
    Changed,
}

impl How {
    /// Returns the word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            How::New => "new",
            How::Gone => "gone",
            How::Moved => "moved",
            How::Renamed => "renamed",
            How::Upgraded => "upgraded",
            How::Downgraded => "downgraded",
            How::Changed => "changed",
        }
    }
}

/// One change. Changes are sorted by what they are about, then by its name. The same change in several images is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Change {
    /// What it is about.
    pub matter: Matter,
    /// The name of that: of an artifact, package, path, setting or rule.
    pub what: String,
    /// How it has changed.
    pub how: How,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
    /// The images that have the change; empty if it does not concern images.
    pub images: Vec<String>,
    /// Of a file: the rules of findings about it that are new.
    pub rules: Vec<Rule>,
    /// Whether it follows from another change: a layer from its files, the database of packages from the packages, what is
    /// in a new folder from the folder, a finding from its file.
    pub follows: bool,
}
