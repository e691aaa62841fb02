//! Manifests for the images in the `manifest.json` of a Docker archive.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::ArtifactError;
use super::compression::{MAGIC_BYTES, compressed_with};
use super::docker_items::Item;
use super::extent::Extent;
use super::files::Files;
use super::tar_index::normal_path;
use crate::diagnosis::count;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::image_manifest::image_manifest;
use crate::oci::{Algorithm, Descriptor, Digest, MediaType, json};

/// Where the content of a blob is.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Arc<[u8]>),
    InArchive(Extent),
}

impl Content {
    /// The size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::InArchive(extent) => extent.bytes,
        }
    }
}

const CONFIG_KEYS: &[&str] = &["rootfs", "diff_ids"];

#[derive(Deserialize)]
struct Config {
    rootfs: json::Object<RootFs>,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

/// An image with the manifest that was made for it.
pub(super) struct Image {
    pub(super) manifest: Descriptor,
    pub(super) config: Digest,
    pub(super) layers: Vec<Descriptor>,
    /// The digests of its uncompressed layers.
    pub(super) diff_ids: Vec<Digest>,
    documents: [Arc<[u8]>; 2],
    files: Vec<(Digest, Extent)>,
}

/// Makes manifests, and collects the blobs of those that are kept.
pub(super) struct Images<'a> {
    files: &'a Files,
    /// The blobs of the images that were kept.
    pub(super) blobs: BTreeMap<Digest, Content>,
    /// The digests of compressed layers, by their real path in the archive.
    hashed: HashMap<String, Digest>,
}

