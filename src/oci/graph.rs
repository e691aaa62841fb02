//! The closure of an artifact: everything reachable from it. Sans-I/O: [`Walk`] says which document
//! it wants to see, the caller reads it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::media_type::Role;
use super::{Descriptor, Digest, Document, MediaType, Platform, RefName};

/// How deep indexes may lie in indexes, the root included (docs/format.md, "Limits").
pub const INDEX_DEPTH_MAX: u32 = 8;

/// How many blobs an artifact or a bundle may have (docs/format.md, "Limits").
pub const BLOBS_MAX: usize = 262_144;

/// Buildkit's attestations are children of unknown platform that name the child they speak of.
const ATTESTED_DIGEST_ANNOTATION: &str = "vnd.docker.reference.digest";

/// What a blob is in the closure; the order is that of precedence where one blob is several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A layer that may not be distributed, wherever it is referred to.
    NondistributableLayer,
    /// A layer or any other opaque blob.
    Layer,
    /// A configuration.
    Config,
    /// A manifest or an index.
    Document,
}

/// A blob of the closure.
#[derive(Clone, Debug)]
pub struct Node {
    /// The descriptor by which it was reached first, with the `urls` of all.
    pub descriptor: Descriptor,
    /// What it is.
    pub part: Part,
}

/// A manifest that refers to another by `subject` or by a tag made of its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest or index that refers.
    pub descriptor: Descriptor,
    /// What it refers to.
    pub subject: Digest,
    /// The tag that makes it one, where it is one by tag.
    pub name: Option<RefName>,
}

/// Why something reachable is not carried.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Left out on request: a non-distributable layer.
    Nondistributable,
    /// Left out on request: another platform.
    Platform,
    /// The source never had it: the subject of a signature that travels alone.
    Absent,
    /// The source names it and could not give it.
    Lost,
}

impl Reason {
    /// The word in the plan (docs/format.md, "plan.txt").
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Nondistributable => "nondistributable",
            Reason::Platform => "platform",
            Reason::Absent => "absent",
            Reason::Lost => "lost",
        }
    }
}

/// Something reachable that is not carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// What is not carried.
    pub descriptor: Descriptor,
    /// Why.
    pub reason: Reason,
    /// The document that points at it.
    pub parent: Digest,
}

/// Everything reachable from one root.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    /// What is carried, by digest.
    pub nodes: BTreeMap<Digest, Node>,
    /// The referrers among them, in the order of discovery.
    pub referrers: Vec<Referrer>,
    /// What is not carried.
    pub omitted: Vec<Omitted>,
    /// The purpose of each document, as the referrers API answers it.
    pub artifact_types: BTreeMap<Digest, MediaType>,
}

/// Why a graph is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// Indexes in indexes in indexes.
    #[error("index {digest} lies deeper than {INDEX_DEPTH_MAX} levels")]
    TooDeep {
        /// The one too many.
        digest: Digest,
    },
    /// More than any bundle holds.
    #[error("more than {BLOBS_MAX} blobs are reachable")]
    TooManyBlobs,
    /// One digest, two sizes: one of them lies.
    #[error("blob {digest} is announced with {first} bytes and with {second}")]
    SizesDiffer {
        /// The blob.
        digest: Digest,
        /// The size met first.
        first: u64,
        /// The other.
        second: u64,
    },
    /// The platforms asked for are not there.
    #[error("index {digest} has no platform {wanted}; it has {offered}")]
    NoSuchPlatform {
        /// The index.
        digest: Digest,
        /// What was asked for.
        wanted: String,
        /// What it has.
        offered: String,
    },
    /// Docker schema 1 cannot be carried.
    #[error("manifest {digest} is of Docker schema 1, whose digest does not cover its bytes")]
    Schema1 {
        /// The manifest.
        digest: Digest,
    },
}

/// A walk over one root's graph.
///
/// Call [`Walk::next`] for the next document to read, hand it in with [`Walk::enter`], its referrers
/// with [`Walk::refer`], and take the [`Closure`] when there is none left.
#[derive(Debug)]
pub struct Walk {
    platforms: Vec<Platform>,
    waiting: VecDeque<(Descriptor, u32)>,
    queued: HashSet<Digest>,
    /// What was noted already: a graph may repeat itself often.
    left_out: HashSet<(Digest, Reason, Digest)>,
    referring: HashSet<(Digest, Digest, Option<RefName>)>,
    closure: Closure,
}

impl Walk {
    /// Begins at `root`. Where `platforms` is not empty, children of indexes that fit none are left out.
    pub fn new(root: &Descriptor, platforms: &[Platform]) -> Result<Walk, WalkError> {
        let mut walk = Walk {
            platforms: platforms.to_vec(),
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            left_out: HashSet::new(),
            referring: HashSet::new(),
            closure: Closure::default(),
        };
        walk.reach(root, Part::Document, 1)?;
        Ok(walk)
    }

