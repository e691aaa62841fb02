//! Descriptors: references to blobs by digest, size and media type (image-spec, "Content Descriptors").

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::json::Object;
use super::{Digest, MediaType};

/// The annotation that names an entry of `index.json` (image-spec, "Annotations").
pub const REF_NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// Largest size that a descriptor may declare, in bytes: the largest signed 64-bit number.
pub const BLOB_BYTES_MAX: u64 = i64::MAX as u64;

/// A reference to a blob by digest, with its size and media type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the blob.
    pub media_type: MediaType,
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The artifact type, if the blob is the manifest of an artifact.
    #[serde(default)]
    pub artifact_type: Option<MediaType>,
    /// URLs from which a non-distributable layer can be downloaded. The receiving side never opens them.
    #[serde(default, deserialize_with = "null_as_default")]
    pub urls: Vec<String>,
    /// The platform of the image, for an entry of an index.
    #[serde(default, deserialize_with = "object_or_null")]
    pub platform: Option<Platform>,
    /// Annotations of the author: arbitrary text.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
    /// The content of a small blob, in base64.
    #[serde(default)]
    pub data: Option<String>,
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Fields(#[serde(with = "Descriptor")] Descriptor);

        Object::<Fields>::deserialize(deserializer).map(|Object(Fields(descriptor))| descriptor)
    }
}

fn object_or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The inline `data` of a descriptor does not match its digest or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inline data of descriptor {digest} does not match its digest and size")]
pub struct InlineDataError {
    /// The digest of the descriptor.
    pub digest: Digest,
}

impl Descriptor {
    /// Creates a descriptor with only the three required fields.
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

    /// Returns the content of the blob if the descriptor carries it inline.
    ///
    /// # Errors
    /// If the data is not valid base64 or does not match the digest and size.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Platform {
    /// The operating system, e.g. `linux` or `windows`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os: String,
    /// The CPU architecture, e.g. `amd64` or `arm64`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// The variant of the CPU architecture, e.g. `v7` or `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, if the image requires one.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl Platform {
    /// Returns whether this platform matches `wanted`, whichever of several usual spellings each has. If `wanted` has no
    /// variant, every variant matches.
    pub fn fits(&self, wanted: &Platform) -> bool {
        let (os, architecture, variant) = self.normal();
        let (wanted_os, wanted_architecture, wanted_variant) = wanted.normal();
        // These spellings imply a variant.
        let implied = matches!(wanted.architecture.as_str(), "armhf" | "armel");
        let any_variant = wanted.variant.is_none() && !implied;
        os == wanted_os && architecture == wanted_architecture && (any_variant || variant == wanted_variant)
    }

    /// Returns os, architecture and variant as containerd normalises them: the variant that an architecture has anyway
    /// is left out, except for arm.
    fn normal(&self) -> (&str, &str, &str) {
        let os = if self.os == "macos" { "darwin" } else { &self.os };
        let variant = self.variant.as_deref().unwrap_or_default();
        match (self.architecture.as_str(), variant) {
            ("x86_64" | "x86-64" | "amd64", "" | "v1") => (os, "amd64", ""),
            ("x86_64" | "x86-64", variant) => (os, "amd64", variant),
            ("aarch64" | "arm64", "" | "8" | "v8") => (os, "arm64", ""),
            ("aarch64", variant) => (os, "arm64", variant),
            ("i386", variant) => (os, "386", variant),
            ("armhf", _) | ("arm", "" | "7") => (os, "arm", "v7"),
            ("armel", _) | ("arm", "6") => (os, "arm", "v6"),
            ("arm", "5") => (os, "arm", "v5"),
            ("arm", "8") => (os, "arm", "v8"),
            (architecture, variant) => (os, architecture, variant),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// A text is not a valid platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform {text:?} is not OS/ARCH or OS/ARCH/VARIANT in lower-case letters, digits, _ . and -")]
pub struct PlatformError {
    /// The text that was parsed.
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

#[cfg(test)]
mod tests {
    use super::Platform;

    #[test]
    fn platforms_match_in_all_their_spellings() {
        let fits =
            |found: &str, wanted: &str| found.parse::<Platform>().unwrap().fits(&wanted.parse().unwrap());
        for (one, other) in [
            ("linux/arm64", "linux/arm64/v8"),
            ("linux/aarch64", "linux/arm64/v8"),
            ("linux/amd64", "linux/amd64/v1"),
            ("linux/amd64", "linux/x86_64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/386", "linux/i386"),
            ("darwin/arm64", "macos/arm64"),
        ] {
            assert!(fits(one, other) && fits(other, one), "{one} {other}");
        }
        for (found, wanted) in [
            ("linux/arm64", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v1"),
            ("linux/amd64", "linux/amd64/v3"),
            ("linux/arm/v6", "linux/arm/v7"),
            ("linux/arm/v6", "linux/armhf"),
            ("windows/amd64", "linux/amd64"),
        ] {
            assert!(!fits(found, wanted), "{found} {wanted}");
        }
        // Without a variant, every variant matches.
        for (found, wanted) in [
            ("linux/arm/v6", "linux/arm"),
            ("linux/amd64/v3", "linux/x86_64"),
            ("linux/arm64/v9", "linux/aarch64"),
        ] {
            assert!(fits(found, wanted), "{found} {wanted}");
        }
    }
}
