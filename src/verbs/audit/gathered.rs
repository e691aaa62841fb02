//! What was gathered from images and layers, before it becomes a report.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
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
    /// The packages by package URL, layer and path, with the images that have them.
    pub located: BTreeMap<(String, Digest, String), (Package, BTreeSet<Digest>)>,
}

impl Gathered {
    /// Takes out the packages, sorted.
    pub(super) fn packages(&mut self) -> Vec<AuditedPackage> {
        let package =
            |((purl, layer, path), (package, images)): ((String, Digest, String), (_, BTreeSet<Digest>))| {
                AuditedPackage { purl, package, layer, path, images: images.into_iter().collect() }
            };
        std::mem::take(&mut self.located).into_iter().map(package).collect()
    }
}
