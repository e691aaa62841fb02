//! The entries of an `index.json`, as tools write them, and the names that they give to artifacts.

use std::collections::{HashMap, HashSet};

use super::Root;
use super::referrer_tag::tag_stem;
use crate::oci::descriptor::REF_NAME_ANNOTATION;
use crate::oci::media_type::Role;
use crate::oci::reference::RefNameError;
use crate::oci::{Descriptor, Digest, RefName};

/// containerd, nerdctl and Docker write the full name here; their `ref.name` has the tag only.
const CONTAINERD_NAME_ANNOTATION: &str = "io.containerd.image.name";

/// Stores of some tools list an image and its signatures under one name, and say here which is which.
const KIND_ANNOTATION: &str = "kind";

/// The kinds of entries that belong to an image of the same name, with the suffixes of their tags.
const KINDS: [(&str, &str); 3] = [
    ("dev.cosignproject.cosign/sigs", "sig"),
    ("dev.cosignproject.cosign/atts", "att"),
    ("dev.cosignproject.cosign/sboms", "sbom"),
];

/// The entries of an index as artifacts.
pub(super) struct Entries {
    /// The artifacts, with the names under which they travel.
    pub(super) roots: Vec<Root>,
    /// The bare tags under which entries with a full name are listed, too.
    pub(super) aliases: Vec<(RefName, Digest)>,
    /// What is not as the index says, in sentences.
    pub(super) notes: Vec<String>,
}

impl Entries {
    /// Reads the names of the entries. Messages call the source `place`.
    pub(super) fn of(place: &str, listed: Vec<Descriptor>) -> Entries {
        let mut entries = Entries { roots: Vec::new(), aliases: Vec::new(), notes: Vec::new() };
        for descriptor in listed {
            let name = match entry_name(&descriptor) {
                Ok(Named { name, alias }) => {
                    entries.aliases.extend(alias.map(|alias| (alias, descriptor.digest)));
                    name
                }
                Err(problem) => {
                    entries.notes.push(unnamed(place, &descriptor.digest, &problem));
                    None
                }
            };
            entries.roots.push(Root { name, descriptor });
        }
        entries.name_by_kind(place);
        entries.note_unknown_types(place);
        entries
    }

    /// Gives the signatures, attestations and SBOMs that share the name of an image the tags that cosign uses for them.
    fn name_by_kind(&mut self, place: &str) {
        let mut images: HashMap<RefName, Digest> = HashMap::new();
        for root in self.roots.iter().filter(|root| suffix(&root.descriptor).is_none()) {
            if let Some(name) = &root.name {
                images.entry(name.clone()).or_insert(root.descriptor.digest);
            }
        }
        let mut taken: HashSet<RefName> = HashSet::new();
        for root in &mut self.roots {
            let (Some(suffix), Some(name)) = (suffix(&root.descriptor), root.name.clone()) else { continue };
            let Some(image) = images.get(&name) else { continue };
            let tag = format!("{}.{suffix}", tag_stem(image));
            root.name = name.with_tag(&tag).ok().filter(|name| taken.insert(name.clone()));
            if root.name.is_none() {
                let digest = root.descriptor.digest;
                self.notes.push(format!(
                    "{place} lists {digest} as a second {suffix} of {name}; it has no name here, and can be selected by \
                     its digest"
                ));
            }
        }
    }

    fn note_unknown_types(&mut self, place: &str) {
        for Root { descriptor: Descriptor { digest, media_type, .. }, .. } in &self.roots {
            if media_type.role() == Role::Blob {
                self.notes.push(format!(
                    "{place} lists {digest}, which is passed over: its media type {media_type} is neither that of a \
                     manifest nor of an index"
                ));
            }
        }
    }
}

/// The note about an artifact that travels by its digest, because a bundle cannot carry its name.
pub(super) fn unnamed(place: &str, digest: &Digest, problem: &RefNameError) -> String {
    format!(
        "{place} lists {digest} under a name that a bundle cannot carry: {problem}; without that name it can be selected \
         by its digest"
    )
}

/// The suffix for the tag of an entry that belongs to an image of the same name; `None` for an image.
fn suffix(descriptor: &Descriptor) -> Option<&'static str> {
    let kind = descriptor.annotations.get(KIND_ANNOTATION)?;
    KINDS.iter().find(|(known, _)| known == kind).map(|(_, suffix)| *suffix)
}

/// The name of an entry, and the tag under which it is listed, too.
struct Named {
    name: Option<RefName>,
    alias: Option<RefName>,
}

/// Returns the name of an entry: `ref.name`, or containerd's full name if `ref.name` is only its tag.
fn entry_name(descriptor: &Descriptor) -> Result<Named, RefNameError> {
    let annotation = |key: &str| descriptor.annotations.get(key);
    let listed = annotation(REF_NAME_ANNOTATION);
    let full = annotation(CONTAINERD_NAME_ANNOTATION).and_then(|text| text.parse::<RefName>().ok());
    if let Some(full) = full.filter(|full| full.repository().is_some())
        && listed.is_none_or(|listed| full.tag() == Some(listed) || full.as_str() == listed)
    {
        let alias = listed.and_then(|listed| listed.parse().ok()).filter(|alias| *alias != full);
        return Ok(Named { name: Some(full), alias });
    }
    let name = listed.map(|listed| listed.parse()).transpose()?;
    Ok(Named { name, alias: None })
}

/// Removes entries that are neither manifests nor indexes, unless there is nothing else (image-spec, "Media Types": an
/// unknown type is no error). The notes name them.
pub(super) fn without_unknown_types(mut roots: Vec<Root>) -> Vec<Root> {
    let is_known = |root: &Root| root.descriptor.media_type.role() != Role::Blob;
    if roots.iter().any(is_known) {
        roots.retain(is_known);
    }
    roots
}
