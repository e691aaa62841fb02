//! Manifests and indexes, read strictly (image-spec, "Image Manifest" and "Image Index").

use serde::Deserialize;

use super::descriptor::{BLOB_BYTES_MAX, InlineDataError};
use super::media_type::Role;
use super::{Descriptor, Digest, MediaType, json};

/// Largest manifest or index, in bytes (docs/format.md, "Limits"; the bound of most registries).
pub const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// A manifest or an index: what it points at. Its bytes stay with whoever read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Points at a configuration and layers.
    Manifest {
        /// The configuration, or the descriptor that stands for none.
        config: Descriptor,
        /// The layers, bottom first.
        layers: Vec<Descriptor>,
        /// What this refers to.
        subject: Option<Descriptor>,
        /// What the artifact is for: `artifactType`, or else the type of the configuration.
        artifact_type: Option<MediaType>,
    },
    /// Points at manifests and further indexes.
    Index {
        /// The children.
        manifests: Vec<Descriptor>,
        /// What this refers to.
        subject: Option<Descriptor>,
        /// What the index is for.
        artifact_type: Option<MediaType>,
    },
    /// Points at blobs and has no configuration.
    ArtifactManifest {
        /// The blobs.
        blobs: Vec<Descriptor>,
        /// What this refers to.
        subject: Option<Descriptor>,
        /// What the artifact is for.
        artifact_type: Option<MediaType>,
    },
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Larger than any registry takes.
    #[error("document {digest} announces {bytes} bytes, the limit is {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// Its digest.
        digest: Digest,
        /// The size of its descriptor.
        bytes: u64,
    },
    /// Not JSON that all readers read alike.
    #[error("document {digest}: {}", brief(source))]
    Json {
        /// Its digest.
        digest: Digest,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Type and content contradict.
    #[error("document {digest}: {}", brief(problem))]
    Shape {
        /// Its digest.
        digest: Digest,
        /// What contradicts what.
        problem: String,
    },
    /// The inline data of one of its descriptors is wrong.
    #[error("document {digest}: {source}")]
    InlineData {
        /// Its digest.
        digest: Digest,
        /// Which descriptor.
        source: InlineDataError,
    },
}

/// A problem in few words: a document that is in the wrong may be as long as documents are.
fn brief(problem: &dyn std::fmt::Display) -> String {
    const CHARACTERS_MAX: usize = 600;
    let text = problem.to_string();
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

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
}

impl Document {
    /// Reads the document that `descriptor` points at; `bytes` must have been checked against its digest.
    ///
    /// # Errors
    /// [`DocumentError`]: what cannot be read, what two readers could read differently, and what
    /// contradicts the type of the descriptor.
    pub fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Document, DocumentError> {
        let digest = descriptor.digest;
        let refuse = |problem: String| DocumentError::Shape { digest, problem };
        if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge { digest, bytes: bytes.len() as u64 });
        }
        json::check(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        let fields: Fields =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        if let Some(inside) = &fields.media_type
            && !inside.is_empty()
            && inside != descriptor.media_type.as_str()
        {
            return Err(refuse(format!(
                "its mediaType is {inside:?}, its descriptor says {}",
                descriptor.media_type
            )));
        }
        let document = fields.into_document(descriptor.media_type.role()).map_err(refuse)?;
        for target in document.successors().chain(document.subject()) {
            if target.size > BLOB_BYTES_MAX {
                return Err(refuse(format!("descriptor {} announces {} bytes", target.digest, target.size)));
            }
            target.inline_data().map_err(|source| DocumentError::InlineData { digest, source })?;
        }
        Ok(document)
    }

    /// Everything that must travel with the document, in its order; the subject is not among them.
    pub fn successors(&self) -> impl Iterator<Item = &Descriptor> {
        let (first, rest): (Option<&Descriptor>, &[Descriptor]) = match self {
            Document::Manifest { config, layers, .. } => (Some(config), layers),
            Document::Index { manifests, .. } => (None, manifests),
            Document::ArtifactManifest { blobs, .. } => (None, blobs),
        };
        first.into_iter().chain(rest)
    }

    /// What the document refers to (image-spec, "subject").
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Document::Manifest { subject, .. }
            | Document::Index { subject, .. }
            | Document::ArtifactManifest { subject, .. } => subject.as_ref(),
        }
    }

    /// What the artifact is for, as the referrers API answers it.
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
        if role != Role::ArtifactManifest && schema_version != Some(2) {
            return Err(format!("schemaVersion is {schema_version:?}, expected 2"));
        }
        // CVE-2021-41190: a document that is both is read as either.
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
            (Role::Manifest, None, ..) => Err("a manifest without a config".to_owned()),
            (Role::Schema1, ..) => Err("a Docker schema 1 manifest; convert the image first".to_owned()),
            (role, ..) => {
                Err(format!("it has fields of more than one kind of document, its descriptor says {role:?}"))
            }
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
    fn a_document_is_of_one_kind() {
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
    fn sizes_are_whole_numbers() {
        for size in ["-1", "1e3", "1.0", "\"5\"", "18446744073709551615", "18446744073709551616"] {
            let item = ITEM.replace("\"size\":0", &format!("\"size\":{size}"));
            assert!(
                parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{item}]}}"#)).is_err(),
                "{size}"
            );
        }
    }

    #[test]
    fn inline_data_is_the_blob() {
        let right = ITEM.replace("\"size\":0", "\"size\":0,\"data\":\"\"");
        let wrong = ITEM.replace("\"size\":0", "\"size\":0,\"data\":\"AAAA\"");
        assert!(parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{right}]}}"#)).is_ok());
        assert!(parse(INDEX, &format!(r#"{{"schemaVersion":2,"manifests":[{wrong}]}}"#)).is_err());
    }
}
