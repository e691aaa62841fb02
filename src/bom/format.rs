//! The formats of SBOMs, and which of them are compared.

/// The format of an SBOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// CycloneDX in JSON.
    CycloneDx,
    /// CycloneDX in XML.
    CycloneDxXml,
    /// SPDX 2 in JSON.
    Spdx,
    /// SPDX 2 as lines of tags and values.
    SpdxTagValue,
    /// SPDX 2 in RDF/XML.
    SpdxRdf,
    /// SPDX 3 in JSON-LD.
    Spdx3,
    /// The own JSON of Syft.
    Syft,
}

/// The versions of CycloneDX that are compared. 1.2 and 1.3 have the same fields.
const CYCLONEDX_VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

/// The versions of SPDX that are compared.
const SPDX_VERSIONS: [&str; 2] = ["2.2", "2.3"];

impl Format {
    /// Returns its name for people. A version can follow.
    pub fn name(self) -> &'static str {
        match self {
            Format::CycloneDx | Format::CycloneDxXml => "CycloneDX",
            Format::Spdx | Format::SpdxTagValue | Format::SpdxRdf | Format::Spdx3 => "SPDX",
            Format::Syft => "Syft JSON",
        }
    }

    /// Returns why an SBOM in this format and version is not compared; `None` if it is.
    pub fn not_compared(self, version: &str) -> Option<String> {
        let form = match self {
            Format::CycloneDx if CYCLONEDX_VERSIONS.contains(&version) => return None,
            Format::Spdx if SPDX_VERSIONS.contains(&version) => return None,
            Format::CycloneDx => return Some(other_version(self, version, &CYCLONEDX_VERSIONS)),
            Format::Spdx => return Some(other_version(self, version, &SPDX_VERSIONS)),
            Format::CycloneDxXml => "CycloneDX in XML",
            Format::SpdxTagValue => "SPDX in tags and values",
            Format::SpdxRdf => "SPDX in RDF",
            Format::Spdx3 => "SPDX 3",
            Format::Syft => "the JSON of Syft",
        };
        Some(format!("{form} is not read, only CycloneDX and SPDX 2 in JSON"))
    }
}

fn other_version(format: Format, version: &str, known: &[&str]) -> String {
    let version = if version.is_empty() { "without a version" } else { version };
    format!("{} {version} is not known, only {}", format.name(), known.join(", "))
}
