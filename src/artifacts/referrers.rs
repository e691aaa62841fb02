//! The referrers among the entries of a layout's `index.json`, by `subject` and by tag.

use std::collections::{BTreeMap, HashMap};

use super::referrer_tag::{stem_of, tag_stem};
use super::{ArtifactSource, Root, read_document};
use crate::oci::graph::Referrer;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, RefName};

/// The referrers among the entries of an index.
#[derive(Debug, Default)]
pub(super) struct Referrers {
    /// The subject of an entry, by the entry's digest.
    subjects: HashMap<Digest, Digest>,
    by_subject: BTreeMap<Digest, Vec<(Option<RefName>, Descriptor)>>,
    by_stem: BTreeMap<String, Vec<(RefName, Descriptor)>>,
    /// Documents that could not be read, so that their subjects are unknown, and why.
    unread: BTreeMap<Digest, String>,
}

impl Referrers {
    /// Reads the document of every entry. A missing or damaged document has no subject here; [`Referrers::unread`]
    /// lists it, and reading it fails.
    pub(super) fn of(source: &dyn ArtifactSource, entries: &[Root]) -> Referrers {
        let mut referrers = Referrers::default();
        let mut seen: HashMap<Digest, Descriptor> = HashMap::new();
        for entry in entries {
            let digest = entry.descriptor.digest;
            let read = || referrers.read(source, &entry.descriptor);
            let descriptor = seen.entry(digest).or_insert_with(read).clone();
            if let Some(&subject) = referrers.subjects.get(&digest) {
                let of_subject = referrers.by_subject.entry(subject).or_default();
                of_subject.push((entry.name.clone(), descriptor.clone()));
            }
            if let Some(name) = &entry.name
                && let Some(stem) = stem_of(name)
            {
                referrers.by_stem.entry(stem.to_owned()).or_default().push((name.clone(), descriptor));
            }
        }
        referrers
    }

    /// Records the subject of a document, and returns its descriptor with the artifact type added.
    fn read(&mut self, source: &dyn ArtifactSource, descriptor: &Descriptor) -> Descriptor {
        let mut descriptor = descriptor.clone();
        let is_document =
            matches!(descriptor.media_type.role(), Role::Manifest | Role::Index | Role::ArtifactManifest);
        if !is_document {
            return descriptor;
        }
        let read =
            read_document(source, &descriptor).and_then(|bytes| Ok(Document::parse(&descriptor, &bytes)?));
        let document = match read {
            Ok(document) => document,
            Err(error) => {
                self.unread.insert(descriptor.digest, error.to_string());
                return descriptor;
            }
        };
        if let Some(artifact_type) = document.artifact_type() {
            descriptor.artifact_type = Some(artifact_type.clone());
        }
        if let Some(subject) = document.subject() {
            self.subjects.insert(descriptor.digest, subject.digest);
        }
        descriptor
    }

    /// The documents that could not be read, and why.
    pub(super) fn unread(&self) -> Vec<(Digest, String)> {
        self.unread.iter().map(|(digest, problem)| (*digest, problem.clone())).collect()
    }

    /// The `subject` of the entry `digest`.
    pub(super) fn subject(&self, digest: &Digest) -> Option<&Digest> {
        self.subjects.get(digest)
    }

    /// The referrers of `subject`, sorted, one for each name.
    pub(super) fn to(&self, subject: &Digest) -> Vec<Referrer> {
        let by_subject = self.by_subject.get(subject).into_iter().flatten();
        let by_stem = self.by_stem.get(&tag_stem(subject)).into_iter().flatten();
        let mut found: Vec<Referrer> = by_subject
            .map(|(name, descriptor)| (name.clone(), descriptor))
            .chain(by_stem.map(|(name, descriptor)| (Some(name.clone()), descriptor)))
            .map(|(name, descriptor)| Referrer { descriptor: descriptor.clone(), subject: *subject, name })
            .collect();
        found.sort_by(|a, b| (&a.descriptor.digest, &a.name).cmp(&(&b.descriptor.digest, &b.name)));
        found.dedup();
        found
    }
}
