//! Archives from `docker save` as sources: with an image layout inside, or in the legacy format, for which the
//! manifests must be generated.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::catalog::Catalog;
use super::extent::Extent;
use super::files::Files;
use super::layout::{Layout, Naming};
use super::tar_index::{Links, normal_path};
use super::{ArtifactError, ArtifactSource, Root, Selection};
use crate::diagnosis::count;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::graph::Referrer;
use crate::oci::write::image_manifest;
use crate::oci::{Algorithm, Descriptor, Digest, MediaType, RefName, json};

/// A Docker archive as a source of artifacts.
#[derive(Debug)]
pub struct DockerArchive {
    format: ArchiveFormat,
}

#[derive(Debug)]
enum ArchiveFormat {
    /// Docker 25 and later write an image layout; `manifest.json` is ignored then.
    Layout(Layout),
    Legacy(Legacy),
}

/// The legacy format: configurations and layers, with the names in `manifest.json`.
#[derive(Debug)]
struct Legacy {
    name: String,
    catalog: Catalog,
    blobs: BTreeMap<Digest, Content>,
}

#[derive(Debug)]
enum Content {
    Bytes(Arc<[u8]>),
    InArchive(Extent),
}

impl Content {
    fn bytes(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::InArchive(extent) => extent.bytes,
        }
    }
}

const ITEM_KEYS: &[&str] = &["Config", "RepoTags", "Layers"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

const CONFIG_KEYS: &[&str] = &["rootfs", "diff_ids"];

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

impl DockerArchive {
    /// Opens the archive `path`. Messages call it `name`. In the legacy format, compressed layers are hashed here,
    /// because the archive does not contain their digests.
    pub fn open(path: &Path, name: &str) -> Result<DockerArchive, ArtifactError> {
        let files = Files::in_archive(path, Links::FollowedInside)?;
        let layout_inside = files.open("oci-layout")?.is_some() && files.open("index.json")?.is_some();
        let format = if layout_inside {
            ArchiveFormat::Layout(Layout::over(files, name, Naming::Docker)?)
        } else {
            ArchiveFormat::Legacy(
                Reading { files: &files, name, blobs: BTreeMap::new(), hashed: HashMap::new() }.run()?,
            )
        };
        Ok(DockerArchive { format })
    }
}

/// Reads the legacy format.
struct Reading<'a> {
    files: &'a Files,
    name: &'a str,
    blobs: BTreeMap<Digest, Content>,
    /// The digests of the compressed layers read so far, by their offset in the archive.
    hashed: HashMap<u64, Digest>,
}

