//! The image layout inside a Docker archive, compared with `manifest.json`.
//!
//! `docker load` takes its images from `manifest.json`. Docker 25.0 wrote layouts in which layers are missing or in the
//! wrong order, and which do not list images that were saved by their id (docs/decisions/0026).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::docker_images::{Image, Images, malformed};
use super::docker_items::{Item, parse_items};
use super::entries::unnamed;
use super::layout::Layout;
use super::layout_files::blob_path;
use super::tar_index::{TarIndex, normal_path};
use super::{ArtifactError, ArtifactSource as _, Root, read_document};
use crate::diagnosis::count;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, RefName};

/// Maximum number of steps from the entries of `index.json` to images.
const STEPS_MAX: usize = 1_000_000;

/// The repository host and the folder that Docker leaves out of names.
const DOCKER_HOST: &str = "docker.io";
const DOCKER_LIBRARY: &str = "library";

/// An image of the layout.
struct Known {
    manifest: Digest,
    config: Digest,
    layers: Vec<Descriptor>,
    /// The entries of `index.json` that lead to it.
    entries: BTreeSet<Digest>,
}

/// The artifacts of the layout, while those of `manifest.json` are added.
pub(super) struct Merge<'a> {
    layout: &'a Layout,
    known: Vec<Known>,
    /// The images whose configuration is the file with this path.
    by_config: HashMap<String, Vec<usize>>,
    /// Manifests that the archive has, but `index.json` does not lead to; `None` if they were not searched yet.
    unlisted: Option<Vec<Known>>,
    /// The artifacts so far.
    pub(super) roots: Vec<Root>,
    /// The artifacts of each name, which is written in full.
    names: HashMap<String, BTreeSet<Digest>>,
    /// Manifests of the layout that are replaced, because their layers are not those of `manifest.json`.
    pub(super) overruled: BTreeSet<Digest>,
    /// Names that a bundle cannot carry, in sentences.
    pub(super) notes: Vec<String>,
}

impl<'a> Merge<'a> {
    /// Reads the documents of the layout. Those that are missing or damaged are left out here, and
    /// packing them fails.
    pub(super) fn new(layout: &'a Layout) -> Result<Merge<'a>, ArtifactError> {
        let roots = layout.listed().to_vec();
        let known = known_images(layout, &roots)?;
        let mut names: HashMap<String, BTreeSet<Digest>> = HashMap::new();
        for root in &roots {
            if let Some(name) = &root.name {
                names.entry(in_full(name)).or_default().insert(root.descriptor.digest);
            }
        }
        let mut by_config: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, image) in known.iter().enumerate() {
            if let Some(config) = layout.files().real_name(&blob_path(&image.config))? {
                by_config.entry(config).or_default().push(at);
            }
        }
        Ok(Merge {
            layout,
            known,
            by_config,
            unlisted: None,
            roots,
            names,
            overruled: BTreeSet::new(),
            notes: Vec::new(),
        })
    }

    /// Adds an image of `manifest.json`.
    ///
    /// # Errors
    /// If the layout contradicts `manifest.json`, and content would be lost if one of them were followed.
    pub(super) fn add(&mut self, item: &Item, images: &mut Images<'_>) -> Result<(), ArtifactError> {
        if let Some(at) = self.same_files(item)? {
            return self.name(item, &self.known[at].entries.clone());
        }
        let image = images.make(item)?;
        let mut same_config = self.known.iter().filter(|known| known.config == image.config);
        if let Some(same) = same_config.clone().find(|known| same_layers(&known.layers, &image.layers)) {
            return self.name(item, &same.entries.clone());
        }
        if let Some(known) = same_config.clone().find(|known| !self.may_be_overruled(known, &image)) {
            return Err(self.contradiction(&format!(
                "image {:?} has {} in manifest.json, and others in manifest {} of the layout",
                item.config,
                count(image.layers.len() as u64, "layer", "layers"),
                known.manifest
            )));
        }
        let overruled: Vec<Digest> = same_config.by_ref().map(|known| known.manifest).collect();
        let manifest = if let Some(root) = self.unlisted(&image)? {
            root.descriptor
        } else {
            images.keep(&image)?;
            image.manifest
        };
        self.overrule(&overruled, &manifest);
        self.name(item, &BTreeSet::from([manifest.digest]))
    }

    fn contradiction(&self, problem: &str) -> ArtifactError {
        malformed(
            self.layout.files().path(),
            format!("manifest.json and the layout contradict each other: {problem}"),
        )
    }

