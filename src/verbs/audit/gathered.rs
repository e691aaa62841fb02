//! What was gathered from images and layers, before it becomes a report.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::Finding;
use super::image::Located;
use super::report::{AuditedImage, AuditedLayer, AuditedPackage};
use crate::oci::Digest;
use crate::packages::Package;

/// What was gathered so far.
#[derive(Default)]
pub(super) struct Gathered {
    /// The findings, in any order.
    pub findings: Vec<Finding>,
    /// The images.
    pub images: Vec<AuditedImage>,
    /// The layers.
    pub layers: Vec<AuditedLayer>,
    /// The id and version of the distribution of each image that says them.
    pub releases: BTreeMap<Digest, (String, String)>,
    located: BTreeMap<(String, Digest, Arc<str>), Holders>,
}

/// A package, and the images that have it.
struct Holders {
    package: Package,
    /// In their order, because images are added in theirs. A set of one takes ten times as much memory.
    shown_in: Vec<Digest>,
    hidden_in: Vec<Digest>,
}

impl Gathered {
    /// Starts with what was found before any layer was read.
    pub(super) fn with(findings: Vec<Finding>) -> Gathered {
        Gathered { findings, ..Gathered::default() }
    }

    /// Adds a package of an image with this package URL.
    pub(super) fn package(&mut self, purl: String, located: Located, image: Digest) {
        let Located { package, layer, path, is_hidden } = located;
        let entry = self.located.entry((purl, layer, path));
        let (shown_in, hidden_in) = (Vec::new(), Vec::new());
        let holders = entry.or_insert_with(|| Holders { package, shown_in, hidden_in });
        let images = if is_hidden { &mut holders.hidden_in } else { &mut holders.shown_in };
        if images.last() != Some(&image) {
            images.reserve_exact(usize::from(images.is_empty()));
            images.push(image);
        }
    }

    /// Takes out the packages, sorted by package URL, layer and path.
    pub(super) fn packages(&mut self) -> Vec<AuditedPackage> {
        let package = |((purl, layer, path), holders): ((String, Digest, Arc<str>), Holders)| {
            let Holders { package, shown_in, hidden_in } = holders;
            AuditedPackage { purl, package, layer, path, images: shown_in, hidden_in }
        };
        std::mem::take(&mut self.located).into_iter().map(package).collect()
    }
}
