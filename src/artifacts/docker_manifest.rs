//! The `manifest.json` that `docker load` needs in addition to an image layout.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ArtifactError;
use super::layout_files::blob_path;
use super::referrer_tag::stem_of;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::media_type::Role;
use crate::oci::write::IndexEntry;
use crate::oci::{Descriptor, Digest, Document, RefName};

/// The blobs of an archive.
pub(super) trait ArchiveBlobs {
    /// The size of a blob in bytes; `None` if the archive does not have it.
    fn bytes_of(&self, digest: &Digest) -> Option<u64>;

    /// Reads a blob. Its digest was verified when it was written.
    fn read(&self, digest: &Digest) -> Result<Vec<u8>, ArtifactError>;
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// An image that Docker can load: its manifest, configuration and layers.
struct Image {
    manifest: Digest,
    config: Digest,
    layers: Vec<Digest>,
}

/// Generates `manifest.json` for the images of `index`. Signatures and other referrers stay in the layout; Docker does
/// not see them.
///
/// # Errors
/// [`ArtifactError::NotADockerImage`] if `index` has any other artifact.
pub(super) fn manifest_json(
    place: &str,
    index: &[IndexEntry],
    blobs: &dyn ArchiveBlobs,
) -> Result<Vec<u8>, ArtifactError> {
    let mut items: BTreeMap<Digest, Item> = BTreeMap::new();
    let reading = Reading { place, blobs };
    for entry in index {
        if entry.name.as_ref().and_then(stem_of).is_some() {
            continue;
        }
        let Some(image) = reading.image(entry)? else { continue };
        let item = items.entry(image.manifest).or_insert_with(|| Item {
            config: blob_path(&image.config),
            repo_tags: Vec::new(),
            layers: image.layers.iter().map(blob_path).collect(),
        });
        item.repo_tags.extend(entry.name.as_ref().and_then(repo_tag));
    }
    let items: Vec<Item> = items.into_values().collect();
    serde_json::to_vec(&items).map_err(|error| reading.refuse(error.to_string()))
}

/// The name, if Docker accepts it: it needs a repository and a tag.
fn repo_tag(name: &RefName) -> Option<String> {
    let plain = name.repository().is_some() && name.tag().is_some() && !name.as_str().contains('@');
    plain.then(|| name.to_string())
}

struct Reading<'a> {
    place: &'a str,
    blobs: &'a dyn ArchiveBlobs,
}

impl Reading<'_> {
    fn refuse(&self, problem: String) -> ArtifactError {
        ArtifactError::NotADockerImage { place: self.place.to_owned(), problem }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, ArtifactError> {
        let digest = descriptor.digest;
        match self.blobs.bytes_of(&digest) {
            Some(bytes) if bytes == descriptor.size && bytes <= DOCUMENT_BYTES_MAX => {
                Ok(Document::parse(descriptor, &self.blobs.read(&digest)?)?)
            }
            _ => Err(self.refuse(format!("manifest {digest} is missing in the bundle"))),
        }
    }

    /// The image of an entry; `None` if the entry is only a referrer.
    fn image(&self, entry: &IndexEntry) -> Result<Option<Image>, ArtifactError> {
        let descriptor = Descriptor::new(entry.media_type.clone(), entry.digest, entry.size);
        if descriptor.media_type.role() == Role::Blob {
            return Err(self.refuse(format!("{} has the media type {}", entry.digest, entry.media_type)));
        }
        let document = self.document(&descriptor)?;
        if entry.name.is_none() && document.subject().is_some() {
            return Ok(None);
        }
        match &document {
            Document::Index { manifests, .. } => self.only_image(&descriptor, manifests).map(Some),
            _ => self.image_of(&descriptor, &document).map(Some),
        }
    }

    /// The only image of an index that the archive has. Attestations do not count.
    fn only_image(&self, index: &Descriptor, children: &[Descriptor]) -> Result<Image, ArtifactError> {
        let mut images = Vec::new();
        for child in children {
            let attests = child.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
            let manifest = child.media_type.role() == Role::Manifest;
            if manifest && !attests && self.blobs.bytes_of(&child.digest).is_some() {
                images.push(child);
            }
        }
        match images.as_slice() {
            [image] => self.image_of(image, &self.document(image)?),
            [] => Err(self.refuse(format!("no image of index {} is in the bundle", index.digest))),
            many => Err(self.refuse(format!(
                "index {} has {} images, but Docker accepts one; select a platform",
                index.digest,
                many.len()
            ))),
        }
    }

    fn image_of(&self, descriptor: &Descriptor, document: &Document) -> Result<Image, ArtifactError> {
        let manifest = descriptor.digest;
        let Document::Manifest { config, layers, .. } = document else {
            return Err(self.refuse(format!("{manifest} is an artifact, not an image")));
        };
        if !config.media_type.is_image_config() {
            return Err(self.refuse(format!(
                "{manifest} is not an image: its configuration has the media type {}",
                config.media_type
            )));
        }
        let absent = |part: &&Descriptor| self.blobs.bytes_of(&part.digest).is_none();
        if let Some(part) = document.successors().find(absent) {
            return Err(
                self.refuse(format!("blob {} of image {manifest} is missing in the bundle", part.digest))
            );
        }
        let layers = layers.iter().map(|layer| layer.digest).collect();
        Ok(Image { manifest, config: config.digest, layers })
    }
}
