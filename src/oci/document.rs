//! Strict parsing of manifests and indexes (image-spec, "Image Manifest" and "Image Index").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::descriptor::{BLOB_BYTES_MAX, InlineDataError};
use super::media_type::Role;
use super::{Descriptor, Digest, MediaType, json};

/// Largest manifest or index, in bytes (docs/format.md, "Limits"; most registries have the same limit).
pub const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// The references of a manifest or an index. The caller keeps its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// An image manifest: references a configuration and layers.
    Manifest {
        /// The configuration, or the empty descriptor if the artifact has none.
        config: Descriptor,
        /// The layers, base layer first.
        layers: Vec<Descriptor>,
        /// The manifest that this one refers to.
        subject: Option<Descriptor>,
        /// The artifact type from `artifactType`; if absent, the configuration's media type applies.
        artifact_type: Option<MediaType>,
    },
    /// An image index: references manifests and other indexes.
    Index {
        /// The manifests and indexes that it references.
        manifests: Vec<Descriptor>,
        /// The manifest that this one refers to.
        subject: Option<Descriptor>,
        /// The artifact type of the index.
        artifact_type: Option<MediaType>,
    },
    /// An artifact manifest: references blobs and has no configuration.
    ArtifactManifest {
        /// The blobs that it references.
        blobs: Vec<Descriptor>,
        /// The manifest that this one refers to.
        subject: Option<Descriptor>,
        /// The artifact type.
        artifact_type: Option<MediaType>,
    },
}

/// A document is rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The document is larger than registries accept.
    #[error("document {digest} has {bytes} bytes, more than the limit of {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// The digest of the document.
        digest: Digest,
        /// The size of the document in bytes.
        bytes: u64,
    },
    /// The document is not JSON, or parsers could read it differently.
    #[error("document {digest}: {}", brief(&json::message(source)))]
    Json {
        /// The digest of the document.
        digest: Digest,
        /// The position and the cause.
        source: serde_json::Error,
    },
    /// The media type and the content contradict each other.
    #[error("document {digest}: {}", brief(problem))]
    Shape {
        /// The digest of the document.
        digest: Digest,
        /// The contradiction.
        problem: String,
    },
    /// The inline data of one of the descriptors is wrong.
    #[error("document {digest}: {source}")]
    InlineData {
        /// The digest of the document.
        digest: Digest,
        /// The error, with the descriptor.
        source: InlineDataError,
    },
}

/// Shortens a problem: it may quote a text that is as long as the document.
fn brief(problem: &dyn std::fmt::Display) -> String {
    const CHARACTERS_MAX: usize = 600;
    let text = problem.to_string();
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The fields of any document. Those that belong to another kind are read to refuse them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<MediaType>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    blobs: Option<Vec<Descriptor>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    /// Only checked: the values of annotations are strings.
    #[serde(default)]
    #[expect(dead_code, reason = "reading them checks them")]
    annotations: Option<BTreeMap<String, String>>,
    /// The layers of a Docker schema 1 manifest.
    #[serde(default)]
    fs_layers: Option<IgnoredAny>,
    /// The history of a Docker schema 1 manifest.
    #[serde(default)]
    history: Option<IgnoredAny>,
}

impl Document {
    /// Parses the document that `descriptor` references. The caller has checked `bytes` against its digest.
    ///
    /// # Errors
    /// [`DocumentError`] if the document is malformed, if two parsers could read it differently, or if it
    /// contradicts the media type of the descriptor.
    pub fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Document, DocumentError> {
        let digest = descriptor.digest;
        let refuse = |problem: String| DocumentError::Shape { digest, problem };
        if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge { digest, bytes: bytes.len() as u64 });
        }
        let fields: Fields =
            json::document(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        if let Some(inside) = &fields.media_type
            && !inside.is_empty()
            && inside != descriptor.media_type.as_str()
        {
            return Err(refuse(format!(
                "its mediaType is {inside:?}, but its descriptor has {}",
                descriptor.media_type
            )));
        }
        let document = fields.into_document(descriptor.media_type.role()).map_err(refuse)?;
        for target in document.successors().chain(document.subject()) {
            if target.size > BLOB_BYTES_MAX {
                return Err(refuse(format!(
                    "descriptor {} has a size of {} bytes, more than {BLOB_BYTES_MAX}",
                    target.digest, target.size
                )));
            }
            target.inline_data().map_err(|source| DocumentError::InlineData { digest, source })?;
        }
        Ok(document)
    }

    /// Returns the descriptors of everything that must travel with the document, in its order. The subject
    /// is not included.
    pub fn successors(&self) -> impl Iterator<Item = &Descriptor> {
        let (first, rest): (Option<&Descriptor>, &[Descriptor]) = match self {
            Document::Manifest { config, layers, .. } => (Some(config), layers),
            Document::Index { manifests, .. } => (None, manifests),
            Document::ArtifactManifest { blobs, .. } => (None, blobs),
        };
        first.into_iter().chain(rest)
    }

    /// Returns the descriptor of the subject (image-spec, "subject").
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Document::Manifest { subject, .. }
            | Document::Index { subject, .. }
            | Document::ArtifactManifest { subject, .. } => subject.as_ref(),
        }
    }

    /// Returns the artifact type as the referrers API reports it.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        match self {
            Document::Manifest { artifact_type, config, .. } => {
                Some(artifact_type.as_ref().unwrap_or(&config.media_type))
            }
            Document::Index { artifact_type, .. } | Document::ArtifactManifest { artifact_type, .. } => {
                artifact_type.as_ref()
            }
        }
    }
}

