//! What an SBOM says.

use super::format::Format;
use crate::oci::Digest;

/// An SBOM, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bom {
    /// Its format.
    pub format: Format,
    /// The version of the format, e.g. `2.3`; empty if it does not say.
    pub version: String,
    /// The tools, and with SPDX also the people and organisations, that made it, as it says.
    pub made_by: Vec<String>,
    /// When it was made, as it says.
    pub created: Option<String>,
    /// What it describes, if it says.
    pub subject: Option<BomSubject>,
    /// The packages, in its order.
    pub packages: Vec<BomPackage>,
    /// The number of its components that are no packages: files, containers, operating systems.
    pub others: u64,
    /// What could not be read, as sentences for people. What follows it was read all the same, if that was possible.
    pub problems: Vec<String>,
}

impl Bom {
    /// Returns its format and version for people, e.g. `SPDX 2.3`.
    pub fn title(&self) -> String {
        format!("{} {}", self.format.name(), self.version).trim_end().to_owned()
    }

    /// Returns why it cannot be compared with the content of an image; `None` if it can.
    pub fn not_compared(&self) -> Option<String> {
        self.format.not_compared(&self.version)
    }
}

/// What an SBOM describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BomSubject {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Its digests. Tools write that of the manifest, of an index, or of a manifest that they made up themselves.
    pub digests: Vec<Digest>,
}

/// A package in an SBOM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BomPackage {
    /// Its name. With CycloneDX the group stands before it, and a slash.
    pub name: String,
    /// Its version, as it is written; empty if there is none.
    pub version: String,
    /// Its package URL.
    pub purl: Option<String>,
    /// The licences that it declares, word for word.
    pub licences: Vec<String>,
}

impl BomPackage {
    /// Returns its package URL; empty if it has none.
    pub(super) fn purl(&self) -> &str {
        self.purl.as_deref().unwrap_or_default()
    }
}
