//! Adds entries to an existing `index.json`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::layout_files::parse_index;
use super::{ArtifactError, ExistingName};
use crate::oci::Descriptor;
use crate::oci::descriptor::REF_NAME_ANNOTATION;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::write::{IndexEntry, index_json};

/// Returns the `index.json` of the layout `place` at `path`, with `entries` added to `existing`.
///
/// # Errors
/// [`ArtifactError::NameTaken`] if another artifact has one of the names and must keep it.
pub(super) fn merged(
    existing: Option<&[u8]>,
    entries: &[IndexEntry],
    on_existing_name: ExistingName,
    place: &str,
    path: &Path,
) -> Result<Vec<u8>, ArtifactError> {
    check_distinct(entries, place)?;
    let bytes = match existing {
        None => index_json(&new_ones(&[], entries)),
        Some(bytes) => {
            let listed = parse_index(bytes)
                .map_err(|source| ArtifactError::BadIndex { path: path.to_owned(), source })?;
            let mut replaced = HashSet::new();
            for entry in entries {
                let Some(name) = &entry.name else { continue };
                let other = |there: &&Descriptor| {
                    name_of(there) == Some(name.as_str()) && there.digest != entry.digest
                };
                match listed.iter().find(other) {
                    Some(listed_entry) if on_existing_name == ExistingName::Refuse => {
                        return Err(ArtifactError::NameTaken {
                            place: place.to_owned(),
                            name: name.clone(),
                            existing: Box::new(listed_entry.digest),
                            new: Box::new(entry.digest),
                        });
                    }
                    Some(_) => {
                        replaced.insert(name.as_str());
                    }
                    None => {}
                }
            }
            let kept =
                |descriptor: &Descriptor| name_of(descriptor).is_none_or(|name| !replaced.contains(name));
            let new = new_ones(&listed.iter().filter(|there| kept(there)).collect::<Vec<_>>(), entries);
            let keep: Vec<bool> = listed.iter().map(kept).collect();
            if new.is_empty() && !keep.contains(&false) {
                return Ok(bytes.to_vec());
            }
            append(bytes, &keep, &new).map_err(|error| ArtifactError::Archive {
                path: path.to_owned(),
                problem: format!("index.json: {error}"),
            })?
        }
    };
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        // No reader would accept it.
        return Err(ArtifactError::TooLarge {
            path: path.to_owned(),
            file: "index.json".to_owned(),
            bytes: bytes.len() as u64,
            limit: DOCUMENT_BYTES_MAX,
        });
    }
    Ok(bytes)
}

/// Checks that no name points at two artifacts.
pub(super) fn check_distinct(entries: &[IndexEntry], place: &str) -> Result<(), ArtifactError> {
    let mut names = HashMap::new();
    for entry in entries {
        let Some(name) = &entry.name else { continue };
        let first = *names.entry(name).or_insert(entry.digest);
        if first != entry.digest {
            return Err(ArtifactError::AmbiguousName {
                place: place.to_owned(),
                name: name.clone(),
                first: Box::new(first),
                second: Box::new(entry.digest),
            });
        }
    }
    Ok(())
}

fn name_of(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.get(REF_NAME_ANNOTATION).map(String::as_str)
}

/// The entries that `listed` lacks. An unnamed entry is added only if its digest is not listed at all.
fn new_ones(listed: &[&Descriptor], entries: &[IndexEntry]) -> Vec<IndexEntry> {
    let mut names: HashSet<(Option<&str>, _)> = listed.iter().map(|d| (name_of(d), d.digest)).collect();
    let mut digests: HashSet<_> = listed.iter().map(|d| d.digest).collect();
    digests.extend(entries.iter().filter(|entry| entry.name.is_some()).map(|entry| entry.digest));
    let mut new = Vec::new();
    for entry in entries {
        let is_new = match &entry.name {
            Some(name) => names.insert((Some(name.as_str()), entry.digest)),
            None => digests.insert(entry.digest),
        };
        if is_new {
            new.push(entry.clone());
        }
    }
    new
}

/// Appends entries to the `manifests` of an index, and removes those not in `keep`. Everything else stays unchanged.
fn append(bytes: &[u8], keep: &[bool], new: &[IndexEntry]) -> Result<Vec<u8>, serde_json::Error> {
    let mut index: Value = serde_json::from_slice(bytes)?;
    let mut ours: Value = serde_json::from_slice(&index_json(new))?;
    let added = ours["manifests"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let there = index["manifests"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let kept = there.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| value);
    index["manifests"] = kept.chain(added).collect();
    serde_json::to_vec(&index)
}
