//! Lists the contents of a bundle without unpacking it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::arrival::{Arrivals, Bundle, Documents, OpenError, OpenRequest, open};
use crate::environment::Environment;
use crate::format::plan::{Artifact, Carriage, Elsewhere, Plan, PlannedBlob, PlannedReferrer};
use crate::format::statement::{Class, Kind};
use crate::format::{Profile, Sum};
use crate::oci::{Descriptor, Digest, Document, MediaType, RefName};
use crate::verbs::report::{
    BundleReport, LeftOutReport, OmissionReport, OriginReport, ReleaseFileReport, UnknownBundle,
};

/// An artifact of the bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedArtifact {
    /// The name of the artifact, as in its reference; absent if it has none.
    pub name: Option<RefName>,
    /// The digest of the artifact's manifest or index.
    pub digest: Digest,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if the manifest or index states one.
    pub artifact_type: Option<MediaType>,
    /// The platforms that its index lists.
    pub platforms: Vec<InspectedPlatform>,
    /// The total size in bytes of everything that its manifests reference, as far as the manifests are in the chunks
    /// given.
    pub bytes: u64,
    /// How many non-distributable layers its manifests reference, whether the bundle carries them or not.
    pub nondistributable_layers: u64,
    /// The size of these layers in bytes.
    pub nondistributable_bytes: u64,
    /// The referrers of the artifact and of its images, and the referrers of these referrers.
    pub referrers: Vec<InspectedReferrer>,
}

/// A child of an index, with its platform.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedPlatform {
    /// The platform, e.g. `linux/amd64`.
    pub platform: String,
    /// The digest of the child's manifest or index.
    pub digest: Digest,
    /// Whether the bundle contains it.
    pub carried: bool,
}

/// A referrer, such as a signature, an SBOM or an attestation.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedReferrer {
    /// The digest of its subject.
    pub subject: Digest,
    /// The digest of the referrer's manifest or index.
    pub digest: Digest,
    /// The artifact type, if the referrer states one.
    pub artifact_type: Option<MediaType>,
    /// The name with the tag that makes it a referrer, if it is one by its tag.
    pub name: Option<RefName>,
}

/// A blob of the bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedBlob {
    /// The digest of the blob.
    pub digest: Digest,
    /// The media type of the blob.
    pub media_type: MediaType,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The class of the blob.
    pub class: Class,
    /// The numbers of the chunks that contain it, in the order of its slices.
    pub chunks: Vec<u32>,
}

/// A blob that the bundle leaves out because an earlier one carries it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedElsewhere {
    /// The digest of the blob.
    pub digest: Digest,
    /// The media type of the blob.
    pub media_type: MediaType,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The class of the blob.
    pub class: Class,
    /// The id of the bundle that carries it.
    pub base: Sum,
    /// The name of an artifact in that bundle that needs it, if one is known.
    pub name: Option<RefName>,
}

/// A chunk of the bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedChunk {
    /// The number of the chunk; 0 for the control chunk.
    pub number: u32,
    /// The kind of the chunk: control or data.
    pub kind: Kind,
    /// The class of the blobs in the chunk.
    pub class: Class,
    /// The size of the sealed part of the chunk, in bytes.
    pub sealed_bytes: u64,
    /// The path of the chunk file; absent if no good one was given.
    pub file: Option<String>,
}

/// The contents of a bundle.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectedBundle {
    /// Its id and name, who packed and released it, and when.
    #[serde(flatten)]
    pub summary: BundleReport,
    /// The maximum size of a chunk file, in bytes.
    pub chunk_bytes: u64,
    /// The profile that the bundle keeps; absent if none.
    pub profile: Option<Profile>,
    /// Whether non-distributable layers are included.
    pub nondistributable: Carriage,
    /// Whether referrers are included.
    pub referrers: Carriage,
    /// The platforms that indexes were narrowed to; empty for all.
    pub platforms: Vec<String>,
    /// The artifacts in the bundle, without referrers.
    pub artifacts: Vec<InspectedArtifact>,
    /// Whether the platforms, sizes and referrers are complete; the lists are truncated if there are millions.
    pub all_said: bool,
    /// Manifests and blobs that the artifacts reference but the bundle omits.
    pub omitted: Vec<OmissionReport>,
    /// The earlier bundles that carry what this one leaves out; none unless it is a delta.
    pub left_out: Vec<LeftOutReport>,
    /// The bundles that this one was made of; none if it was packed from sources.
    pub origins: Vec<OriginReport>,
    /// The total size of all blobs, in bytes.
    pub payload_bytes: u64,
    /// The blobs that are left out because earlier bundles carry them, by digest.
    pub elsewhere: Vec<InspectedElsewhere>,
    /// The blobs, non-distributable layers first.
    pub blobs: Vec<InspectedBlob>,
    /// The chunks of the bundle, by number.
    pub chunks: Vec<InspectedChunk>,
    /// The release files of the bundle.
    pub releases: Vec<ReleaseFileReport>,
}

