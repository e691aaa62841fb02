//! A VEX document of any of the known forms.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::purl::Purl;
use super::statement::VexStatement;
use super::{csaf, cyclonedx, openvex};
use crate::oci::json::values;

/// The longest document, in bytes.
const VEX_BYTES_MAX: usize = 32 << 20;

/// The most values in objects and lists of a document. Those about a kernel have some hundred thousand. A
/// value takes up to some hundred bytes of memory, and may have four as text.
const VALUES_MAX: usize = 1_000_000;

/// The statements of a document.
#[derive(Debug, Default, Clone)]
pub struct Vex {
    statements: Vec<VexStatement>,
    by_id: HashMap<String, Vec<usize>>,
}

/// Why a text is no VEX document.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// It is longer than the limit of 32 MiB.
    #[error("the document has {found} bytes; expected at most {limit}")]
    TooLong {
        /// Its size in bytes.
        found: usize,
        /// The largest allowed size in bytes.
        limit: usize,
    },
    /// It has too many parts.
    #[error("the document has {found} values in objects and lists; expected at most {limit}")]
    TooMany {
        /// About how many it has.
        found: usize,
        /// The most that are read.
        limit: usize,
    },
    /// It is not JSON, or breaks the form of its kind.
    #[error("the document cannot be read: {0}")]
    Broken(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("expected a VEX document of OpenVEX, CycloneDX or CSAF, found other JSON")]
    Unknown,
}

/// What tells the forms apart.
#[derive(Deserialize)]
struct Glance {
    #[serde(rename = "@context")]
    context: Option<IgnoredAny>,
    #[serde(rename = "predicateType")]
    predicate_type: Option<String>,
    #[serde(rename = "bomFormat")]
    bom_format: Option<IgnoredAny>,
    document: Option<IgnoredAny>,
}

impl Vex {
    /// Reads a document.
    ///
    /// # Errors
    /// [`VexError`].
    pub fn read(bytes: &[u8]) -> Result<Vex, VexError> {
        if bytes.len() > VEX_BYTES_MAX {
            return Err(VexError::TooLong { found: bytes.len(), limit: VEX_BYTES_MAX });
        }
        let found = values(bytes);
        if found > VALUES_MAX {
            return Err(VexError::TooMany { found, limit: VALUES_MAX });
        }
        let glance: Glance = serde_json::from_slice(bytes)?;
        let is_openvex = |name: String| name.contains("openvex.dev/ns");
        let statements = if glance.predicate_type.is_some_and(is_openvex) {
            openvex::read_attestation(bytes)?
        } else if glance.bom_format.is_some() {
            cyclonedx::read(bytes)?
        } else if glance.context.is_some() {
            openvex::read(bytes)?
        } else if glance.document.is_some() {
            csaf::read(bytes)?
        } else {
            return Err(VexError::Unknown);
        };
        let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, statement) in statements.iter().enumerate() {
            for id in &statement.ids {
                by_id.entry(id.clone()).or_default().push(place);
            }
        }
        Ok(Vex { statements, by_id })
    }

    /// The number of its statements.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether it has no statement.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The statement of these documents that counts for a flaw of a package: the latest one, and of those without a time
    /// the last. One with a time is later than those without.
    ///
    /// `ids` are all ids of the flaw, `package` is the package URL, `images` are the digests (`sha256:…`) or the package
    /// URLs of the images that the package is in. A statement on an image counts for all of its packages, unless it names
    /// parts.
    pub fn about<'a>(
        documents: &'a [Vex],
        ids: &[&str],
        package: &str,
        images: &[&str],
    ) -> Option<&'a VexStatement> {
        let package = Purl::read(package)?;
        let of_document = |document: &'a Vex| {
            let places = ids.iter().filter_map(|id| document.by_id.get(*id)).flatten();
            let statements = places.filter_map(|place| Some((*place, document.statements.get(*place)?)));
            statements.filter(|(_, statement)| {
                statement.products.iter().any(|product| product.has(&package, images))
            })
        };
        let found = documents.iter().enumerate().flat_map(|(at, document)| {
            of_document(document).map(move |(place, statement)| ((statement.made, at, place), statement))
        });
        found.max_by_key(|(place, _)| *place).map(|(_, statement)| statement)
    }
}
