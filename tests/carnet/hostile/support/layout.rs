//! Image layouts written by hand, well-formed or hostile.

use std::fs;
use std::path::{Path, PathBuf};

use carnet::oci::Digest;

pub(in crate::hostile) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(in crate::hostile) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(in crate::hostile) const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
pub(in crate::hostile) const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
pub(in crate::hostile) const NONDISTRIBUTABLE_TYPE: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// A descriptor as text, so that a test can change any part of it.
#[derive(Clone, Debug)]
pub(in crate::hostile) struct Item {
    pub(in crate::hostile) media_type: String,
    pub(in crate::hostile) digest: String,
    pub(in crate::hostile) size: String,
    /// More members, as `,"key":value`.
    pub(in crate::hostile) more: String,
}

impl Item {
    pub(in crate::hostile) fn of(media_type: &str, bytes: &[u8]) -> Item {
        Item {
            media_type: media_type.to_owned(),
            digest: Digest::sha256(bytes).to_string(),
            size: bytes.len().to_string(),
            more: String::new(),
        }
    }

    pub(in crate::hostile) fn named(mut self, name: &str) -> Item {
        let name = serde_json::to_string(name).expect("text");
        self.more += &format!(r#","annotations":{{"org.opencontainers.image.ref.name":{name}}}"#);
        self
    }

    pub(in crate::hostile) fn with(mut self, more: &str) -> Item {
        self.more += &format!(",{more}");
        self
    }

    pub(in crate::hostile) fn json(&self) -> String {
        let Item { media_type, digest, size, more } = self;
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
    }
}

pub(in crate::hostile) fn list(items: &[Item]) -> String {
    let items: Vec<String> = items.iter().map(Item::json).collect();
    format!("[{}]", items.join(","))
}

pub(in crate::hostile) struct SourceLayout(PathBuf);

impl SourceLayout {
    pub(in crate::hostile) fn new(path: PathBuf) -> SourceLayout {
        fs::create_dir_all(path.join("blobs/sha256")).expect("a folder");
        fs::create_dir_all(path.join("blobs/sha512")).expect("a folder");
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
        SourceLayout(path)
    }

    pub(in crate::hostile) fn path(&self) -> &Path {
        &self.0
    }

    pub(in crate::hostile) fn spec(&self) -> String {
        format!("oci:{}", self.0.display())
    }

    pub(in crate::hostile) fn blob_path(&self, digest: &str) -> PathBuf {
        self.0.join("blobs").join(digest.replace(':', "/"))
    }

    pub(in crate::hostile) fn typed(&self, media_type: &str, bytes: &[u8]) -> Item {
        let item = Item::of(media_type, bytes);
        fs::write(self.blob_path(&item.digest), bytes).expect("written");
        item
    }

    /// A configuration.
    pub(in crate::hostile) fn blob(&self, bytes: &[u8]) -> Item {
        self.typed(CONFIG_TYPE, bytes)
    }

    pub(in crate::hostile) fn layer(&self, bytes: &[u8]) -> Item {
        self.typed(LAYER_TYPE, bytes)
    }

    pub(in crate::hostile) fn manifest(&self, text: &str) -> Item {
        self.typed(MANIFEST_TYPE, text.as_bytes())
    }

    pub(in crate::hostile) fn image(&self, config: &Item, layers: &[Item]) -> Item {
        self.manifest(&image_text(config, layers))
    }

    pub(in crate::hostile) fn index(&self, items: &[Item]) {
        self.index_text(&index_text(items));
    }

    pub(in crate::hostile) fn index_text(&self, text: &str) {
        fs::write(self.0.join("index.json"), text).expect("written");
    }

    /// The config and layer of a well-formed image.
    pub(in crate::hostile) fn plain_image(&self, seed: u64) -> (Item, Item) {
        (self.blob(b"{}"), self.layer(&super::noise(seed, 1_000)))
    }
}

pub(in crate::hostile) fn image_text(config: &Item, layers: &[Item]) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST_TYPE}","config":{},"layers":{}}}"#,
        config.json(),
        list(layers)
    )
}

pub(in crate::hostile) fn index_text(items: &[Item]) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX_TYPE}","manifests":{}}}"#, list(items))
}