impl<'a> Images<'a> {
    pub(super) fn new(files: &'a Files) -> Images<'a> {
        Images { files, blobs: BTreeMap::new(), hashed: HashMap::new() }
    }

    fn malformed(&self, problem: String) -> ArtifactError {
        malformed(self.files.path(), problem)
    }

    /// Looks up a path from `manifest.json` in the archive, never in the file system.
    fn inside(&self, path: &str) -> Result<(String, Extent), ArtifactError> {
        let normal = normal_path(path).ok_or_else(|| {
            self.malformed(format!("manifest.json names {path:?}, which is outside the archive"))
        })?;
        match self.files.open(&normal)? {
            Some(extent) => Ok((normal, extent)),
            None => Err(self.malformed(format!("manifest.json names {path:?}, which is missing"))),
        }
    }

    /// Makes the manifest of an image. The layers are those that `docker load` would take, in its order.
    ///
    /// Compressed layers are hashed, because the archive does not contain their digests. Uncompressed layers have the
    /// digest that the configuration lists, which is checked when they are packed.
    pub(super) fn make(&mut self, item: &Item) -> Result<Image, ArtifactError> {
        let (path, _) = self.inside(&item.config)?;
        let bytes = self.files.read(&path, DOCUMENT_BYTES_MAX)?.unwrap_or_default();
        let parsed: Config = json::object(&bytes, CONFIG_KEYS)
            .map_err(|error| self.malformed(format!("{path:?}: {}", json::message(&error))))?;
        let diff_ids = parsed.rootfs.0.diff_ids.unwrap_or_default();
        let paths = item.layers();
        if paths.len() != diff_ids.len() {
            return Err(self.malformed(format!(
                "image {path:?} has {}, but its configuration lists {}",
                count(paths.len() as u64, "layer", "layers"),
                diff_ids.len()
            )));
        }
        let mut layers = Vec::new();
        let mut files = Vec::new();
        for (path, diff_id) in paths.iter().zip(&diff_ids) {
            let (layer, extent) = self.layer(path, *diff_id, item.foreign(diff_id))?;
            files.extend(extent.map(|extent| (layer.digest, extent)));
            layers.push(layer);
        }
        let config = described(MediaType::image_config(), &bytes);
        let manifest = image_manifest(&config, &layers);
        Ok(Image {
            manifest: described(MediaType::image_manifest(), &manifest),
            config: config.digest,
            layers,
            diff_ids,
            documents: [bytes.into(), manifest.into()],
            files,
        })
    }

    /// Keeps the blobs of an image.
    ///
    /// # Errors
    /// If the archive has two files of different size for one digest.
    pub(super) fn keep(&mut self, image: &Image) -> Result<(), ArtifactError> {
        for bytes in &image.documents {
            self.blobs.insert(Digest::sha256(bytes), Content::Bytes(Arc::clone(bytes)));
        }
        for (digest, extent) in &image.files {
            match self.blobs.get(digest) {
                Some(known) if known.bytes() != extent.bytes => {
                    let (announced, found) = (known.bytes(), extent.bytes);
                    return Err(ArtifactError::BlobSize { digest: *digest, announced, found });
                }
                Some(_) => {}
                None => {
                    self.blobs.insert(*digest, Content::InArchive(extent.clone()));
                }
            }
        }
        Ok(())
    }

    /// The descriptor of a layer, and its file if the archive has it in the form that the descriptor says.
    fn layer(
        &mut self,
        path: &str,
        diff_id: Digest,
        foreign: Option<&Descriptor>,
    ) -> Result<(Descriptor, Option<Extent>), ArtifactError> {
        if let Some(foreign) = foreign {
            let found = self.foreign(path, diff_id, foreign)?;
            return Ok((foreign.clone(), found));
        }
        let (normal, extent) = self.inside(path)?;
        let media_type = self.media_type(&extent)?;
        let digest =
            if media_type == MediaType::image_layer() { diff_id } else { self.sha256(&normal, &extent)? };
        Ok((Descriptor::new(media_type, digest, extent.bytes), Some(extent)))
    }

    /// The file of a layer that may not be distributed, if it is the blob that `descriptor` says. Often it is not:
    /// Docker on Windows saves the layer uncompressed, and describes it as its server compressed it.
    fn foreign(
        &mut self,
        path: &str,
        diff_id: Digest,
        descriptor: &Descriptor,
    ) -> Result<Option<Extent>, ArtifactError> {
        let normal = normal_path(path).ok_or_else(|| {
            self.malformed(format!("manifest.json names {path:?}, which is outside the archive"))
        })?;
        let Some(extent) = self.files.open(&normal)?.filter(|extent| extent.bytes == descriptor.size) else {
            return Ok(None);
        };
        let same = descriptor.digest == diff_id || self.sha256(&normal, &extent)? == descriptor.digest;
        Ok(same.then_some(extent))
    }

    fn media_type(&self, extent: &Extent) -> Result<MediaType, ArtifactError> {
        let mut start = Vec::new();
        let unreadable = ArtifactError::io("cannot read", self.files.path());
        extent.reader(0).take(MAGIC_BYTES as u64).read_to_end(&mut start).map_err(unreadable)?;
        Ok(match compressed_with(&start) {
            Some("gzip") => MediaType::image_layer_gzip(),
            Some("zstd") => MediaType::image_layer_zstd(),
            _ => MediaType::image_layer(),
        })
    }

    fn sha256(&mut self, path: &str, extent: &Extent) -> Result<Digest, ArtifactError> {
        let real = self.files.real_name(path)?.unwrap_or_else(|| path.to_owned());
        if let Some(digest) = self.hashed.get(&real) {
            return Ok(*digest);
        }
        let unreadable = ArtifactError::io("cannot read", self.files.path());
        let (digest, _) = extent.digest(Algorithm::Sha256).map_err(unreadable)?;
        self.hashed.insert(real, digest);
        Ok(digest)
    }
}

/// The error for a `problem` with the archive at `path`.
pub(super) fn malformed(path: &Path, problem: String) -> ArtifactError {
    ArtifactError::Archive { path: path.to_owned(), problem }
}

fn described(media_type: MediaType, bytes: &[u8]) -> Descriptor {
    Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64)
}