    /// Finds the image that consists of the same files, in the same order.
    fn same_files(&self, item: &Item) -> Result<Option<usize>, ArtifactError> {
        if item.has_foreign() {
            // The layers of `manifest.json` are not all files then.
            return Ok(None);
        }
        let Some(config) = self.real_name(&item.config)? else { return Ok(None) };
        let paths = item.layers();
        'images: for &at in self.by_config.get(&config).into_iter().flatten() {
            let known = &self.known[at];
            if known.layers.len() != paths.len() {
                continue;
            }
            for (path, layer) in paths.iter().zip(&known.layers) {
                let blob = blob_path(&layer.digest);
                let same = |real: String| self.real_name(&blob).is_ok_and(|blob| blob == Some(real));
                if *path != blob && !self.real_name(path)?.is_some_and(same) {
                    continue 'images;
                }
            }
            return Ok(Some(at));
        }
        Ok(None)
    }

    fn real_name(&self, path: &str) -> Result<Option<String>, ArtifactError> {
        let Some(path) = normal_path(path) else { return Ok(None) };
        self.layout.files().real_name(&path)
    }

    /// Finds the manifest of `image` among the blobs. Docker with containerd leaves some images out of `index.json`, and
    /// their manifests have the digests of the registry that they came from.
    fn unlisted(&mut self, image: &Image) -> Result<Option<Root>, ArtifactError> {
        let unlisted = self.unlisted.get_or_insert_with(|| unlisted_images(self.layout));
        let same = |known: &&Known| known.config == image.config && same_layers(&known.layers, &image.layers);
        let found = unlisted.iter().filter(same).map(|known| known.manifest).min();
        found.map(|digest| self.layout.unlisted(&digest)).transpose()
    }

    /// Whether nothing is lost if `image` takes the place of `known`: an entry of `index.json` itself, without layers of
    /// its own, that nothing refers to.
    fn may_be_overruled(&self, known: &Known, image: &Image) -> bool {
        let there = |layer: &Descriptor| {
            image.layers.iter().any(|made| made.digest == layer.digest)
                || image.diff_ids.contains(&layer.digest)
        };
        known.entries.iter().eq([&known.manifest])
            && known.layers.iter().all(there)
            && self.layout.referrers(&known.manifest).is_ok_and(|referrers| referrers.is_empty())
    }

    /// Puts `made` in the place of manifests of the layout, under their names.
    fn overrule(&mut self, manifests: &[Digest], made: &Descriptor) {
        self.overruled.extend(manifests);
        for root in self.roots.iter_mut().filter(|root| manifests.contains(&root.descriptor.digest)) {
            root.descriptor = made.clone();
        }
        for digests in self.names.values_mut() {
            for manifest in manifests {
                if digests.remove(manifest) {
                    digests.insert(made.digest);
                }
            }
        }
        if !self.roots.iter().any(|root| root.descriptor.digest == made.digest) {
            self.roots.push(Root { name: None, descriptor: made.clone() });
        }
    }

    /// Gives an image the names that `manifest.json` lists and the layout does not.
    fn name(&mut self, item: &Item, entries: &BTreeSet<Digest>) -> Result<(), ArtifactError> {
        let of_image = |root: &&Root| entries.contains(&root.descriptor.digest);
        let Some(first) = self.roots.iter().find(of_image).map(|root| root.descriptor.clone()) else {
            return Ok(());
        };
        let bare: BTreeSet<String> = self
            .roots
            .iter()
            .filter(of_image)
            .filter_map(|root| root.name.as_ref())
            .filter(|name| name.repository().is_none())
            .map(ToString::to_string)
            .collect();
        for text in item.tags() {
            let name: RefName = match text.parse() {
                Ok(name) => name,
                Err(problem) => {
                    self.notes.push(unnamed(self.layout.name(), &first.digest, &problem));
                    continue;
                }
            };
            let known = self.names.entry(in_full(&name)).or_default();
            if known.is_empty() && !name.tag().is_some_and(|tag| bare.contains(tag)) {
                known.insert(first.digest);
                self.roots.push(Root { name: Some(name), descriptor: first.clone() });
            } else if let Some(other) = known.iter().find(|digest| !entries.contains(digest)).copied() {
                return Err(self.contradiction(&format!(
                    "the name {text:?} points at image {:?} in manifest.json, and at {other} in index.json",
                    item.config
                )));
            }
        }
        Ok(())
    }
}

