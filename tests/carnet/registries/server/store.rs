//! The content of a registry.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use carnet::oci::Digest;
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// Uploads in progress: the bytes so far, by id.
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    /// How many uploads were started.
    pub(crate) begun: usize,
}

/// The blobs, manifests and tags of one repository.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Repository {
    pub(crate) blobs: BTreeMap<String, Arc<Vec<u8>>>,
    pub(crate) manifests: BTreeMap<String, Manifest>,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Manifest {
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

impl Repository {
    pub(crate) fn add(&mut self, media_type: &str, bytes: &[u8]) -> String {
        let digest = Digest::sha256(bytes).to_string();
        let manifest = Manifest { media_type: media_type.to_owned(), bytes: bytes.to_owned() };
        self.manifests.insert(digest.clone(), manifest);
        digest
    }

    /// Resolves a tag or a digest to a digest.
    pub(crate) fn resolve(&self, reference: &str) -> Option<&str> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get_key_value(digest).map(|(digest, _)| digest.as_str())
    }
}

impl Store {
    pub(super) fn seed(&mut self, layout: &Path, name: &str) {
        let repository = self.repositories.entry(name.to_owned()).or_default();
        for algorithm in std::fs::read_dir(layout.join("blobs")).unwrap() {
            let algorithm = algorithm.unwrap();
            for file in std::fs::read_dir(algorithm.path()).unwrap() {
                let (file, algorithm) = (file.unwrap(), algorithm.file_name());
                let digest = format!("{}:{}", algorithm.display(), file.file_name().display());
                let bytes = std::fs::read(file.path()).unwrap();
                let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                // A file with a mediaType is a manifest here; any other is a blob.
                match document["mediaType"].as_str() {
                    Some(media_type) => {
                        let media_type = media_type.to_owned();
                        repository.manifests.insert(digest, Manifest { media_type, bytes });
                    }
                    None => drop(repository.blobs.insert(digest, Arc::new(bytes))),
                }
            }
        }
        let index = std::fs::read(layout.join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        for entry in index["manifests"].as_array().unwrap() {
            if let Some(name) = entry["annotations"]["org.opencontainers.image.ref.name"].as_str() {
                let tag = name.rsplit(':').next().unwrap().to_owned();
                repository.tags.insert(tag, entry["digest"].as_str().unwrap().to_owned());
            }
        }
    }
}
