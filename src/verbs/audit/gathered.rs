//! What was gathered from images and layers, before it becomes a report.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::budget::Budget;
use super::finding::{Finding, Place, Rule};
use super::image::Located;
use super::image_lists::{ImageList, ImageLists, STEP_BYTES};
use super::report::{AuditedImage, AuditedLayer, AuditedPackage};
use crate::diagnosis::count;
use crate::oci::Digest;
use crate::packages::Package;

/// How many entries are merged in the time that one package of an image takes.
const PACKAGE_STEPS: u64 = 10;

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
    lists: ImageLists,
}

/// A package, and the images that have it.
struct Holders {
    package: Arc<Package>,
    shown_in: ImageList,
    hidden_in: ImageList,
}

impl Gathered {
    /// Starts with what was found before any layer was read.
    pub(super) fn with(findings: Vec<Finding>) -> Gathered {
        Gathered { findings, ..Gathered::default() }
    }

    /// Adds a package of an image with this package URL. Returns whether the budget has room for it. Images are added one after
    /// the other, in their order.
    pub(super) fn package(&mut self, purl: String, located: Located, image: Digest, budget: &Budget) -> bool {
        let Located { package, layer, path, is_hidden } = located;
        if !budget.take_merged(PACKAGE_STEPS) {
            return false;
        }
        let holders = match self.located.entry((purl, layer, path)) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let (purl, _, path) = place.key();
                if !budget.take_line(purl.len() + path.len()) {
                    return false;
                }
                place.insert(Holders {
                    package,
                    shown_in: ImageList::default(),
                    hidden_in: ImageList::default(),
                })
            }
        };
        let list = if is_hidden { &mut holders.hidden_in } else { &mut holders.shown_in };
        match self.lists.with(*list, image, || budget.take_line_bytes(STEP_BYTES)) {
            Some(longer) => {
                *list = longer;
                true
            }
            None => false,
        }
    }

    /// Takes out the packages, sorted by package URL, layer and path.
    pub(super) fn packages(&mut self) -> Vec<AuditedPackage> {
        let mut lists = std::mem::take(&mut self.lists);
        let mut cut = 0_u64;
        let package = |((purl, layer, path), holders): ((String, Digest, Arc<str>), Holders)| {
            let Holders { package, shown_in, hidden_in } = holders;
            let (images, is_whole) = lists.images(shown_in);
            let (hidden_in, is_whole_too) = lists.images(hidden_in);
            cut += u64::from(!is_whole || !is_whole_too);
            AuditedPackage { purl, package, layer, path, images, hidden_in }
        };
        let packages = std::mem::take(&mut self.located).into_iter().map(package).collect();
        if cut > 0 {
            let of = count(cut, "package names its first image only", "packages name their first image only");
            let text = format!("the lists of images of all packages take too much memory: {of}");
            self.findings.push(Finding::new(Rule::TooLargeToRead, Place::default(), "images", text));
        }
        packages
    }
}
