//! What an audit found, as far as rules ask for it.

use serde::Deserialize;

use crate::format::Timestamp;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look.
    Low,
    /// Should be put right.
    Medium,
    /// Must be put right.
    High,
    /// Must be put right at once.
    Critical,
}

/// All facts of one run.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    /// The artifacts.
    pub artifacts: Vec<Artifact>,
    /// The packages.
    pub packages: Vec<Package>,
    /// The findings; those on secrets have a rule that begins with `secret`, those on setuid files have `setuid`, those on
    /// archives that were not opened `unopened-archive`.
    pub findings: Vec<Finding>,
    /// All bytes of the bundles.
    pub bytes: u64,
    /// What was opaque: a sentence each.
    pub opaque: Vec<String>,
    /// The limits that were hit: a sentence each.
    pub limits_hit: Vec<String>,
    /// What else was not examined, e.g. missing chunks or ecosystems without advisories: a sentence each.
    pub not_covered: Vec<String>,
    /// The time of the audit, for ages and ends; without, ages cannot be told and are denied if a rule asks for them.
    pub at: Option<Timestamp>,
}

/// One artifact.
#[derive(Debug, Default, Clone)]
pub struct Artifact {
    /// Its digest.
    pub digest: String,
    /// Its names; none if it has only the digest.
    pub names: Vec<String>,
    /// Its platforms, as `os/arch`.
    pub platforms: Vec<String>,
    /// When its configuration says it was made.
    pub created: Option<Timestamp>,
    /// The media types of its manifest and layers.
    pub media_types: Vec<String>,
    /// Its size in bytes, with its layers.
    pub bytes: u64,
    /// Its signatures.
    pub signatures: Vec<Signature>,
    /// How many SBOMs are attached.
    pub boms: u64,
}

/// A signature of an artifact.
#[derive(Debug, Clone)]
pub struct Signature {
    /// What was found.
    pub status: SignatureStatus,
    /// Who signed, if it is valid. Two signatures of one signer count once.
    pub signer: Option<Signer>,
}

/// Who made a valid signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// The file of the key or trusted certificate, as it was given.
    pub file: String,
    /// The subject of the signer's certificate, if there is one.
    pub subject: Option<String>,
    /// The SHA-256 of the signer's public key.
    pub key: String,
}

/// What the check of a signature came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureStatus {
    /// It holds, by a key that was given.
    Valid,
    /// It does not hold.
    Invalid,
    /// It cannot be checked.
    Unverifiable,
}

/// A package.
#[derive(Debug, Default, Clone)]
pub struct Package {
    /// Its package URL.
    pub purl: String,
    /// Its kind, e.g. `deb`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its declared licences.
    pub licences: Vec<String>,
    /// Where it is: artifact or layer, and path.
    pub place: String,
}

/// A finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its rule.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// Where.
    pub place: String,
    /// What.
    pub text: String,
}
