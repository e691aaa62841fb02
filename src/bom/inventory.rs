//! What an SBOM is written from: images, their layers, and the packages in them.

use crate::format::{Sum, Timestamp};
use crate::oci::{Digest, RefName};
use crate::packages::{Kind, Package};

/// The content of one or more bundles or sources.
#[derive(Debug, Clone)]
pub struct Inventory<'a> {
    /// The name of the program that looked.
    pub tool: &'a str,
    /// Its version; empty if unknown.
    pub tool_version: &'a str,
    /// When it looked.
    pub created: Timestamp,
    /// The names of the bundles or sources that it looked at.
    pub name: String,
    /// The ids of the bundles.
    pub bundles: Vec<Sum>,
    /// The images.
    pub images: Vec<ImageItem<'a>>,
    /// The layers of the images, and the archives of other artifacts.
    pub layers: Vec<LayerItem<'a>>,
    /// The packages.
    pub packages: Vec<PackageItem<'a>>,
    /// What was not seen, as sentences for people.
    pub unseen: Vec<String>,
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageItem<'a> {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its names.
    pub names: &'a [RefName],
    /// Its platform, e.g. `linux/amd64`.
    pub platform: &'a str,
    /// The operating system as its root file system names it.
    pub system: Option<&'a str>,
    /// Its layers, base layer first.
    pub layers: Vec<Digest>,
}

/// A layer.
#[derive(Debug, Clone)]
pub struct LayerItem<'a> {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'a str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether an image uses it.
    pub is_of_image: bool,
}

/// A package.
#[derive(Debug, Clone)]
pub struct PackageItem<'a> {
    /// What its database says.
    pub package: &'a Package,
    /// Its package URL; empty if it has none.
    pub purl: &'a str,
    /// The layer that it comes from.
    pub layer: Digest,
    /// The path of the database, or of the file that describes it.
    pub path: &'a str,
    /// The images that have it, sorted. None if upper layers hide it everywhere.
    pub images: &'a [Digest],
}

impl<'a> Inventory<'a> {
    /// Returns the image that the SBOM is about, if it is about nothing else.
    pub(super) fn only_image(&self) -> Option<&ImageItem<'a>> {
        match self.images.as_slice() {
            [image] if self.layers.iter().all(|layer| layer.is_of_image) => Some(image),
            _ => None,
        }
    }

    /// Returns the numbers of the packages that an image has.
    pub(super) fn packages_of(&self, image: &Digest) -> impl Iterator<Item = usize> {
        let has = |item: &PackageItem<'_>| item.images.binary_search(image).is_ok();
        self.packages.iter().enumerate().filter(move |(_, item)| has(item)).map(|(at, _)| at)
    }
}

impl ImageItem<'_> {
    /// Returns its repository, or its digest if it has no name.
    pub(super) fn title(&self) -> String {
        let repository = self.names.iter().find_map(RefName::repository);
        let name = repository.or_else(|| self.names.first().map(RefName::as_str));
        name.map_or_else(|| self.digest.to_string(), str::to_owned)
    }

    /// Returns its package URL; `None` if it has no repository.
    pub(super) fn purl(&self) -> Option<String> {
        let named = self.names.iter().find(|name| name.repository().is_some())?;
        crate::packages::purl::image(named, &self.digest)
    }

    /// Returns its layers by digest, each once: an image may have an empty layer several times.
    pub(super) fn distinct_layers(&self) -> Vec<Digest> {
        let mut layers = self.layers.clone();
        layers.sort();
        layers.dedup();
        layers
    }

    /// Returns what has no place of its own in an SBOM, by name.
    pub(super) fn properties(&self) -> Vec<(&'static str, String)> {
        let names = self.names.iter().map(|name| ("carnet:name", name.to_string()));
        let platform = (!self.platform.is_empty()).then(|| ("carnet:platform", self.platform.to_owned()));
        let system = self.system.map(|system| ("carnet:system", system.to_owned()));
        names.chain(platform).chain(system).collect()
    }
}

impl<'a> PackageItem<'a> {
    /// Returns its group and its name: the group of Maven, the scope of npm.
    pub(super) fn group_and_name(&self) -> (Option<&'a str>, &'a str) {
        let name = self.package.name.as_str();
        let parts = match self.package.kind {
            Kind::Java => name.split_once(':'),
            Kind::Npm if name.starts_with('@') => name.split_once('/'),
            _ => None,
        };
        match parts {
            Some((group, name)) if !group.is_empty() && !name.is_empty() => (Some(group), name),
            _ => (None, name),
        }
    }
}
