//! The report of an audit. Nothing in it depends on the clock, on threads or on the order of files; lists are sorted.

mod archives;
mod artifact;
mod attached;
mod basis;
mod coverage;
mod image;
mod judgement;
mod layer;
mod package;

use schemars::JsonSchema;
use serde::Serialize;

use crate::verbs::audit::finding::Finding;
use crate::verbs::forecast::GuardReport;
use crate::verbs::report::OmissionReport;

pub use archives::AuditedArchives;
pub use artifact::{AuditedArtifact, AuditedManifest, AuditedReferrer};
pub use attached::{AuditedBom, AuditedSignature, AuditedStatement, SignatureStatus, VersionDiffers};
pub use basis::{AuditedBundle, Basis, DatabaseReport, NamedSum, PackageScope};
pub use coverage::{Coverage, LimitHit, Totals, Unseen};
pub use image::{AuditedImage, FileLine, HiddenFiles, ImageConfig, ImageLayer};
pub use judgement::{Denial, Ignored, Judgement, NotCounted, PolicyWarning};
pub use layer::{AuditedLayer, ForeignLayer};
pub use package::{AuditedAdvisory, AuditedPackage};

/// The first line of what a report is.
pub const SCHEMA: &str = "carnet-audit v1";

/// The report of `audit`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditReport {
    /// `carnet-audit v1`.
    pub schema: String,
    /// What the audit is based on.
    pub basis: Basis,
    /// The bundles, in the order of their names. Empty if a source was audited before it was packed.
    pub bundles: Vec<AuditedBundle>,
    /// The sources, if sources were audited instead of bundles.
    pub sources: Vec<String>,
    /// What was seen, and what was not.
    pub coverage: Coverage,
    /// How much comes in.
    pub totals: Totals,
    /// The artifacts, by name and digest, without referrers.
    pub artifacts: Vec<AuditedArtifact>,
    /// The images: manifests with layers that hold a root file system. By digest.
    pub images: Vec<AuditedImage>,
    /// The layers of all images and other artifacts, each once, by digest.
    pub layers: Vec<AuditedLayer>,
    /// The packages of all images, each once with the images that have it, by package.
    pub packages: Vec<AuditedPackage>,
    /// The SBOMs that travel, and how they differ from what is there.
    pub boms: Vec<AuditedBom>,
    /// The attestations that travel.
    pub statements: Vec<AuditedStatement>,
    /// The signatures that travel.
    pub signatures: Vec<AuditedSignature>,
    /// The findings: the gravest first.
    pub findings: Vec<Finding>,
    /// Known flaws of the packages; empty if no database was given, which says nothing.
    pub advisories: Vec<AuditedAdvisory>,
    /// The judgement by the policy, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Judgement>,
    /// What the guard will count, if a profile was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
    /// Layers that their publisher does not let be distributed.
    pub nondistributable: Vec<ForeignLayer>,
    /// What the artifacts reference, but the bundles leave out.
    pub omitted: Vec<OmissionReport>,
}
