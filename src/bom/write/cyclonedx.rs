//! CycloneDX 1.6 in JSON (ECMA-424).

use std::io;

use serde::Serialize;

use super::each::Each;
use super::licence;
use super::serial::{uuid_of, write_json};
use crate::bom::inventory::{ImageItem, Inventory, LayerItem, PackageItem};
use crate::oci::Digest;

/// Most characters of a version, as the schema says.
const VERSION_CHARACTERS_MAX: usize = 1024;

/// The reference of what the document is about, if that is not one image.
const SUBJECT: &str = "subject";

/// Licences are written as packages declare them.
const DECLARED: &str = "declared";

/// Writes an SBOM in CycloneDX 1.6. It is about the image, if there is only one, and else about all that was looked at.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_cyclonedx(inventory: &Inventory<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let only_image = inventory.only_image();
    let component = only_image.map_or_else(|| subject(inventory), image);
    let components = || {
        let images = inventory.images.iter().filter(|_| only_image.is_none()).map(image);
        let layers = inventory.layers.iter().map(layer);
        let packages = inventory.packages.iter().enumerate().map(|(at, item)| package(at, item));
        images.chain(layers).chain(packages)
    };
    let assemblies = vec![component.reference.clone()];
    let unseen = inventory.unseen.iter().map(|why| Property { name: "carnet:unseen", value: why.clone() });
    let mut document = Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata {
            timestamp: inventory.created.to_string(),
            tools: Tools { components: vec![tool(inventory)] },
            component,
            properties: unseen.collect(),
        },
        components: Each(components),
        dependencies: Each(|| dependencies(inventory)),
        compositions: vec![Composition {
            // Packages that no database names are not found, so nothing is called complete.
            aggregate: if inventory.unseen.is_empty() { "unknown" } else { "incomplete" },
            assemblies,
        }],
    };
    document.serial_number = format!("urn:uuid:{}", uuid_of(&document));
    write_json(&document, out)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, C: Serialize, D: Serialize> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: C,
    dependencies: D,
    compositions: Vec<Composition>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    tools: Tools<'a>,
    component: Component<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: Vec<Component<'a>>,
}

#[derive(Serialize, Default)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    #[serde(rename = "mime-type", skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenceChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

impl Hash {
    fn of(digest: &Digest) -> Hash {
        let alg = match digest {
            Digest::Sha256(_) => "SHA-256",
            Digest::Sha512(_) => "SHA-512",
        };
        Hash { alg, content: digest.hex() }
    }
}

/// A licence by its identifier or as a text; or an expression, which stands alone.
#[derive(Serialize)]
#[serde(untagged)]
enum LicenceChoice<'a> {
    One { license: Licence<'a> },
    Expression { expression: &'a str, acknowledgement: &'static str },
}

#[derive(Serialize)]
struct Licence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    acknowledgement: &'static str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    occurrences: [Occurrence<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence<'a> {
    location: &'a str,
    additional_context: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<D: Serialize> {
    #[serde(rename = "ref")]
    of: String,
    depends_on: D,
}

#[derive(Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: Vec<String>,
}

fn tool<'a>(inventory: &Inventory<'a>) -> Component<'a> {
    Component {
        kind: "application",
        reference: "tool".to_owned(),
        name: inventory.tool.to_owned(),
        version: inventory.tool_version.to_owned(),
        ..Component::default()
    }
}

/// All that was looked at, as one component.
fn subject<'a>(inventory: &Inventory<'_>) -> Component<'a> {
    let bundles = inventory.bundles.iter();
    Component {
        kind: "data",
        reference: SUBJECT.to_owned(),
        name: inventory.name.clone(),
        properties: bundles.map(|id| Property { name: "carnet:bundle", value: id.to_string() }).collect(),
        ..Component::default()
    }
}

fn image<'a>(item: &ImageItem<'_>) -> Component<'a> {
    let properties = item.properties().into_iter().map(|(name, value)| Property { name, value });
    Component {
        kind: "container",
        reference: image_reference(&item.digest),
        name: item.title(),
        version: item.digest.to_string(),
        hashes: vec![Hash::of(&item.digest)],
        purl: item.purl(),
        properties: properties.collect(),
        ..Component::default()
    }
}

fn layer<'a>(item: &LayerItem<'a>) -> Component<'a> {
    Component {
        kind: "file",
        reference: layer_reference(&item.digest),
        mime_type: Some(item.media_type).filter(|text| is_mime_type(text)),
        name: item.digest.to_string(),
        hashes: vec![Hash::of(&item.digest)],
        properties: vec![Property { name: "carnet:bytes", value: item.bytes.to_string() }],
        ..Component::default()
    }
}

fn package<'a>(at: usize, item: &PackageItem<'a>) -> Component<'a> {
    let (group, name) = item.group_and_name();
    Component {
        kind: "library",
        reference: package_reference(at),
        group,
        name: name.to_owned(),
        version: item.package.version.chars().take(VERSION_CHARACTERS_MAX).collect(),
        // No container has it.
        scope: item.images.is_empty().then_some("excluded"),
        licenses: licences(&item.package.licences),
        purl: (!item.purl.is_empty()).then(|| item.purl.to_owned()),
        evidence: Some(Evidence {
            occurrences: [Occurrence {
                location: item.path,
                additional_context: format!("layer {}", item.layer),
            }],
        }),
        ..Component::default()
    }
}

fn licences(declared: &[String]) -> Vec<LicenceChoice<'_>> {
    if let [one] = declared
        && !licence::is_id(one)
        && licence::is_expression(one)
    {
        return vec![LicenceChoice::Expression { expression: one, acknowledgement: DECLARED }];
    }
    let mut choices = Vec::new();
    for text in declared {
        let is_id = licence::is_id(text);
        let (id, name) = (is_id.then_some(text.as_str()), (!is_id).then_some(text.as_str()));
        choices.push(LicenceChoice::One { license: Licence { id, name, acknowledgement: DECLARED } });
    }
    choices
}

/// What the subject consists of, and what each image has.
fn dependencies(inventory: &Inventory<'_>) -> impl Iterator<Item = impl Serialize> {
    let subject = inventory.only_image().is_none().then_some(None);
    subject.into_iter().chain(inventory.images.iter().map(Some)).map(move |image| Dependency {
        of: image.map_or_else(|| SUBJECT.to_owned(), |image| image_reference(&image.digest)),
        depends_on: Each(move || match image {
            None => {
                let images = inventory.images.iter().map(|image| image_reference(&image.digest));
                let others = inventory.layers.iter().filter(|layer| !layer.is_of_image);
                let parts = images.chain(others.map(|layer| layer_reference(&layer.digest)));
                Box::new(parts) as Box<dyn Iterator<Item = String>>
            }
            Some(image) => {
                let layers = image.distinct_layers().into_iter().map(|layer| layer_reference(&layer));
                Box::new(layers.chain(inventory.packages_of(&image.digest).map(package_reference)))
            }
        }),
    })
}

fn image_reference(digest: &Digest) -> String {
    format!("image-{digest}")
}

fn layer_reference(digest: &Digest) -> String {
    format!("layer-{digest}")
}

/// A reference by number: two packages can have one package URL.
fn package_reference(at: usize) -> String {
    format!("package-{}", at + 1)
}

/// Whether the schema takes it for a media type.
fn is_mime_type(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-+.".contains(&b);
        !word.is_empty() && word.bytes().all(is_allowed)
    };
    text.split_once('/').is_some_and(|(kind, rest)| is_word(kind) && is_word(rest))
}
