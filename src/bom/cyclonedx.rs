//! CycloneDX in JSON, versions 1.2 to 1.7 (ECMA-424): components, which can lie in each other, and the metadata.

use serde::de::{MapAccess, SeqAccess};

use super::lenient::{Take, Texts, next, skip, value};
use super::model::{BomPackage, BomSubject};
use super::package_list::PackageList;
use crate::oci::Digest;

/// Most licences that are kept of a component.
const LICENCES_MAX: usize = 64;

/// Most tools that are kept.
const TOOLS_MAX: usize = 64;

/// An array of components.
pub(super) struct Components<'a>(pub(super) &'a mut PackageList);

impl Take for Components<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut component = Component::new(self.0);
        let more = next(items, &mut component)?;
        let (found, is_object) = (component.found, component.is_object);
        if is_object {
            found.add_to(self.0);
        }
        Ok(more)
    }
}

/// A component, with the list that the components inside it go to.
struct Component<'a> {
    list: &'a mut PackageList,
    found: Found,
    is_object: bool,
}

impl Component<'_> {
    fn new(list: &mut PackageList) -> Component<'_> {
        Component { list, found: Found::default(), is_object: false }
    }
}

impl Take for Component<'_> {
    fn object(&mut self) {
        self.is_object = true;
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "components" => value(fields, &mut Components(self.list)),
            _ => self.found.field(key, fields),
        }
    }
}

/// What a component says of itself.
#[derive(Default)]
pub(super) struct Found {
    kind: Option<String>,
    group: Option<String>,
    name: Option<String>,
    version: Option<String>,
    purl: Option<String>,
    licences: Vec<String>,
    digests: Vec<Digest>,
}

impl Found {
    /// Adds it to the list, if it is a package.
    fn add_to(self, list: &mut PackageList) {
        let is_package = match self.kind.as_deref() {
            Some("library" | "framework") | None => true,
            // Scanners also list lock files and folders as applications.
            Some("application") => self.purl.is_some() || self.version.is_some(),
            Some(_) => false,
        };
        if is_package {
            list.push(self.package(), "");
        } else {
            list.others += 1;
        }
    }

    fn full_name(&self) -> String {
        let name = self.name.clone().unwrap_or_default();
        match &self.group {
            Some(group) if !name.is_empty() => format!("{group}/{name}"),
            _ => name,
        }
    }

    fn package(self) -> BomPackage {
        BomPackage {
            name: self.full_name(),
            version: self.version.unwrap_or_default(),
            purl: self.purl,
            licences: self.licences,
        }
    }

    /// Returns it as what the SBOM describes; `None` if it says nothing.
    pub(super) fn subject(self) -> Option<BomSubject> {
        let name = self.full_name();
        if name.is_empty() && self.version.is_none() && self.digests.is_empty() && self.purl.is_none() {
            return None;
        }
        Some(BomSubject { name, version: self.version, purl: self.purl, digests: self.digests })
    }
}

impl Take for Found {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => value(fields, &mut self.kind),
            "group" => value(fields, &mut self.group),
            "name" => value(fields, &mut self.name),
            "version" => value(fields, &mut self.version),
            "purl" => value(fields, &mut self.purl),
            "licenses" => value(fields, &mut Licences(&mut self.licences)),
            "hashes" => value(fields, &mut Hashes(&mut self.digests)),
            _ => skip(fields),
        }
    }
}

/// The array `licenses`: each item is `{"license": {"id" or "name"}}` or `{"expression"}`.
struct Licences<'a>(&'a mut Vec<String>);

impl Take for Licences<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut licence = Licence::default();
        let more = next(items, &mut licence)?;
        if self.0.len() < LICENCES_MAX {
            self.0.extend(licence.id.or(licence.expression).or(licence.name));
        }
        Ok(more)
    }
}

#[derive(Default)]
struct Licence {
    id: Option<String>,
    name: Option<String>,
    expression: Option<String>,
}

impl Take for Licence {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "license" => value(fields, self),
            "id" => value(fields, &mut self.id),
            "name" => value(fields, &mut self.name),
            "expression" => value(fields, &mut self.expression),
            _ => skip(fields),
        }
    }
}

/// The array `hashes`: `{"alg": "SHA-256", "content": "…"}`.
struct Hashes<'a>(&'a mut Vec<Digest>);

impl Take for Hashes<'_> {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut hash = Hash::default();
        let more = next(items, &mut hash)?;
        let algorithm = match hash.algorithm.as_deref() {
            Some("SHA-256") => "sha256:",
            Some("SHA-512") => "sha512:",
            _ => return Ok(more),
        };
        let text = format!("{algorithm}{}", hash.content.unwrap_or_default().to_ascii_lowercase());
        if self.0.len() < 8 {
            self.0.extend(text.parse::<Digest>().ok());
        }
        Ok(more)
    }
}

#[derive(Default)]
struct Hash {
    algorithm: Option<String>,
    content: Option<String>,
}

impl Take for Hash {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "alg" => value(fields, &mut self.algorithm),
            "content" => value(fields, &mut self.content),
            _ => skip(fields),
        }
    }
}

/// The object `metadata`.
#[derive(Default)]
pub(super) struct Metadata {
    /// When the SBOM was made.
    pub(super) timestamp: Option<String>,
    /// The tools that made it.
    pub(super) tools: Tools,
    /// What it describes.
    pub(super) component: Found,
}

impl Take for Metadata {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "timestamp" => value(fields, &mut self.timestamp),
            "tools" => value(fields, &mut self.tools),
            "component" => value(fields, &mut self.component),
            _ => skip(fields),
        }
    }
}

/// The tools: an array of them until 1.4, from 1.5 on also an object with `components` and `services`.
pub(super) struct Tools(pub(super) Texts);

impl Default for Tools {
    fn default() -> Tools {
        Tools(Texts::up_to(TOOLS_MAX))
    }
}

impl Take for Tools {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "components" | "services" => value(fields, self),
            _ => skip(fields),
        }
    }

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut tool = Found::default();
        let more = next(items, &mut tool)?;
        let name = [tool.name, tool.version].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.0.push((!name.is_empty()).then_some(name));
        Ok(more)
    }
}
