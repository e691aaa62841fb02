//! SPDX 2.3 in JSON (ISO/IEC 5962).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::each::Each;
use super::licence;
use super::serial::{uuid_of, write_json};
use crate::bom::inventory::{ImageItem, Inventory, LayerItem, PackageItem};
use crate::oci::Digest;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";
/// The id of what the document is about, if that is not one image.
const SUBJECT_ID: &str = "SPDXRef-subject";

/// Writes an SBOM in SPDX 2.3. It is about the image, if there is only one, and else about all that was looked at.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_spdx(inventory: &Inventory<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let only_image = inventory.only_image();
    let texts = LicenceTexts::of(inventory);
    let packages = || {
        let subject = only_image.is_none().then(|| subject(inventory));
        let images = inventory.images.iter().map(image);
        let layers = inventory.layers.iter().map(layer);
        let packages = inventory.packages.iter().enumerate().map(|(at, item)| package(at, item, &texts));
        subject.into_iter().chain(images).chain(layers).chain(packages)
    };
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
        packages: Each(packages),
        has_extracted_licensing_infos: texts.extracted(),
        relationships: Each(|| relationships(inventory)),
    };
    document.namespace = format!("urn:uuid:{}", uuid_of(&document));
    write_json(&document, out)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, P: Serialize, R: Serialize> {
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
    packages: P,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Extracted<'a>>,
    relationships: R,
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
fn relationships(inventory: &Inventory<'_>) -> impl Iterator<Item = Relationship> {
    let relate =
        |from: &str, kind: &'static str, to: String| Relationship { from: from.to_owned(), kind, to };
    let mut first = Vec::new();
    if let Some(image) = inventory.only_image() {
        first.push(relate(DOCUMENT_ID, "DESCRIBES", image_id(&image.digest)));
    } else {
        first.push(relate(DOCUMENT_ID, "DESCRIBES", SUBJECT_ID.to_owned()));
        let images = inventory.images.iter().map(|image| image_id(&image.digest));
        let others = inventory.layers.iter().filter(|layer| !layer.is_of_image);
        let parts = images.chain(others.map(|layer| layer_id(&layer.digest)));
        first.extend(parts.map(|part| relate(SUBJECT_ID, "CONTAINS", part)));
    }
    let of_images = inventory.images.iter().flat_map(move |image| {
        let id = image_id(&image.digest);
        let layers = image.distinct_layers().into_iter().map(|layer| layer_id(&layer));
        let packages = inventory.packages_of(&image.digest).map(package_id);
        layers.chain(packages).map(move |part| relate(&id, "CONTAINS", part))
    });
    let packages = inventory.packages.iter().enumerate();
    let of_layers =
        packages.map(move |(at, item)| relate(&layer_id(&item.layer), "CONTAINS", package_id(at)));
    first.into_iter().chain(of_images).chain(of_layers)
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
