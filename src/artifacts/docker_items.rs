//! The `manifest.json` of a Docker archive, as `docker load` reads it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::oci::{Descriptor, Digest, json};

/// One image in `manifest.json`. Its paths are those in the archive, not yet checked.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    #[serde(alias = "config")]
    pub(super) config: String,
    #[serde(default, alias = "repoTags")]
    pub(super) repo_tags: Option<Vec<String>>,
    #[serde(default, alias = "layers")]
    pub(super) layers: Option<Vec<String>>,
    /// Where layers come from that Docker did not build or pull from the image's registry, by their `diff_id`.
    #[serde(default, alias = "layerSources")]
    layer_sources: Option<BTreeMap<Digest, Descriptor>>,
}

/// The keys as Docker writes them, and those of the descriptors in `LayerSources`.
const KEYS: &[&str] =
    &["Config", "RepoTags", "Layers", "LayerSources", "mediaType", "digest", "size", "urls", "data"];

/// The keys as jib writes them. Docker's parser ignores case.
const LOWER_KEYS: &[&str] =
    &["config", "repoTags", "layers", "layerSources", "mediaType", "digest", "size", "urls", "data"];

impl Item {
    /// The paths of the layers, base layer first.
    pub(super) fn layers(&self) -> &[String] {
        self.layers.as_deref().unwrap_or_default()
    }

    /// The names of the image; none if it was saved by its id.
    pub(super) fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    /// The descriptor of a layer that may not be distributed. Docker lists other layers too, with the uncompressed file
    /// that is in the archive; those descriptors say nothing new.
    pub(super) fn foreign(&self, diff_id: &Digest) -> Option<&Descriptor> {
        let listed = self.layer_sources.as_ref()?.get(diff_id)?;
        listed.media_type.is_nondistributable().then_some(listed)
    }

    /// Whether any layer may not be distributed.
    pub(super) fn has_foreign(&self) -> bool {
        self.layer_sources.iter().flatten().any(|(_, listed)| listed.media_type.is_nondistributable())
    }
}

/// Parses `manifest.json`.
///
/// # Errors
/// If it is malformed, or if two parsers could read it differently. One file may have Docker's keys or those of jib,
/// not both.
pub(super) fn parse_items(bytes: &[u8]) -> Result<Vec<Item>, serde_json::Error> {
    json::check_with(bytes, KEYS).or_else(|error| json::check_with(bytes, LOWER_KEYS).map_err(|_| error))?;
    let items: Vec<json::Object<Item>> = serde_json::from_slice(bytes)?;
    Ok(items.into_iter().map(|json::Object(item)| item).collect())
}