/// The report of `inspect`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct InspectReport {
    /// The bundles with a readable control chunk.
    pub bundles: Vec<InspectedBundle>,
    /// The bundles whose contents cannot be shown.
    pub unknown: Vec<UnknownBundle>,
}

/// Returns the contents of every bundle among the files; reads only control chunks and manifests.
///
/// # Errors
/// See [`open()`].
pub fn inspect(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<InspectReport, OpenError> {
    let Arrivals { bundles: opened, .. } = open(request, environment)?;
    let mut report = InspectReport { bundles: Vec::new(), unknown: Vec::new() };
    for bundle in &opened {
        match inspect_bundle(bundle) {
            Some(inspected) => report.bundles.push(inspected),
            None => report.unknown.push(UnknownBundle::of(bundle)),
        }
    }
    Ok(report)
}

fn inspect_bundle(bundle: &Bundle) -> Option<InspectedBundle> {
    let contents = bundle.contents()?;
    let plan = &contents.plan;
    let good = bundle.good();
    let control = good.get(&0)?;
    let copies = bundle.copies();
    let documents = Documents::new(plan, &copies);
    let (artifacts, all_said) = artifacts(plan, &documents);
    let chunk = |number: u32| {
        let data = contents.chunks.line(number);
        let annex = contents.annex.iter().find(|chunk| chunk.number == number);
        InspectedChunk {
            number,
            kind: data.map_or(Kind::Control, |_| Kind::Data),
            class: data.map_or(Class::Metadata, |line| line.class),
            sealed_bytes: data
                .map(|line| line.bytes)
                .or(annex.map(|chunk| chunk.bytes))
                .unwrap_or(control.statement.bytes),
            file: good.get(&number).map(|opened| opened.file.name().to_owned()),
        }
    };
    let blob = |blob: &PlannedBlob| InspectedBlob {
        digest: blob.digest,
        media_type: blob.media_type.clone(),
        size: blob.size,
        class: blob.class,
        chunks: blob.pieces.iter().map(|piece| piece.chunk).collect(),
    };
    let elsewhere = |left_out: &Elsewhere| InspectedElsewhere {
        digest: left_out.digest,
        media_type: left_out.media_type.clone(),
        size: left_out.size,
        class: left_out.class,
        base: left_out.base,
        name: left_out.name.clone(),
    };
    Some(InspectedBundle {
        summary: BundleReport::of(bundle)?,
        chunk_bytes: plan.chunk_bytes,
        profile: plan.profile,
        nondistributable: plan.nondistributable,
        referrers: plan.referrers_carriage,
        platforms: plan.platforms.iter().map(ToString::to_string).collect(),
        artifacts,
        all_said,
        omitted: OmissionReport::all(plan),
        left_out: LeftOutReport::all(plan),
        origins: OriginReport::all(plan),
        payload_bytes: plan.payload_bytes(),
        elsewhere: plan.elsewhere.iter().map(elsewhere).collect(),
        blobs: plan.blobs.iter().map(blob).collect(),
        chunks: (0..=plan.last).map(chunk).collect(),
        releases: ReleaseFileReport::all(bundle),
    })
}

/// How many references between documents are followed, and platforms and referrers listed, for one bundle. Legitimate
/// bundles stay far below; the limit bounds the time that a malicious bundle can take.
const STEPS_MAX: usize = 5_000_000;

/// Walks the graphs of the artifacts; reads each document once.
struct Graphs<'a> {
    documents: &'a Documents<'a>,
    children: HashMap<Digest, Vec<Descriptor>>,
    by_subject: BySubject<'a>,
    steps: usize,
}

