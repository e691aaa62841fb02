//! Media types: they decide what a blob is and whether it may be distributed.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A media type as in the descriptor: 1 to 255 printable ASCII characters without spaces.
///
/// Deliberately wider than RFC 6838: unknown types are carried too, but none may break a line of the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Arc<str>);

/// Longest media type, in bytes (docs/format.md, "Limits").
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// The kind of document that a media type denotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An OCI image manifest or a Docker schema 2 manifest.
    Manifest,
    /// An image index or a Docker manifest list.
    Index,
    /// The artifact manifest of the image-spec 1.1 release candidates.
    ArtifactManifest,
    /// A Docker schema 1 manifest. It contains its signature, which its digest does not cover.
    Schema1,
    /// Anything else: an opaque blob.
    Blob,
}

impl Role {
    /// Returns the name of the kind, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Manifest => "manifest",
            Role::Index => "index",
            Role::ArtifactManifest => "artifact manifest",
            Role::Schema1 => "Docker schema 1 manifest",
            Role::Blob => "blob",
        }
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const OCI_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.";

impl MediaType {
    /// Returns the type of an OCI image manifest.
    pub fn image_manifest() -> MediaType {
        MediaType(MANIFEST.into())
    }

    /// Returns the type of an OCI image index.
    pub fn image_index() -> MediaType {
        MediaType(INDEX.into())
    }

    /// Returns the type of an OCI image configuration.
    pub fn image_config() -> MediaType {
        MediaType(CONFIG.into())
    }

    /// Returns the type of an uncompressed layer.
    pub fn image_layer() -> MediaType {
        MediaType(LAYER.into())
    }

    /// Returns the type of a layer compressed with gzip.
    pub fn image_layer_gzip() -> MediaType {
        MediaType(LAYER_GZIP.into())
    }

    /// Returns the type of a layer compressed with zstd.
    pub fn image_layer_zstd() -> MediaType {
        MediaType(LAYER_ZSTD.into())
    }

    /// Returns the media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the kind of document that has this type.
    #[doc(hidden)]
    pub fn role(&self) -> Role {
        match self.as_str() {
            MANIFEST | DOCKER_MANIFEST => Role::Manifest,
            INDEX | DOCKER_LIST => Role::Index,
            ARTIFACT_MANIFEST => Role::ArtifactManifest,
            other if other.starts_with(DOCKER_SCHEMA1) => Role::Schema1,
            _ => Role::Blob,
        }
    }

    /// Returns whether layers of this type are non-distributable: OCI's or Docker's, with any compression.
    pub fn is_nondistributable(&self) -> bool {
        self.as_str().starts_with(OCI_NONDISTRIBUTABLE) || self.as_str().starts_with(DOCKER_FOREIGN)
    }

    /// Returns whether this is the type of a container image's configuration.
    pub fn is_image_config(&self) -> bool {
        matches!(self.as_str(), CONFIG | DOCKER_CONFIG)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is not a media type that a bundle can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("media type {text:?} is not 1 to {MEDIA_TYPE_BYTES_MAX} printable ASCII characters without spaces")]
pub struct MediaTypeError {
    /// The text that was parsed, shortened.
    pub text: String,
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=MEDIA_TYPE_BYTES_MAX).contains(&text.len());
        // "-" stands for "none" in the plan.
        if fits && text != "-" && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(MediaType(text.into()))
        } else {
            Err(MediaTypeError { text: text.chars().take(MEDIA_TYPE_BYTES_MAX).collect() })
        }
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for MediaType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MediaType".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": MEDIA_TYPE_BYTES_MAX })
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::image::MediaType as Known;

    use super::*;

    #[test]
    fn the_types_are_those_of_the_specification() {
        for (ours, known) in [
            (MANIFEST, Known::ImageManifest),
            (INDEX, Known::ImageIndex),
            (CONFIG, Known::ImageConfig),
            (LAYER, Known::ImageLayer),
            (LAYER_GZIP, Known::ImageLayerGzip),
            (LAYER_ZSTD, Known::ImageLayerZstd),
            (ARTIFACT_MANIFEST, Known::ArtifactManifest),
        ] {
            assert_eq!(ours, known.to_string());
        }
    }

    #[test]
    fn recognizes_nondistributable_layers_of_oci_and_docker() {
        for text in [
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
        ] {
            assert!(text.parse::<MediaType>().unwrap().is_nondistributable(), "{text}");
        }
        assert!(!MediaType::image_layer_gzip().is_nondistributable());
    }
}
