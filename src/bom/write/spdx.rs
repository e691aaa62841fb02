//! SPDX 2.3 in JSON (ISO/IEC 5962).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::licence;
use super::serial::{json, uuid_of};
use crate::bom::inventory::{ImageItem, Inventory, LayerItem, PackageItem};
use crate::oci::Digest;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";
/// The id of what the document is about, if that is not one image.
const SUBJECT_ID: &str = "SPDXRef-subject";

/// Writes an SBOM in SPDX 2.3. It is about the image, if there is only one, and else about all that was looked at.
pub fn write_spdx(inventory: &Inventory<'_>) -> Vec<u8> {
    let only_image = inventory.only_image();
    let texts = LicenceTexts::of(inventory);
    let subject = only_image.is_none().then(|| subject(inventory));
    let images = inventory.images.iter().map(image);
    let layers = inventory.layers.iter().map(layer);
    let packages = inventory.packages.iter().enumerate().map(|(at, item)| package(at, item, &texts));
    let tool = [inventory.tool, inventory.tool_version].join("-");
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT_ID,
        name: only_image.map_or_else(|| inventory.name.clone(), ImageItem::title),
        namespace: String::new(),
        comment: (!inventory.unseen.is_empty()).then(|| format!("Not seen: {}", inventory.unseen.join("; "))),
        creation_info: Creation {
            created: inventory.created.to_string(),
            creators: [format!("Tool: {}", tool.trim_end_matches('-'))],
        },
        packages: subject.into_iter().chain(images).chain(layers).chain(packages).collect(),
        has_extracted_licensing_infos: texts.extracted(),
        relationships: relationships(inventory),
    };
    document.namespace = format!("urn:uuid:{}", uuid_of(&document));
    json(&document)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    creation_info: Creation,
    packages: Vec<Package<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Extracted<'a>>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct Creation {
    created: String,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    primary_package_purpose: &'static str,
    supplier: &'static str,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_info: String,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
}

impl Package<'_> {
    fn new(id: String, name: String, purpose: &'static str) -> Self {
        Package {
            id,
            name,
            version_info: String::new(),
            primary_package_purpose: purpose,
            supplier: NO_ASSERTION,
            download_location: NO_ASSERTION,
            files_analyzed: false,
            checksums: Vec::new(),
            source_info: String::new(),
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION.to_owned(),
            copyright_text: NO_ASSERTION,
            comment: String::new(),
            external_refs: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

impl Checksum {
    fn of(digest: &Digest) -> Checksum {
        let algorithm = match digest {
            Digest::Sha256(_) => "SHA256",
            Digest::Sha512(_) => "SHA512",
        };
        Checksum { algorithm, checksum_value: digest.hex() }
    }
}

#[derive(Serialize)]
struct ExternalRef<'a> {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extracted<'a> {
    license_id: String,
    name: &'a str,
    #[serde(rename = "extractedText")]
    text: &'a str,
}

#[derive(Serialize)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    from: String,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    to: String,
}

fn purl(text: Cow<'_, str>) -> Vec<ExternalRef<'_>> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![ExternalRef { category: "PACKAGE-MANAGER", kind: "purl", locator: text }]
}

/// All that was looked at, as one package.
fn subject<'a>(inventory: &Inventory<'_>) -> Package<'a> {
    let bundles = inventory.bundles.iter().map(|id| format!("bundle {id}"));
    let comment = bundles.collect::<Vec<_>>().join("; ");
    Package { comment, ..Package::new(SUBJECT_ID.to_owned(), inventory.name.clone(), "ARCHIVE") }
}

fn image<'a>(item: &ImageItem<'_>) -> Package<'a> {
    let comment = item.properties().into_iter().map(|(name, value)| format!("{name}: {value}"));
    Package {
        version_info: item.digest.to_string(),
        checksums: vec![Checksum::of(&item.digest)],
        comment: comment.collect::<Vec<_>>().join("; "),
        external_refs: purl(item.purl().unwrap_or_default().into()),
        ..Package::new(image_id(&item.digest), item.title(), "CONTAINER")
    }
}

