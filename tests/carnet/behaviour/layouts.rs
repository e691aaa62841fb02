//! A builder of image layouts.

use std::path::{Path, PathBuf};

use carnet::oci::Digest;
use serde_json::{Value, json};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// A layout that grows. Its `index.json` is valid after every step.
pub(crate) struct Source {
    path: PathBuf,
    entries: Vec<Value>,
}

/// A descriptor.
pub(crate) fn descriptor(media_type: &str, digest: &Digest, bytes: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": bytes })
}

/// The digest of a descriptor.
pub(crate) fn digest_of(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// The digits of a descriptor's digest.
pub(crate) fn hex_of(descriptor: &Value) -> &str {
    digest_of(descriptor).split_once(':').unwrap().1
}

/// Adds the members of `more` to an object.
pub(crate) fn with(mut object: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

impl Source {
    pub(crate) fn new(path: PathBuf) -> Source {
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        std::fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let source = Source { path, entries: Vec::new() };
        source.write_index();
        source
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn blob_path(&self, descriptor: &Value) -> PathBuf {
        self.path.join("blobs").join(digest_of(descriptor).replace(':', "/"))
    }

    fn store(&self, media_type: &str, digest: &Digest, bytes: &[u8]) -> Value {
        let descriptor = descriptor(media_type, digest, bytes.len());
        let path = self.blob_path(&descriptor);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        descriptor
    }

    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        self.store(media_type, &Digest::sha256(bytes), bytes)
    }

    pub(crate) fn blob_sha512(&self, media_type: &str, bytes: &[u8]) -> Value {
        self.store(media_type, &Digest::Sha512([0; 64]).same_algorithm(bytes), bytes)
    }

    /// A document, pretty-printed and with an unknown key, so that writing it anew would change its bytes.
    pub(crate) fn document(&self, media_type: &str, fields: &Value) -> Value {
        let fields = with(fields.clone(), &json!({ "schemaVersion": 2, "mediaType": media_type }));
        let fields = with(fields, &json!({ "x-nobody-knows": [1, null, { "é": 1.50 }] }));
        let text = format!("\n{}\n \t", serde_json::to_string_pretty(&fields).unwrap());
        self.blob(media_type, text.as_bytes())
    }

    pub(crate) fn manifest(&self, config: &Value, layers: &[Value]) -> Value {
        self.document(MANIFEST, &json!({ "config": config, "layers": layers }))
    }

    /// An image with layers of these sizes. Another `seed` gives other layers.
    pub(crate) fn image(&self, seed: u64, layers: &[usize]) -> Value {
        let config = json!({ "architecture": "amd64", "os": "linux", "seed": seed,
            "rootfs": { "type": "layers", "diff_ids": [] } });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let layer =
            |(at, bytes): (u64, &usize)| self.blob(LAYER, &super::support::noise(seed * 1000 + at, *bytes));
        let layers: Vec<Value> = (0..).zip(layers).map(layer).collect();
        self.manifest(&config, &layers)
    }

    pub(crate) fn index(&self, children: &[Value]) -> Value {
        self.document(INDEX, &json!({ "manifests": children }))
    }

    /// An artifact that refers to `subject`.
    pub(crate) fn referrer(&self, subject: &Value, artifact_type: &str, text: &str) -> Value {
        let config = self.blob(EMPTY, b"{}");
        let layer = self.blob(artifact_type, text.as_bytes());
        let fields = json!({ "artifactType": artifact_type, "config": config, "layers": [layer],
            "subject": plain(subject) });
        self.document(MANIFEST, &fields)
    }

    /// Lists a document in `index.json`, without a name.
    pub(crate) fn list(&mut self, descriptor: &Value) {
        self.entries.push(descriptor.clone());
        self.write_index();
    }

    /// Lists a document in `index.json` under a name.
    pub(crate) fn tag(&mut self, descriptor: &Value, name: &str) {
        let annotations = json!({ "org.opencontainers.image.ref.name": name });
        self.list(&with(descriptor.clone(), &json!({ "annotations": annotations })));
    }

    /// Reverses the order of the entries.
    pub(crate) fn reverse(&mut self) {
        self.entries.reverse();
        self.write_index();
    }

    fn write_index(&self) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries });
        std::fs::write(self.path.join("index.json"), index.to_string()).unwrap();
    }
}

/// A descriptor with only the required members.
pub(crate) fn plain(descriptor: &Value) -> Value {
    json!({ "mediaType": descriptor["mediaType"], "digest": descriptor["digest"], "size": descriptor["size"] })
}

/// A child of an index, for a platform written as `linux/arm64/v8`.
pub(crate) fn on(platform: &str, descriptor: &Value) -> Value {
    let mut words = platform.split('/');
    let mut platform = json!({ "os": words.next(), "architecture": words.next() });
    if let Some(variant) = words.next() {
        platform["variant"] = variant.into();
    }
    with(descriptor.clone(), &json!({ "platform": platform }))
}