/// Returns the artifacts of the plan, and whether their lists are complete.
fn artifacts(plan: &Plan, documents: &Documents<'_>) -> (Vec<InspectedArtifact>, bool) {
    let mut by_subject = BySubject::new();
    for referrer in &plan.referrers {
        by_subject.entry(referrer.subject).or_default().push(referrer);
    }
    let mut graphs = Graphs { documents, children: HashMap::new(), by_subject, steps: 0 };
    let artifacts = plan.artifacts.iter().map(|artifact| graphs.inspect(artifact)).collect();
    (artifacts, graphs.steps < STEPS_MAX)
}

impl Graphs<'_> {
    fn inspect(&mut self, artifact: &Artifact) -> InspectedArtifact {
        let root = Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size);
        let mut platforms = Vec::new();
        let mut bytes = 0;
        let mut seen = HashSet::new();
        let mut foreign: HashMap<Digest, u64> = HashMap::new();
        let mut waiting = vec![root];
        while let Some(descriptor) = waiting.pop() {
            let carried = self.documents.blob(&descriptor.digest).map(|blob| blob.size);
            let left_out = || self.documents.elsewhere(&descriptor.digest).map(|left_out| left_out.size);
            let Some(size) = carried.or_else(left_out) else { continue };
            if !seen.insert(descriptor.digest) {
                continue;
            }
            bytes = size.saturating_add(bytes);
            for child in self.children_of(&descriptor) {
                self.steps += 1;
                if self.steps >= STEPS_MAX {
                    break;
                }
                if child.media_type.is_nondistributable() {
                    foreign.insert(child.digest, child.size);
                }
                if let Some(platform) = &child.platform {
                    platforms.push(InspectedPlatform {
                        platform: platform.to_string(),
                        digest: child.digest,
                        carried: self.documents.blob(&child.digest).is_some(),
                    });
                }
                if !seen.contains(&child.digest) {
                    waiting.push(child);
                }
            }
        }
        let room = STEPS_MAX.saturating_sub(self.steps);
        let mut referrers = referrers(&self.by_subject, &seen);
        referrers.truncate(room);
        self.steps += referrers.len();
        let referrer = |referrer: &PlannedReferrer| InspectedReferrer {
            subject: referrer.subject,
            digest: referrer.digest,
            artifact_type: referrer.artifact_type.clone(),
            name: referrer.name.clone(),
        };
        InspectedArtifact {
            name: artifact.name.clone(),
            digest: artifact.digest,
            media_type: artifact.media_type.clone(),
            artifact_type: artifact.artifact_type.clone(),
            platforms,
            bytes,
            nondistributable_layers: foreign.len() as u64,
            nondistributable_bytes: foreign.values().fold(0, |all: u64, bytes| all.saturating_add(*bytes)),
            referrers: referrers.into_iter().map(referrer).collect(),
        }
    }

    /// Returns the descriptors in a document. Only the children of an index keep their platform.
    fn children_of(&mut self, descriptor: &Descriptor) -> Vec<Descriptor> {
        if let Some(known) = self.children.get(&descriptor.digest) {
            return known.clone();
        }
        let document = self.documents.read(descriptor).ok().flatten();
        let is_index = matches!(document, Some(Document::Index { .. }));
        let child = |child: &Descriptor| Descriptor {
            platform: child.platform.clone().filter(|_| is_index),
            ..Descriptor::new(child.media_type.clone(), child.digest, child.size)
        };
        let children: Vec<Descriptor> =
            document.as_ref().map_or_else(Vec::new, |document| document.successors().map(child).collect());
        if self.steps < STEPS_MAX && !children.is_empty() {
            self.children.insert(descriptor.digest, children.clone());
        }
        children
    }
}

/// Referrers by the digest of their subject.
type BySubject<'a> = HashMap<Digest, Vec<&'a PlannedReferrer>>;

/// Returns the referrers of `subjects`, the referrers of these referrers, and so on, in the order of the plan.
fn referrers<'a>(by_subject: &BySubject<'a>, subjects: &HashSet<Digest>) -> Vec<&'a PlannedReferrer> {
    let mut found = Vec::new();
    let mut waiting: Vec<Digest> = subjects.iter().copied().collect();
    let mut seen: HashSet<Digest> = subjects.clone();
    while let Some(subject) = waiting.pop() {
        for &referrer in by_subject.get(&subject).into_iter().flatten() {
            found.push(referrer);
            if seen.insert(referrer.digest) {
                waiting.push(referrer.digest);
            }
        }
    }
    found.sort();
    found
}