fn layer<'a>(item: &LayerItem<'_>) -> Package<'a> {
    Package {
        checksums: vec![Checksum::of(&item.digest)],
        comment: format!("{}, {} bytes", item.media_type, item.bytes),
        ..Package::new(layer_id(&item.digest), item.digest.to_string(), "ARCHIVE")
    }
}

fn package<'a>(at: usize, item: &PackageItem<'a>, texts: &LicenceTexts<'_>) -> Package<'a> {
    let (group, name) = item.group_and_name();
    let name = group.map_or_else(|| name.to_owned(), |group| format!("{group}/{name}"));
    Package {
        version_info: item.package.version.clone(),
        source_info: format!("{} in layer {}", item.path, item.layer),
        license_declared: texts.declared(&item.package.licences),
        comment: if item.images.is_empty() { "upper layers hide it".to_owned() } else { String::new() },
        external_refs: purl(item.purl.into()),
        ..Package::new(package_id(at), name, "LIBRARY")
    }
}

/// The declared licences that are no SPDX expressions, with their numbers.
struct LicenceTexts<'a>(BTreeMap<&'a str, usize>);

impl<'a> LicenceTexts<'a> {
    fn of(inventory: &Inventory<'a>) -> LicenceTexts<'a> {
        let all = inventory.packages.iter().flat_map(|item| &item.package.licences);
        let texts = all.map(String::as_str).filter(|text| !licence::is_expression(text));
        let mut numbers: BTreeMap<&str, usize> = texts.map(|text| (text, 0)).collect();
        numbers.values_mut().zip(1..).for_each(|(value, number)| *value = number);
        LicenceTexts(numbers)
    }

    fn extracted(&self) -> Vec<Extracted<'a>> {
        let extracted = |(text, number): (&&'a str, &usize)| Extracted {
            license_id: format!("LicenseRef-{number}"),
            name: text,
            text,
        };
        self.0.iter().map(extracted).collect()
    }

    /// Returns the licences of a package as one expression. All that are declared count.
    fn declared(&self, licences: &[String]) -> String {
        let one = |text: &String| match self.0.get(text.as_str()) {
            Some(number) => format!("LicenseRef-{number}"),
            None if licences.len() > 1 && !licence::is_id(text) => format!("({text})"),
            None => text.clone(),
        };
        let all = licences.iter().map(one).collect::<Vec<_>>().join(" AND ");
        if all.is_empty() { NO_ASSERTION.to_owned() } else { all }
    }
}

/// What the document is about, what that consists of, and what each image and layer has.
fn relationships(inventory: &Inventory<'_>) -> Vec<Relationship> {
    let mut all = Vec::new();
    let mut relate = |from: &str, kind: &'static str, to: String| {
        all.push(Relationship { from: from.to_owned(), kind, to });
    };
    if let Some(image) = inventory.only_image() {
        relate(DOCUMENT_ID, "DESCRIBES", image_id(&image.digest));
    } else {
        relate(DOCUMENT_ID, "DESCRIBES", SUBJECT_ID.to_owned());
        for image in &inventory.images {
            relate(SUBJECT_ID, "CONTAINS", image_id(&image.digest));
        }
        for layer in inventory.layers.iter().filter(|layer| !layer.is_of_image) {
            relate(SUBJECT_ID, "CONTAINS", layer_id(&layer.digest));
        }
    }
    let packages_of = inventory.packages_of();
    for image in &inventory.images {
        let id = image_id(&image.digest);
        image.distinct_layers().iter().for_each(|layer| relate(&id, "CONTAINS", layer_id(layer)));
        let packages = packages_of.get(&image.digest).into_iter().flatten();
        packages.for_each(|at| relate(&id, "CONTAINS", package_id(*at)));
    }
    for (at, item) in inventory.packages.iter().enumerate() {
        relate(&layer_id(&item.layer), "CONTAINS", package_id(at));
    }
    all
}

fn image_id(digest: &Digest) -> String {
    format!("SPDXRef-image-{}", digest.to_string().replace(':', "-"))
}

fn layer_id(digest: &Digest) -> String {
    format!("SPDXRef-layer-{}", digest.to_string().replace(':', "-"))
}

/// An id by number: two packages can have one package URL.
fn package_id(at: usize) -> String {
    format!("SPDXRef-package-{}", at + 1)
}
