//! Which artifacts have non-distributable layers, as their manifests say.

use std::collections::{BTreeMap, BTreeSet};

use crate::artifacts::{ArtifactError, ArtifactSource, Selection, read_document};
use crate::oci::graph::BLOBS_MAX;
use crate::oci::media_type::Role;
use crate::oci::{Digest, Document};

/// An artifact with non-distributable layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithForeignLayers {
    /// The name of the artifact, or its digest if it has none.
    pub name: String,
    /// How many non-distributable layers it has.
    pub layers: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Returns the selected artifacts that have non-distributable layers. Reads manifests only. What cannot be read is left
/// out: packing says so.
///
/// # Errors
/// If the source cannot be read, or nothing is selected.
pub fn foreign_layers(
    source: &dyn ArtifactSource,
    selection: &Selection,
) -> Result<Vec<WithForeignLayers>, ArtifactError> {
    let mut found = Vec::new();
    for root in source.roots(selection)? {
        let (mut layers, mut seen): (BTreeMap<Digest, u64>, BTreeSet<Digest>) = Default::default();
        let mut waiting = vec![root.descriptor.clone()];
        while let Some(descriptor) = waiting.pop() {
            if descriptor.media_type.is_nondistributable() {
                layers.insert(descriptor.digest, descriptor.size);
            }
            let is_new = seen.len() < BLOBS_MAX && seen.insert(descriptor.digest);
            if !is_new || descriptor.media_type.role() == Role::Blob {
                continue;
            }
            let Ok(bytes) = read_document(source, &descriptor) else { continue };
            let Ok(document) = Document::parse(&descriptor, &bytes) else { continue };
            waiting.extend(document.successors().filter(|next| !seen.contains(&next.digest)).cloned());
        }
        if !layers.is_empty() {
            let name = root.name.map_or_else(|| root.descriptor.digest.to_string(), |name| name.to_string());
            let bytes = layers.values().fold(0, |all: u64, bytes| all.saturating_add(*bytes));
            found.push(WithForeignLayers { name, layers: layers.len() as u64, bytes });
        }
    }
    Ok(found)
}
