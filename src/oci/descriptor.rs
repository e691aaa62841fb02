//! A descriptor: how everything points at a blob (image-spec, "Content Descriptors").

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use super::{Digest, MediaType};

/// The annotation that names an entry of `index.json` (image-spec, "Annotations").
pub const REF_NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// Largest size that any descriptor may announce, in bytes: what a signed 64-bit number holds.
pub const BLOB_BYTES_MAX: u64 = i64::MAX as u64;

/// A pointer at a blob, with what must be known before the blob is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: MediaType,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What an artifact's manifest is for.
    #[serde(default)]
    pub artifact_type: Option<MediaType>,
    /// Where a non-distributable layer may be had. Never opened on the receiving side.
    #[serde(default, deserialize_with = "null_as_default")]
    pub urls: Vec<String>,
    /// The platform of an index's child.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Free text of the writer.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
    /// The blob itself, base64, where it is small.
    #[serde(default)]
    pub data: Option<String>,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The inline `data` of a descriptor is not the blob that its digest names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inline data of descriptor {digest} is not that blob")]
pub struct InlineDataError {
    /// The digest of the descriptor.
    pub digest: Digest,
}

impl Descriptor {
    /// A descriptor with nothing but the three required fields.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type,
            digest,
            size,
            artifact_type: None,
            urls: Vec::new(),
            platform: None,
            annotations: BTreeMap::new(),
            data: None,
        }
    }

    /// The blob's bytes, where the descriptor carries them inline.
    ///
    /// # Errors
    /// When they do not decode, or have another digest or size.
    pub fn inline_data(&self) -> Result<Option<Vec<u8>>, InlineDataError> {
        let Some(text) = &self.data else { return Ok(None) };
        let refused = || InlineDataError { digest: self.digest };
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| refused())?;
        if bytes.len() as u64 != self.size || self.digest.same_algorithm(&bytes) != self.digest {
            return Err(refused());
        }
        Ok(Some(bytes))
    }
}

/// The platform of an image in an index.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, schemars::JsonSchema,
)]
pub struct Platform {
    /// `linux`, `windows`, …
    #[serde(default)]
    pub os: String,
    /// `amd64`, `arm64`, …
    #[serde(default)]
    pub architecture: String,
    /// `v7`, `v8`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, where it matters.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl Platform {
    /// Whether this platform is what `wanted` asks for: a part that `wanted` leaves out fits all.
    pub fn fits(&self, wanted: &Platform) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || self.variant == wanted.variant)
    }
}

impl fmt::Display for Platform {
    /// Escaped: an index may say anything here, and this is shown to people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os.escape_debug(), self.architecture.escape_debug())?;
        match &self.variant {
            Some(variant) => write!(f, "/{}", variant.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform {text:?} is not OS/ARCH or OS/ARCH/VARIANT in lower-case letters, digits, _ . and -")]
pub struct PlatformError {
    /// What was read.
    pub text: String,
}

impl std::str::FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            (1..=64).contains(&part.len())
                && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(|part| word(part)) {
            return Err(PlatformError { text: text.to_owned() });
        }
        Ok(Platform {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|&part| part.to_owned()),
            os_version: None,
        })
    }
}