/// Checks a layout that is not read as a Docker archive: it may have a `manifest.json` all the same, and lack images of
/// it. A `manifest.json` that is not Docker's is ignored, and in a folder also one that no longer fits.
///
/// # Errors
/// [`ArtifactError::LayoutLacksImages`], or for an archive any contradiction.
pub(super) fn check_beside(layout: &Layout) -> Result<(), ArtifactError> {
    let files = layout.files();
    let Ok(Some(bytes)) = files.read("manifest.json", DOCUMENT_BYTES_MAX) else { return Ok(()) };
    let Ok(items) = parse_items(&bytes) else { return Ok(()) };
    let mut images = Images::new(files);
    let mut merge = Merge::new(layout)?;
    for item in &items {
        match merge.add(item, &mut images) {
            Err(error) if files.archive().is_some() => return Err(error),
            _ => {}
        }
    }
    let listed: BTreeSet<Digest> = layout.listed().iter().map(|root| root.descriptor.digest).collect();
    let found: BTreeSet<Digest> = merge.roots.iter().map(|root| root.descriptor.digest).collect();
    match found.difference(&listed).count() {
        0 => Ok(()),
        images => Err(ArtifactError::LayoutLacksImages {
            path: files.path().to_owned(),
            images,
            archive: files.archive().is_some(),
        }),
    }
}

fn same_layers(known: &[Descriptor], made: &[Descriptor]) -> bool {
    let same = |(a, b): (&Descriptor, &Descriptor)| {
        a.digest == b.digest && a.media_type.is_nondistributable() == b.media_type.is_nondistributable()
    };
    known.len() == made.len() && known.iter().zip(made).all(same)
}

/// A name with the host and folder that Docker leaves out. Layouts have the full names, `manifest.json` the short ones.
fn in_full(name: &RefName) -> String {
    let text = name.as_str();
    if name.repository().is_none() {
        return text.to_owned();
    }
    match text.split_once('/') {
        None => format!("{DOCKER_HOST}/{DOCKER_LIBRARY}/{text}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => text.to_owned(),
        Some(_) => format!("{DOCKER_HOST}/{text}"),
    }
}

/// Every image that the entries of `index.json` lead to.
fn known_images(layout: &Layout, roots: &[Root]) -> Result<Vec<Known>, ArtifactError> {
    let mut documents: HashMap<Digest, Option<Document>> = HashMap::new();
    let mut known: BTreeMap<Digest, Known> = BTreeMap::new();
    let mut steps = 0;
    let mut begun = BTreeSet::new();
    for root in roots {
        let entry = root.descriptor.digest;
        if !begun.insert(entry) {
            continue;
        }
        let mut seen = BTreeSet::from([entry]);
        let mut waiting = vec![root.descriptor.clone()];
        while let Some(descriptor) = waiting.pop() {
            steps += 1;
            if steps > STEPS_MAX {
                let problem = format!("more than {STEPS_MAX} steps from index.json to its images");
                return Err(malformed(layout.files().path(), problem));
            }
            let digest = descriptor.digest;
            match documents.entry(digest).or_insert_with(|| document(layout, &descriptor)) {
                Some(Document::Manifest { config, layers, .. }) => {
                    let image = known.entry(digest).or_insert_with(|| Known {
                        manifest: digest,
                        config: config.digest,
                        layers: layers.clone(),
                        entries: BTreeSet::new(),
                    });
                    image.entries.insert(entry);
                }
                Some(Document::Index { manifests, .. }) => {
                    waiting.extend(manifests.iter().filter(|child| seen.insert(child.digest)).cloned());
                }
                _ => {}
            }
        }
    }
    Ok(known.into_values().collect())
}

/// Every image manifest among the blobs of an archive.
fn unlisted_images(layout: &Layout) -> Vec<Known> {
    let names = layout.files().archive().into_iter().flat_map(TarIndex::names);
    let digests =
        names.filter_map(|name| format!("sha256:{}", name.strip_prefix("blobs/sha256/")?).parse().ok());
    let mut known = Vec::new();
    for digest in digests {
        let Ok(root) = layout.unlisted(&digest) else { continue };
        if let Some(Document::Manifest { config, layers, .. }) = document(layout, &root.descriptor) {
            let config = config.digest;
            known.push(Known { manifest: digest, config, layers, entries: BTreeSet::new() });
        }
    }
    known
}

fn document(layout: &Layout, descriptor: &Descriptor) -> Option<Document> {
    if descriptor.media_type.role() == Role::Blob {
        return None;
    }
    Document::parse(descriptor, &read_document(layout, descriptor).ok()?).ok()
}