    /// The next document to read, and whose referrers to look up.
    #[allow(clippy::should_implement_trait)] // An iterator could not be fed between two items.
    pub fn next(&mut self) -> Option<(Descriptor, u32)> {
        self.waiting.pop_front()
    }

    /// Takes a document in: what it points at is reachable now. `depth` is what [`Walk::next`] said.
    pub fn enter(
        &mut self,
        descriptor: &Descriptor,
        depth: u32,
        document: &Document,
    ) -> Result<(), WalkError> {
        if let Some(artifact_type) = document.artifact_type() {
            self.closure.artifact_types.insert(descriptor.digest, artifact_type.clone());
        }
        match document {
            Document::Manifest { config, layers, .. } => {
                self.reach(config, Part::Config, depth)?;
                layers.iter().try_for_each(|layer| self.reach(layer, layer_part(layer), depth))
            }
            Document::ArtifactManifest { blobs, .. } => {
                blobs.iter().try_for_each(|blob| self.reach(blob, layer_part(blob), depth))
            }
            Document::Index { manifests, .. } => {
                let carried = self.choose_platforms(descriptor, manifests)?;
                for (child, carry) in manifests.iter().zip(carried) {
                    if carry {
                        self.reach(child, Part::Document, depth + 1)?;
                    } else {
                        self.omit(child, Reason::Platform, descriptor.digest);
                    }
                }
                Ok(())
            }
        }
    }

    /// Takes a referrer in, and what it points at.
    pub fn refer(&mut self, referrer: Referrer) -> Result<(), WalkError> {
        self.reach(&referrer.descriptor, Part::Document, 1)?;
        if self.referring.insert((referrer.descriptor.digest, referrer.subject, referrer.name.clone())) {
            self.closure.referrers.push(referrer);
        }
        Ok(())
    }

    /// Takes in what a document refers to: it is reachable too.
    pub fn reach_subject(&mut self, subject: &Descriptor) -> Result<(), WalkError> {
        self.reach(subject, Part::Document, 1)
    }

    /// Notes that a document of the closure is not carried after all.
    pub fn omit(&mut self, descriptor: &Descriptor, reason: Reason, parent: Digest) {
        if self.left_out.insert((descriptor.digest, reason, parent)) {
            self.closure.omitted.push(Omitted { descriptor: descriptor.clone(), reason, parent });
        }
    }

    /// Takes a node out again: it is reachable and could not be had.
    pub fn drop_node(&mut self, digest: &Digest) {
        self.closure.nodes.remove(digest);
        self.closure.referrers.retain(|referrer| referrer.descriptor.digest != *digest);
    }

    /// Whether `digest` is in the closure so far.
    pub fn has(&self, digest: &Digest) -> bool {
        self.closure.nodes.contains_key(digest)
    }

    /// The closure. What is both carried and left out counts as carried.
    pub fn finish(self) -> Closure {
        let mut closure = self.closure;
        let Closure { nodes, omitted, .. } = &mut closure;
        omitted.retain(|left_out| !nodes.contains_key(&left_out.descriptor.digest));
        closure
    }

    fn choose_platforms(&self, index: &Descriptor, children: &[Descriptor]) -> Result<Vec<bool>, WalkError> {
        if self.platforms.is_empty() {
            return Ok(vec![true; children.len()]);
        }
        let attested = |child: &Descriptor| child.annotations.get(ATTESTED_DIGEST_ANNOTATION).cloned();
        let fits = |child: &Descriptor| match &child.platform {
            Some(platform) => self.platforms.iter().any(|wanted| platform.fits(wanted)),
            None => true,
        };
        let mut carried: Vec<bool> =
            children.iter().map(|child| attested(child).is_none() && fits(child)).collect();
        if !children.is_empty() && !carried.contains(&true) {
            let list = |platforms: &mut dyn Iterator<Item = String>| platforms.collect::<Vec<_>>().join(", ");
            return Err(WalkError::NoSuchPlatform {
                digest: index.digest,
                wanted: list(&mut self.platforms.iter().map(ToString::to_string)),
                offered: list(
                    &mut children.iter().filter_map(|c| c.platform.as_ref()).map(ToString::to_string),
                ),
            });
        }
        let spoken_of: HashSet<String> = children
            .iter()
            .zip(&carried)
            .filter(|(_, carry)| **carry)
            .map(|(child, _)| child.digest.to_string())
            .collect();
        for (child, carry) in children.iter().zip(&mut carried) {
            if let Some(digest) = attested(child) {
                *carry = spoken_of.contains(&digest);
            }
        }
        Ok(carried)
    }

