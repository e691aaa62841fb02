//! Verified bundles as a source of artifacts.

use std::collections::HashMap;
use std::io::{self, Read};

use crate::arrival::WholeBundle;
use crate::artifacts::{ArtifactError, ArtifactSource, Root, Selection};
use crate::format::SumPair;
use crate::format::plan::{Artifact, PlannedReferrer};
use crate::oci::graph::{Reason, Referrer};
use crate::oci::{Descriptor, Digest, RefName};
use crate::stream::checked::Checked;
use crate::stream::segments::Segment;

/// The artifacts of verified bundles, and where each blob is in their chunks.
pub(super) struct BundleSource {
    name: String,
    roots: Vec<Root>,
    referrers: HashMap<Digest, Vec<Referrer>>,
    blobs: HashMap<Digest, Vec<(Segment, SumPair)>>,
    omitted: HashMap<Digest, Reason>,
}

fn root(artifact: &Artifact) -> Root {
    Root {
        name: artifact.name.clone(),
        descriptor: Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size),
    }
}

fn referrer(planned: &PlannedReferrer) -> Referrer {
    Referrer {
        descriptor: Descriptor {
            artifact_type: planned.artifact_type.clone(),
            ..Descriptor::new(planned.media_type.clone(), planned.digest, planned.size)
        },
        subject: planned.subject,
        name: planned.name.clone(),
    }
}

impl BundleSource {
    /// Notes where each blob of the bundles is. What one leaves out may be in another.
    pub(super) fn new(bundles: &[WholeBundle<'_>]) -> BundleSource {
        let names = bundles.iter().map(|bundle| bundle.contents().plan.crossing.name.to_string());
        let mut source = BundleSource {
            name: names.collect::<Vec<_>>().join(", "),
            roots: Vec::new(),
            referrers: HashMap::new(),
            blobs: HashMap::new(),
            omitted: HashMap::new(),
        };
        for bundle in bundles {
            let plan = &bundle.contents().plan;
            source.roots.extend(plan.artifacts.iter().map(root));
            for planned in &plan.referrers {
                source.referrers.entry(planned.subject).or_default().push(referrer(planned));
            }
            for blob in &plan.blobs {
                if let std::collections::hash_map::Entry::Vacant(vacant) = source.blobs.entry(blob.digest)
                    && let Ok(pieces) = bundle.segments(blob)
                {
                    vacant.insert(pieces);
                }
            }
            source.omitted.extend(plan.omitted.iter().map(|omitted| (omitted.digest, omitted.reason)));
        }
        source.roots.sort_by(|a, b| (&a.name, &a.descriptor.digest).cmp(&(&b.name, &b.descriptor.digest)));
        source.roots.dedup();
        for referrers in source.referrers.values_mut() {
            referrers.sort_by(|a, b| (&a.descriptor.digest, &a.name).cmp(&(&b.descriptor.digest, &b.name)));
            referrers.dedup();
        }
        source
    }

    /// Whether the chunks of the bundles have a blob.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }
}

impl ArtifactSource for BundleSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError> {
        let is_selected = |root: &&Root| match selection {
            Selection::Every => true,
            Selection::Name(name) => root.name.as_ref() == Some(name),
            Selection::Matching(pattern) => {
                root.name.as_ref().is_some_and(|name| pattern.matches(name.as_str()))
            }
            Selection::Digest(digest) => root.descriptor.digest == *digest,
        };
        let found: Vec<Root> = self.roots.iter().filter(is_selected).cloned().collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let wanted = match selection {
            Selection::Name(name) => name.to_string(),
            Selection::Matching(pattern) => pattern.to_string(),
            Selection::Digest(digest) => digest.to_string(),
            Selection::Every => "*".to_owned(),
        };
        let names = self.roots.iter().filter_map(|root| root.name.as_ref()).map(RefName::as_str);
        let similar = crate::artifacts::similar_names(names, &wanted, &|_| false);
        Err(ArtifactError::NoSuchArtifact { place: self.name.clone(), wanted, similar })
    }

    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError> {
        let pieces = self.blobs.get(&descriptor.digest);
        Ok(pieces.map(|pieces| pieces.iter().map(|(segment, _)| segment.bytes).sum()))
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let digest = descriptor.digest;
        let pieces = self.blobs.get(&digest);
        let pieces = pieces.ok_or_else(|| ArtifactError::NoSuchBlob { place: self.name.clone(), digest })?;
        // What is skipped is hashed, too: a piece with a SHA-384 is whole or not at all.
        let mut reader = Checked::new(pieces.clone());
        let skipped = io::copy(&mut reader.by_ref().take(offset), &mut io::sink());
        skipped.map_err(|source| ArtifactError::Io {
            what: "cannot read",
            path: self.name.clone().into(),
            source,
        })?;
        Ok(Box::new(reader))
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError> {
        Ok(self.referrers.get(subject).cloned().unwrap_or_default())
    }

    fn omits(&self, digest: &Digest) -> Option<Reason> {
        self.omitted.get(digest).copied()
    }
}