impl Reading<'_> {
    fn run(mut self) -> Result<Legacy, ArtifactError> {
        let Some(bytes) = self.files.read("manifest.json", DOCUMENT_BYTES_MAX)? else {
            return Err(self.refuse("the archive has neither manifest.json nor an image layout".to_owned()));
        };
        let items: Vec<Item> = self.strict("manifest.json", &bytes, ITEM_KEYS)?;
        let mut roots = Vec::new();
        for item in &items {
            let descriptor = self.image(item)?;
            let tags = item.repo_tags.as_deref().unwrap_or_default();
            let names = tags.iter().map(|text| {
                text.parse::<RefName>().map_err(|source| ArtifactError::BadName {
                    place: self.name.to_owned(),
                    digest: descriptor.digest,
                    source,
                })
            });
            for name in names.collect::<Result<Vec<_>, _>>()? {
                roots.push(Root { name: Some(name), descriptor: descriptor.clone() });
            }
            if tags.is_empty() {
                roots.push(Root { name: None, descriptor });
            }
        }
        let catalog = Catalog::new(self.name.to_owned(), roots);
        Ok(Legacy { name: self.name.to_owned(), catalog, blobs: self.blobs })
    }

    fn refuse(&self, problem: String) -> ArtifactError {
        ArtifactError::NotADockerImage { place: self.name.to_owned(), problem }
    }

    fn malformed(&self, problem: String) -> ArtifactError {
        ArtifactError::Archive { path: self.files.path().to_owned(), problem }
    }

    fn strict<T: serde::de::DeserializeOwned>(
        &self,
        file: &str,
        bytes: &[u8],
        keys: &'static [&'static str],
    ) -> Result<T, ArtifactError> {
        json::check_with(bytes, keys)
            .and_then(|()| serde_json::from_slice(bytes))
            .map_err(|error| self.malformed(format!("{file:?}: {error}")))
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

    /// Generates the manifest of an image.
    fn image(&mut self, item: &Item) -> Result<Descriptor, ArtifactError> {
        let (path, _) = self.inside(&item.config)?;
        let bytes = self.files.read(&path, DOCUMENT_BYTES_MAX)?.unwrap_or_default();
        let config: Config = self.strict(&path, &bytes, CONFIG_KEYS)?;
        let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
        let paths = item.layers.as_deref().unwrap_or_default();
        if paths.len() != diff_ids.len() {
            return Err(self.malformed(format!(
                "image {path:?} has {}, but its configuration lists {}",
                count(paths.len() as u64, "layer", "layers"),
                diff_ids.len()
            )));
        }
        let mut layers = Vec::new();
        for (path, diff_id) in paths.iter().zip(diff_ids) {
            layers.push(self.layer(path, diff_id)?);
        }
        let config = self.keep(MediaType::image_config(), &bytes);
        let manifest = image_manifest(&config, &layers);
        Ok(self.keep(MediaType::image_manifest(), &manifest))
    }

    fn keep(&mut self, media_type: MediaType, bytes: &[u8]) -> Descriptor {
        let digest = Digest::sha256(bytes);
        self.blobs.insert(digest, Content::Bytes(bytes.into()));
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    fn layer(&mut self, path: &str, diff_id: Digest) -> Result<Descriptor, ArtifactError> {
        let (_, extent) = self.inside(path)?;
        let unreadable = || ArtifactError::io("cannot read", self.files.path());
        let mut magic = Vec::new();
        extent.reader(0).take(4).read_to_end(&mut magic).map_err(unreadable())?;
        let media_type = match magic.as_slice() {
            [0x1f, 0x8b, ..] => MediaType::image_layer_gzip(),
            [0x28, 0xb5, 0x2f, 0xfd] => MediaType::image_layer_zstd(),
            _ => MediaType::image_layer(),
        };
        let digest = match self.hashed.get(&extent.start) {
            _ if media_type == MediaType::image_layer() => diff_id,
            Some(digest) => *digest,
            None => {
                let (digest, _) = extent.digest(Algorithm::Sha256).map_err(unreadable())?;
                self.hashed.insert(extent.start, digest);
                digest
            }
        };
        let bytes = extent.bytes;
        match self.blobs.get(&digest) {
            Some(known) if known.bytes() != bytes => {
                return Err(ArtifactError::BlobSize { digest, announced: known.bytes(), found: bytes });
            }
            Some(_) => {}
            None => {
                self.blobs.insert(digest, Content::InArchive(extent));
            }
        }
        Ok(Descriptor::new(media_type, digest, bytes))
    }
}

impl ArtifactSource for DockerArchive {
    fn name(&self) -> &str {
        match &self.format {
            ArchiveFormat::Layout(layout) => layout.name(),
            ArchiveFormat::Legacy(legacy) => &legacy.name,
        }
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        let legacy = match &self.format {
            ArchiveFormat::Layout(layout) => return layout.roots(selection),
            ArchiveFormat::Legacy(legacy) => legacy,
        };
        match selection {
            Selection::Every => Ok(legacy.catalog.unambiguous()?.to_vec()),
            Selection::Name(name) => legacy.catalog.named(name),
            Selection::Matching(pattern) => legacy.catalog.matching(pattern),
            Selection::Digest(digest) => match legacy.catalog.with_digest(digest) {
                found if found.is_empty() => Err(legacy.catalog.no_such_digest(digest)),
                found => Ok(found),
            },
        }
    }

    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        match &self.format {
            ArchiveFormat::Layout(layout) => layout.size_of(descriptor),
            ArchiveFormat::Legacy(legacy) => Ok(legacy.blobs.get(&descriptor.digest).map(Content::bytes)),
        }
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let legacy = match &self.format {
            ArchiveFormat::Layout(layout) => return layout.open(descriptor, offset),
            ArchiveFormat::Legacy(legacy) => legacy,
        };
        match legacy.blobs.get(&descriptor.digest) {
            Some(Content::InArchive(extent)) => Ok(Box::new(extent.reader(offset))),
            Some(Content::Bytes(bytes)) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                Ok(Box::new(cursor))
            }
            None => Err(ArtifactError::NoSuchBlob { place: legacy.name.clone(), digest: descriptor.digest }),
        }
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        match &self.format {
            ArchiveFormat::Layout(layout) => layout.referrers(subject),
            // The legacy format cannot hold referrers.
            ArchiveFormat::Legacy(_) => Ok(Vec::new()),
        }
    }

    fn unread(&self) -> Vec<(Digest, String)> {
        match &self.format {
            ArchiveFormat::Layout(layout) => layout.unread(),
            ArchiveFormat::Legacy(_) => Vec::new(),
        }
    }
}