impl Fields {
    fn into_document(self, role: Role) -> Result<Document, String> {
        let Fields { schema_version, artifact_type, config, layers, manifests, blobs, subject, .. } = self;
        match schema_version {
            _ if role == Role::ArtifactManifest => {}
            Some(2) => {}
            Some(other) => return Err(format!("schemaVersion is {other}, expected 2")),
            None => return Err("schemaVersion is missing, expected 2".to_owned()),
        }
        // CVE-2021-41190: parsers disagree on a document that is both a manifest and an index, or of schema 1.
        for (field, found) in [("fsLayers", self.fs_layers), ("history", self.history)] {
            if found.is_some() && role != Role::Schema1 {
                return Err(format!("it has the field {field} of a Docker schema 1 manifest"));
            }
        }
        match (role, config, layers, manifests, blobs) {
            (Role::Manifest, Some(config), layers, None, None) => {
                Ok(Document::Manifest { config, layers: layers.unwrap_or_default(), subject, artifact_type })
            }
            (Role::Index, None, None, manifests, None) => {
                Ok(Document::Index { manifests: manifests.unwrap_or_default(), subject, artifact_type })
            }
            (Role::ArtifactManifest, None, None, None, blobs) => {
                Ok(Document::ArtifactManifest { blobs: blobs.unwrap_or_default(), subject, artifact_type })
            }
            (Role::Manifest, None, ..) => Err("the manifest has no config".to_owned()),
            (Role::Schema1, ..) => {
                Err("it is a Docker schema 1 manifest; convert the image first".to_owned())
            }
            (role, ..) => Err(format!(
                "it has fields that do not belong to the {} that its descriptor declares",
                role.name()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(media_type: &str, text: &str) -> Result<Document, DocumentError> {
        let digest = Digest::sha256(text.as_bytes());
        let descriptor = Descriptor::new(media_type.parse().unwrap(), digest, text.len() as u64);
        Document::parse(&descriptor, text.as_bytes())
    }

    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const ITEM: &str = r#"{"mediaType":"application/octet-stream","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}"#;

    #[test]
    fn rejects_documents_of_two_kinds() {
        let both = format!(r#"{{"schemaVersion":2,"config":{ITEM},"layers":[],"manifests":[]}}"#);
        assert!(parse(MANIFEST, &both).is_err());
        assert!(parse(INDEX, &both).is_err());
        let manifest =
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{ITEM},"layers":[{ITEM}]}}"#);
        assert_eq!(parse(MANIFEST, &manifest).unwrap().successors().count(), 2);
        assert!(parse(INDEX, &manifest).is_err(), "the type inside contradicts the descriptor's");
        assert!(parse(INDEX, r#"{"schemaVersion":2,"manifests":null}"#).is_ok());
        assert!(parse(INDEX, r#"{"schemaVersion":1,"manifests":[]}"#).is_err());
    }

    #[test]
    fn rejects_sizes_that_are_not_integers_in_range() {
        for size in ["-1", "1e3", "1.0", "\"5\"", "18446744073709551615", "18446744073709551616"] {
            let item = ITEM.replace("\"size\":0", &format!("\"size\":{size}"));
            assert!(
                parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{item}]}}"#)).is_err(),
                "{size}"
            );
        }
    }

    #[test]
    fn inline_data_must_match_the_digest() {
        let right = ITEM.replace("\"size\":0", "\"size\":0,\"data\":\"\"");
        let wrong = ITEM.replace("\"size\":0", "\"size\":0,\"data\":\"AAAA\"");
        assert!(parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{right}]}}"#)).is_ok());
        assert!(parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{wrong}]}}"#)).is_err());
    }
}
