//! SPDX 2 in JSON (ISO/IEC 5962): packages, the creation, and what the document describes.

use serde::de::{MapAccess, SeqAccess};

use super::lenient::{Take, Texts, next, skip, value};
use super::model::{BomPackage, BomSubject};
use super::package_list::PackageList;
use crate::oci::Digest;

/// Most creators that are kept.
const CREATORS_MAX: usize = 64;

/// Most things that a document describes. An image has one.
const DESCRIBED_MAX: usize = 64;

/// The id of every document.
const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";

/// The array `packages`. What may be the subject of the document is also kept apart, because the document says which of
/// its packages that is only before or after them.
pub(super) struct Packages<'a> {
    /// The packages.
    pub(super) list: &'a mut PackageList,
    /// Packages that are containers, files or operating systems, with their ids.
    pub(super) candidates: &'a mut Vec<(String, BomSubject)>,
}

impl Take for Packages<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut found = Found::default();
        let more = next(items, &mut found)?;
        if found.is_object {
            found.add_to(self);
        }
        Ok(more)
    }
}

#[derive(Default)]
struct Found {
    is_object: bool,
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    purpose: Option<String>,
    purl: Option<String>,
    declared: Option<String>,
    concluded: Option<String>,
    digests: Vec<Digest>,
}

impl Found {
    fn add_to(self, packages: &mut Packages<'_>) {
        let id = self.id.clone().unwrap_or_default();
        let purl = self.purl.as_deref().unwrap_or_default();
        // An image, also where older tools do not state a purpose.
        let is_image = purl.starts_with("pkg:oci/") || purl.starts_with("pkg:docker/");
        let is_other = match self.purpose.as_deref() {
            Some("CONTAINER" | "OPERATING-SYSTEM" | "OPERATING_SYSTEM" | "FILE" | "DEVICE" | "FIRMWARE") => {
                true
            }
            // Scanners also list lock files and folders as applications. Layers are archives.
            Some("APPLICATION" | "ARCHIVE") => self.purl.is_none() && self.version.is_none(),
            _ => is_image,
        };
        if is_other {
            packages.list.others += 1;
            if packages.candidates.len() < DESCRIBED_MAX {
                packages.candidates.push((id, self.subject()));
            }
            return;
        }
        let is_stated = |licence: &String| !matches!(licence.as_str(), "NOASSERTION" | "NONE");
        let licence = self.declared.filter(is_stated).or(self.concluded.filter(is_stated));
        let package = BomPackage {
            name: self.name.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            purl: self.purl,
            licences: licence.into_iter().collect(),
        };
        packages.list.push(package, &id);
    }

    fn subject(self) -> BomSubject {
        BomSubject {
            name: self.name.unwrap_or_default(),
            version: self.version,
            purl: self.purl,
            digests: self.digests,
        }
    }
}

impl Take for Found {
    fn object(&mut self) {
        self.is_object = true;
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "SPDXID" => value(fields, &mut self.id),
            "name" => value(fields, &mut self.name),
            "versionInfo" => value(fields, &mut self.version),
            "primaryPackagePurpose" => value(fields, &mut self.purpose),
            "licenseDeclared" => value(fields, &mut self.declared),
            "licenseConcluded" => value(fields, &mut self.concluded),
            "externalRefs" => value(fields, &mut ExternalRefs(&mut self.purl)),
            "checksums" => value(fields, &mut Checksums(&mut self.digests)),
            _ => skip(fields),
        }
    }
}

/// The array `externalRefs`, of which the first package URL counts.
struct ExternalRefs<'a>(&'a mut Option<String>);

impl Take for ExternalRefs<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut pair = Pair::of("referenceType", "referenceLocator");
        let more = next(items, &mut pair)?;
        if pair.first.as_deref() == Some("purl") && self.0.is_none() {
            *self.0 = pair.second;
        }
        Ok(more)
    }
}

/// The array `checksums`.
struct Checksums<'a>(&'a mut Vec<Digest>);

impl Take for Checksums<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut pair = Pair::of("algorithm", "checksumValue");
        let more = next(items, &mut pair)?;
        let algorithm = match pair.first.as_deref() {
            Some("SHA256") => "sha256:",
            Some("SHA512") => "sha512:",
            _ => return Ok(more),
        };
        let text = format!("{algorithm}{}", pair.second.unwrap_or_default().to_ascii_lowercase());
        if self.0.len() < 8 {
            self.0.extend(text.parse::<Digest>().ok());
        }
        Ok(more)
    }
}

/// Two keys of an object, as texts.
struct Pair {
    keys: [&'static str; 2],
    first: Option<String>,
    second: Option<String>,
}

impl Pair {
    fn of(first: &'static str, second: &'static str) -> Pair {
        Pair { keys: [first, second], first: None, second: None }
    }
}

impl Take for Pair {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        let [first, second] = self.keys;
        if key == first {
            value(fields, &mut self.first)
        } else if key == second {
            value(fields, &mut self.second)
        } else {
            skip(fields)
        }
    }
}

/// The object `creationInfo`.
pub(super) struct Creation {
    /// When the SBOM was made.
    pub(super) created: Option<String>,
    creators: Texts,
}

impl Default for Creation {
    fn default() -> Creation {
        Creation { created: None, creators: Texts::up_to(CREATORS_MAX) }
    }
}

impl Creation {
    /// Returns who made it. That something is a tool need not be said.
    pub(super) fn made_by(self) -> Vec<String> {
        let name = |text: String| text.strip_prefix("Tool: ").map(str::to_owned).unwrap_or(text);
        self.creators.found.into_iter().map(name).collect()
    }
}

impl Take for Creation {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "created" => value(fields, &mut self.created),
            "creators" => value(fields, &mut self.creators),
            _ => skip(fields),
        }
    }
}

/// The ids of what the document describes: `documentDescribes`, or relationships.
pub(super) struct Described(pub(super) Texts);

impl Default for Described {
    fn default() -> Described {
        Described(Texts::up_to(DESCRIBED_MAX))
    }
}

/// The array `relationships`, of which only those count by which the document describes something.
impl Take for Described {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut found = Relationship::default();
        let more = next(items, &mut found)?;
        let (from, to) = (found.from.unwrap_or_default(), found.to.unwrap_or_default());
        match found.kind.as_deref() {
            Some("DESCRIBES") if from == DOCUMENT_ID => self.0.push(Some(to)),
            Some("DESCRIBED_BY") if to == DOCUMENT_ID => self.0.push(Some(from)),
            _ => {}
        }
        Ok(more)
    }
}

#[derive(Default)]
struct Relationship {
    from: Option<String>,
    kind: Option<String>,
    to: Option<String>,
}

impl Take for Relationship {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "spdxElementId" => value(fields, &mut self.from),
            "relationshipType" => value(fields, &mut self.kind),
            "relatedSpdxElement" => value(fields, &mut self.to),
            _ => skip(fields),
        }
    }
}