    fn reach(&mut self, descriptor: &Descriptor, part: Part, depth: u32) -> Result<(), WalkError> {
        let role = descriptor.media_type.role();
        let part = match part {
            // An index may point at anything; what is no document is an opaque blob.
            Part::Document if role == Role::Blob => layer_part(descriptor),
            other => other,
        };
        match self.closure.nodes.get_mut(&descriptor.digest) {
            Some(node) if node.descriptor.size != descriptor.size => {
                return Err(WalkError::SizesDiffer {
                    digest: descriptor.digest,
                    first: node.descriptor.size,
                    second: descriptor.size,
                });
            }
            Some(node) => merge(node, descriptor, part),
            None => {
                if self.closure.nodes.len() == BLOBS_MAX {
                    return Err(WalkError::TooManyBlobs);
                }
                let node = Node { descriptor: descriptor.clone(), part };
                self.closure.nodes.insert(descriptor.digest, node);
            }
        }
        if part == Part::Document {
            if role == Role::Schema1 {
                return Err(WalkError::Schema1 { digest: descriptor.digest });
            }
            if depth > INDEX_DEPTH_MAX {
                return Err(WalkError::TooDeep { digest: descriptor.digest });
            }
            if self.queued.insert(descriptor.digest) {
                self.waiting.push_back((descriptor.clone(), depth));
            }
        }
        Ok(())
    }
}

/// Folds a second reference to a blob into the first: a blob that anything calls distributable is so.
pub fn merge(node: &mut Node, descriptor: &Descriptor, part: Part) {
    if part > node.part {
        node.part = part;
        node.descriptor.media_type = descriptor.media_type.clone();
    } else if part == node.part && descriptor.media_type < node.descriptor.media_type {
        // Two types for one blob: the smaller one, so that the order of artifacts does not show.
        node.descriptor.media_type = descriptor.media_type.clone();
    }
    for url in &descriptor.urls {
        if !node.descriptor.urls.contains(url) {
            node.descriptor.urls.push(url.clone());
        }
    }
    if node.descriptor.data.is_none() {
        node.descriptor.data.clone_from(&descriptor.data);
    }
}

fn layer_part(descriptor: &Descriptor) -> Part {
    if descriptor.media_type.is_nondistributable() { Part::NondistributableLayer } else { Part::Layer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(media_type: MediaType, text: &str) -> Descriptor {
        Descriptor::new(media_type, Digest::sha256(text.as_bytes()), text.len() as u64)
    }

    fn index(manifests: Vec<Descriptor>) -> Document {
        Document::Index { manifests, subject: None, artifact_type: None }
    }

    #[test]
    fn indexes_nest_to_a_limit() {
        let mut walk = Walk::new(&descriptor(MediaType::image_index(), "0"), &[]).unwrap();
        for depth in 1..=INDEX_DEPTH_MAX {
            let (at, found) = walk.next().unwrap();
            assert_eq!(found, depth);
            let child = descriptor(MediaType::image_index(), &depth.to_string());
            let entered = walk.enter(&at, found, &index(vec![child]));
            assert_eq!(entered.is_err(), depth == INDEX_DEPTH_MAX);
        }
    }

    #[test]
    fn attestations_follow_the_image_they_speak_of() {
        let child = |name: &str, platform: &str| {
            let mut child = descriptor(MediaType::image_manifest(), name);
            child.platform = Some(platform.parse().unwrap());
            child
        };
        let (amd, arm) = (child("a", "linux/amd64"), child("b", "linux/arm64"));
        let attest = |name: &str, of: &Descriptor| {
            let mut child = child(name, "unknown/unknown");
            child.annotations.insert(ATTESTED_DIGEST_ANNOTATION.into(), of.digest.to_string());
            child
        };
        let children = vec![amd.clone(), arm.clone(), attest("c", &amd), attest("d", &arm)];
        let root = descriptor(MediaType::image_index(), "root");
        let wanted = ["linux/amd64".parse().unwrap()];
        let mut walk = Walk::new(&root, &wanted).unwrap();
        walk.next().unwrap();
        walk.enter(&root, 1, &index(children.clone())).unwrap();
        let closure = walk.finish();
        let carried: Vec<bool> = children.iter().map(|c| closure.nodes.contains_key(&c.digest)).collect();
        assert_eq!(carried, [true, false, true, false]);
        assert_eq!(closure.omitted.len(), 2);

        let nothing = ["linux/s390x".parse().unwrap()];
        let mut walk = Walk::new(&root, &nothing).unwrap();
        assert!(matches!(walk.enter(&root, 1, &index(children)), Err(WalkError::NoSuchPlatform { .. })));
    }
}
