//! The report of an audit. Nothing in it depends on the clock, on threads or on the order of files; lists are sorted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::Finding;
use crate::format::statement::Crossing;
use crate::format::{Sum, Timestamp};
use crate::oci::{Digest, MediaType, RefName};
use crate::packages::{Kind, Package};
use crate::verbs::report::{OmissionReport, SignerReport};

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

/// What an audit is based on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Basis {
    /// The program and its version.
    pub build: String,
    /// The time that ages and ends are measured at.
    pub at: Timestamp,
    /// The limits, by option.
    pub limits: BTreeMap<String, u64>,
    /// The policy files, in their order.
    pub policies: Vec<NamedSum>,
    /// The files of ignored findings.
    pub ignores: Vec<NamedSum>,
    /// The advisory databases.
    pub advisories: Vec<DatabaseReport>,
    /// The statements about exploitability (VEX).
    pub vex: Vec<NamedSum>,
    /// The keys and certificates for signatures in the cargo.
    pub keys: Vec<NamedSum>,
    /// The guard's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<NamedSum>,
}

/// A file that the audit used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedSum {
    /// The file name as given.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Sum,
}

/// An advisory database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DatabaseReport {
    /// The file or folder as given.
    pub name: String,
    /// The SHA-256 of the file; of a folder, that of the sorted list of its names and sums.
    pub sha256: Sum,
    /// When its newest record was changed, as the record says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The number of its records.
    pub records: u64,
}

/// A bundle that was audited.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedBundle {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Whether the control chunk has an accepted signature of a trusted packer.
    pub verified: bool,
    /// The holders and keys whose packer signatures were accepted.
    pub packed_by: Vec<SignerReport>,
    /// Whether enough releasers signed it; absent if no trust policy was given.
    pub released: Option<bool>,
    /// The holders and keys whose release signatures count.
    pub released_by: Vec<SignerReport>,
    /// When the control chunk was sealed.
    pub created: Timestamp,
    /// When the bundle expires; absent if it does not.
    pub expires: Option<Timestamp>,
    /// The number of its chunks.
    pub chunks: u32,
    /// The chunks that are missing or damaged.
    pub missing: Vec<u32>,
    /// The total size of its blobs in bytes.
    pub payload_bytes: u64,
}

/// What was seen, and what was not.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Coverage {
    /// Whether everything was examined: all lists below are empty.
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

/// An artifact: what a tag or digest of the bundle points at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedArtifact {
    /// Its name, as in its reference; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The media type of its manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if the manifest or index states one.
    pub artifact_type: Option<MediaType>,
    /// The annotations of its manifest or index.
    pub annotations: BTreeMap<String, String>,
    /// The manifests that it consists of: itself, or the children of its index, in their order.
    pub manifests: Vec<AuditedManifest>,
    /// The referrers of the artifact and of its manifests, and the referrers of these.
    pub referrers: Vec<AuditedReferrer>,
}

/// A manifest of an artifact.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedManifest {
    /// Its digest.
    pub digest: Digest,
    /// The platform, as the index states it.
    pub platform: Option<String>,
    /// Whether it travels.
    pub carried: bool,
    /// Its layers or blobs, in their order.
    pub blobs: Vec<Digest>,
}

/// A referrer, such as a signature, an SBOM or an attestation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct AuditedReferrer {
    /// The digest of its subject.
    pub subject: Digest,
    /// The digest of the referrer's manifest or index.
    pub digest: Digest,
    /// What it is: `signature`, `sbom`, `attestation`, or its artifact type.
    pub kind: String,
    /// The artifact type, if the referrer states one.
    pub artifact_type: Option<MediaType>,
}

/// An image: a manifest with layers and a configuration.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedImage {
    /// The digest of the manifest.
    pub digest: Digest,
    /// The names of the artifacts that it belongs to.
    pub names: Vec<RefName>,
    /// The platform that the configuration states, e.g. `linux/amd64`.
    pub platform: String,
    /// The operating system as the root file system names it, e.g. `Debian GNU/Linux 12 (bookworm)`.
    pub system: Option<String>,
    /// What the configuration says.
    pub config: ImageConfig,
    /// The layers, base layer first.
    pub layers: Vec<ImageLayer>,
    /// The number of entries of its root file system.
    pub entries: u64,
    /// The sizes of the files of its root file system, together.
    pub bytes: u64,
    /// The number of its packages.
    pub packages: u64,
    /// How many files no package owns, if it has a package database; absent otherwise.
    pub unowned: Option<u64>,
}

/// What the configuration of an image says (image-spec, "config").
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ImageConfig {
    /// When it was created, as it says.
    pub created: Option<String>,
    /// The user that it runs as; empty for root.
    pub user: String,
    /// The entry point.
    pub entrypoint: Vec<String>,
    /// The arguments.
    pub cmd: Vec<String>,
    /// The environment variables. Values that look like secrets are replaced.
    pub env: Vec<String>,
    /// The working directory.
    pub working_dir: String,
    /// The ports.
    pub exposed_ports: Vec<String>,
    /// The volumes.
    pub volumes: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// A layer, as an image uses it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImageLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// The command that made it, as the history says.
    pub created_by: Option<String>,
    /// Whether its content has the digest that the configuration states; absent if it was not read.
    pub diff_id_holds: Option<bool>,
}

