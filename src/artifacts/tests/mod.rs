//! Tests of sources and sinks on real files.

mod docker;
mod sinks;
mod sources;
mod tars;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::oci::Document;
use crate::oci::image_manifest::image_manifest;
use crate::oci::write::OCI_LAYOUT;
use crate::oci::{Descriptor, Digest, VerifiedBlob};
use crate::oci::{MediaType, write::IndexEntry};
use crate::registry::{Registries, Settings};

/// A builder for the files of a layout.
#[derive(Clone, Default)]
struct LayoutBuilder {
    files: BTreeMap<String, Vec<u8>>,
    entries: Vec<String>,
}

impl LayoutBuilder {
    fn new() -> LayoutBuilder {
        let mut made = LayoutBuilder::default();
        made.files.insert("oci-layout".to_owned(), OCI_LAYOUT.to_vec());
        made
    }

    fn blob(&mut self, media_type: MediaType, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64);
        self.files.insert(layout_files::blob_path(&descriptor.digest), bytes.to_vec());
        descriptor
    }

    /// Adds an image with one layer that contains `text`.
    fn image(&mut self, text: &str) -> Descriptor {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            Digest::sha256(text.as_bytes())
        );
        let config = self.blob(MediaType::image_config(), config.as_bytes());
        let layer = self.blob(MediaType::image_layer(), text.as_bytes());
        let manifest = image_manifest(&config, &[layer]);
        self.blob(MediaType::image_manifest(), &manifest)
    }

    /// Adds a signature of `subject`.
    fn signature(&mut self, subject: &Descriptor) -> Descriptor {
        let empty = self.blob("application/vnd.oci.empty.v1+json".parse().unwrap(), b"{}");
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"application/x-sig","config":{},"layers":[],"subject":{}}}"#,
            MediaType::image_manifest(),
            json(&empty),
            json(subject)
        );
        self.blob(MediaType::image_manifest(), text.as_bytes())
    }

    fn index(&mut self, children: &[&Descriptor]) -> Descriptor {
        let children: Vec<String> = children.iter().map(|child| json(child)).collect();
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","));
        self.blob(MediaType::image_index(), text.as_bytes())
    }

    fn list(&mut self, descriptor: &Descriptor, name: Option<&str>) {
        let text = json(descriptor);
        self.entries.push(match name {
            None => text,
            Some(name) => {
                let annotations = serde_json::json!({ "org.opencontainers.image.ref.name": name });
                format!("{},\"annotations\":{annotations}}}", text.strip_suffix('}').unwrap())
            }
        });
    }

    fn all_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, self.entries.join(","));
        files.entry("index.json".to_owned()).or_insert(index.into_bytes());
        files
    }

    fn write_directory(&self, path: &Path) {
        for (name, bytes) in self.all_files() {
            let path = path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    fn write_archive(&self, path: &Path) {
        let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
        for (name, bytes) in self.all_files() {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, format!("./{name}"), bytes.as_slice()).unwrap();
        }
        builder.finish().unwrap();
    }

    /// The layout as a directory and as an archive.
    fn sources(&self, folder: &Path) -> Vec<Arc<dyn ArtifactSource>> {
        let (directory, archive) = (folder.join("layout"), folder.join("layout.tar"));
        self.write_directory(&directory);
        self.write_archive(&archive);
        [format!("oci:{}", directory.display()), format!("oci-archive:{}", archive.display())]
            .iter()
            .map(|text| open(text))
            .collect()
    }
}

/// Opens the single source in `text`.
fn open(text: &str) -> Arc<dyn ArtifactSource> {
    let registries = RegistrySources::new(Registries::new(Settings::default()), Vec::new());
    let mut sources = text.parse::<SourceSpec>().unwrap().open(&registries).unwrap();
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

fn json(descriptor: &Descriptor) -> String {
    format!(
        r#"{{"mediaType":"{}","digest":"{}","size":{}}}"#,
        descriptor.media_type, descriptor.digest, descriptor.size
    )
}

fn names(roots: &[Root]) -> Vec<(Option<String>, Digest)> {
    roots.iter().map(|root| (root.name.as_ref().map(ToString::to_string), root.descriptor.digest)).collect()
}

fn read_all(source: &dyn ArtifactSource, descriptor: &Descriptor, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.open(descriptor, offset).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn entry(name: Option<&str>, descriptor: &Descriptor) -> IndexEntry {
    IndexEntry {
        name: name.map(|name| name.parse().unwrap()),
        digest: descriptor.digest,
        size: descriptor.size,
        media_type: descriptor.media_type.clone(),
        artifact_type: None,
    }
}