/// A layer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// The media type in its descriptor.
    pub media_type: MediaType,
    /// Its form, e.g. `gzip`, `zstd`, `tar` or `opaque`.
    pub encoding: String,
    /// The number of its compressed parts: gzip members or zstd frames.
    pub parts: u64,
    /// The digest of its content; absent if it was not read to its end.
    pub diff_id: Option<Digest>,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it expands to, in bytes, as far as it was read.
    pub expanded: u64,
    /// The number of its entries, by type: `file`, `folder`, `symlink`, `hardlink`, `device`, `fifo`, `whiteout`.
    pub entries: BTreeMap<String, u64>,
    /// Whether it was read to its end.
    pub read: bool,
    /// The URLs in its descriptor.
    pub urls: Vec<String>,
    /// Whether it travels.
    pub carried: bool,
    /// The images that use it.
    pub images: Vec<Digest>,
}

/// An entry of the root file system of an image. These are not in the report, which would be many times as large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileLine {
    /// The manifest of the image.
    pub image: Digest,
    /// The path without a leading slash. Bytes that are not UTF-8 are written `\xNN`.
    pub path: String,
    /// `file`, `folder`, `symlink`, `hardlink`, `device` or `fifo`.
    pub kind: String,
    /// The permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The size in bytes.
    pub size: u64,
    /// When it was last changed, in seconds since 1970; absent for a folder that no layer has an entry for.
    pub mtime: Option<i64>,
    /// Where a link leads.
    pub target: Option<String>,
    /// The layer that it comes from.
    pub layer: Option<Digest>,
}

/// A package, and where it is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedPackage {
    /// Its package URL.
    pub purl: String,
    /// What the database says.
    #[serde(flatten)]
    pub package: Package,
    /// The layer that the entry or file comes from.
    pub layer: Digest,
    /// The path of the database, or of the file that describes it.
    pub path: String,
    /// The images that have it.
    pub images: Vec<Digest>,
}

/// An SBOM that travels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedBom {
    /// The digest of the blob.
    pub digest: Digest,
    /// The image that it is attached to.
    pub of: Digest,
    /// Its format and version, e.g. `SPDX 2.3`.
    pub format: String,
    /// The tools that made it.
    pub made_by: Vec<String>,
    /// When it was made, as it says.
    pub created: Option<String>,
    /// The number of its packages.
    pub packages: u64,
    /// Whether it was compared with the content of the image.
    pub compared: bool,
    /// Packages that only the SBOM has.
    pub only_there: Vec<String>,
    /// Packages that only the image has.
    pub only_here: Vec<String>,
    /// Packages of which the image has another version.
    pub version_differs: Vec<VersionDiffers>,
}

/// A package of which an SBOM and the image have different versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct VersionDiffers {
    /// The package URL without its version.
    pub purl: String,
    /// The version in the SBOM.
    pub there: String,
    /// The version in the image.
    pub here: String,
}

/// An attestation that travels (in-toto).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedStatement {
    /// The digest of the blob.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub of: Digest,
    /// The type of its predicate.
    pub predicate: String,
    /// Whether it says that its subject is what it is attached to.
    pub subject_holds: bool,
    /// The builder, if it is a provenance.
    pub builder: Option<String>,
}

/// A signature that travels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedSignature {
    /// The digest of the manifest that it is for.
    pub of: Digest,
    /// The digest of the blob or manifest that holds it.
    pub digest: Digest,
    /// The system: `cosign` or `notation`.
    pub kind: String,
    /// The result.
    pub status: SignatureStatus,
    /// The file of the key or certificate that it was checked with, or who signed.
    pub by: Option<String>,
    /// Why it is invalid or unverifiable.
    pub why: Option<String>,
}

/// The result of checking a signature in the cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureStatus {
    /// A given key made it, over this manifest.
    Valid,
    /// It is wrong.
    Invalid,
    /// It cannot be checked.
    Unverifiable,
}

/// A known flaw of a package.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedAdvisory {
    /// Its id.
    pub id: String,
    /// Other ids of the same flaw.
    pub aliases: Vec<String>,
    /// The package URL of the package.
    pub package: String,
    /// The version in which it is fixed.
    pub fixed: Option<String>,
    /// How grave it is, as the database says.
    pub severity: super::finding::Severity,
    /// Its summary.
    pub summary: String,
    /// What a VEX statement says of it, with its reason.
    pub vex: Option<String>,
}

/// The judgement by the policy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Judgement {
    /// Whether the transfer is allowed.
    pub allowed: bool,
    /// Why it is denied.
    pub denials: Vec<Denial>,
    /// Denials that are accepted, with the reason.
    pub ignored: Vec<Ignored>,
}

/// A reason for which the policy denies the transfer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Denial {
    /// The rule of the policy, as its key in the file.
    pub rule: String,
    /// What it is about: an artifact, layer, package or path.
    pub place: String,
    /// Why, in a sentence.
    pub text: String,
    /// The finding, if it is about one.
    pub finding: Option<Sum>,
}

/// A denial that is accepted for some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Ignored {
    /// The finding that was denied, if it was one.
    pub finding: Option<Sum>,
    /// The rule of the policy.
    pub rule: String,
    /// What it is about.
    pub place: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Timestamp,
}

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

/// A layer that its publisher does not let be distributed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ForeignLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it can be had.
    pub urls: Vec<String>,
    /// Whether it travels.
    pub carried: bool,
}
