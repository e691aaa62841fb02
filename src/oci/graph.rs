//! The closure of an artifact: everything reachable from it. Sans-I/O: [`Walk`] names the next document,
//! and the caller reads it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::media_type::Role;
use super::{Descriptor, Digest, Document, MediaType, Platform, RefName};

/// How deep indexes may be nested, including the root (docs/format.md, "Limits").
pub const INDEX_DEPTH_MAX: u32 = 8;

/// The maximum number of blobs in an artifact or a bundle (docs/format.md, "Limits").
pub const BLOBS_MAX: usize = 262_144;

/// The annotation with which BuildKit's attestations, which have the platform `unknown`, name their image.
pub const ATTESTED_DIGEST_ANNOTATION: &str = "vnd.docker.reference.digest";

/// What a blob is used as in the closure. If it is used in several ways, the greatest value applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A layer that every reference calls non-distributable.
    NondistributableLayer,
    /// A layer or any other opaque blob.
    Layer,
    /// The configuration of an image or artifact.
    Config,
    /// A manifest or an index.
    Document,
}

/// A blob of the closure.
#[derive(Clone, Debug)]
pub struct Node {
    /// The first descriptor that referenced it, with the `urls` of all descriptors.
    pub descriptor: Descriptor,
    /// What the blob is used as.
    pub part: Part,
}

/// A manifest that refers to another by `subject` or by a tag derived from its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The descriptor of the referrer.
    pub descriptor: Descriptor,
    /// The digest of the manifest that it refers to.
    pub subject: Digest,
    /// The tag, if it refers to the subject by tag.
    pub name: Option<RefName>,
}

/// Why a reachable blob is not in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A non-distributable layer, omitted on request.
    Nondistributable,
    /// An image for a platform that was not requested.
    Platform,
    /// The subject of a detached signature; the source never had it.
    Absent,
    /// The source references it but could not deliver it.
    Lost,
}

impl Reason {
    /// Returns the word used in the plan (docs/format.md, "plan.txt").
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Nondistributable => "nondistributable",
            Reason::Platform => "platform",
            Reason::Absent => "absent",
            Reason::Lost => "lost",
        }
    }
}

/// A reachable blob that is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// The descriptor of the blob.
    pub descriptor: Descriptor,
    /// Why it is omitted.
    pub reason: Reason,
    /// The digest of the document that references it.
    pub parent: Digest,
}

/// Everything reachable from one root.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    /// The blobs in the bundle, by digest.
    pub nodes: BTreeMap<Digest, Node>,
    /// The referrers among the blobs, in order of discovery.
    pub referrers: Vec<Referrer>,
    /// The reachable blobs that are omitted.
    pub omitted: Vec<Omitted>,
    /// The artifact type of each document, as the referrers API reports it.
    pub artifact_types: BTreeMap<Digest, MediaType>,
}

/// A graph is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// Indexes are nested too deeply.
    #[error("index {digest} is nested more than {INDEX_DEPTH_MAX} levels deep")]
    TooDeep {
        /// The digest of the index beyond the limit.
        digest: Digest,
    },
    /// More blobs than a bundle can hold.
    #[error("the artifact has more than {BLOBS_MAX} blobs, the limit of a bundle")]
    TooManyBlobs,
    /// Two descriptors give the same digest different sizes.
    #[error("descriptors disagree on the size of blob {digest}: {first} and {second} bytes")]
    SizesDiffer {
        /// The digest of the blob.
        digest: Digest,
        /// The first size found, in bytes.
        first: u64,
        /// The other size, in bytes.
        second: u64,
    },
    /// The index has none of the requested platforms.
    #[error("index {digest} has no platform {wanted}; it has {offered}")]
    NoSuchPlatform {
        /// The digest of the index.
        digest: Digest,
        /// The requested platforms.
        wanted: String,
        /// The platforms in the index.
        offered: String,
    },
    /// Docker schema 1 manifests are not supported.
    #[error(
        "manifest {digest} uses Docker schema 1, which is not supported: its digest does not cover all its bytes"
    )]
    Schema1 {
        /// The digest of the manifest.
        digest: Digest,
    },
}

/// A walk over the graph of one root.
///
/// Read each document that [`Walk::next`] returns, pass it to [`Walk::enter`] and its referrers to
/// [`Walk::refer`]. When none is left, [`Walk::finish`] returns the [`Closure`].
#[derive(Debug)]
pub struct Walk {
    platforms: Vec<Platform>,
    waiting: VecDeque<(Descriptor, u32)>,
    queued: HashSet<Digest>,
    /// The omissions recorded so far: a graph may repeat them often.
    omissions: HashSet<(Digest, Reason, Digest)>,
    referring: HashSet<(Digest, Digest, Option<RefName>)>,
    closure: Closure,
}

impl Walk {
    /// Starts at `root`. If `platforms` is not empty, children of indexes that match none are omitted.
    pub fn new(root: &Descriptor, platforms: &[Platform]) -> Result<Walk, WalkError> {
        let mut walk = Walk {
            platforms: platforms.to_vec(),
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            omissions: HashSet::new(),
            referring: HashSet::new(),
            closure: Closure::default(),
        };
        walk.reach(root, Part::Document, 1)?;
        Ok(walk)
    }

    /// Returns the next document to read, and its depth. The caller also looks up its referrers.
    #[allow(clippy::should_implement_trait)] // The caller must call `enter` between two items.
    pub fn next(&mut self) -> Option<(Descriptor, u32)> {
        self.waiting.pop_front()
    }

    /// Adds everything that a document references. `depth` is the value from [`Walk::next`].
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

    /// Adds a referrer and queues it, so that the blobs it references are added too.
    pub fn refer(&mut self, referrer: Referrer) -> Result<(), WalkError> {
        self.reach(&referrer.descriptor, Part::Document, 1)?;
        if self.referring.insert((referrer.descriptor.digest, referrer.subject, referrer.name.clone())) {
            self.closure.referrers.push(referrer);
        }
        Ok(())
    }

    /// Adds the subject of a document.
    pub fn reach_subject(&mut self, subject: &Descriptor) -> Result<(), WalkError> {
        self.reach(subject, Part::Document, 1)
    }

    /// Records that a reachable document is omitted.
    pub fn omit(&mut self, descriptor: &Descriptor, reason: Reason, parent: Digest) {
        if self.omissions.insert((descriptor.digest, reason, parent)) {
            self.closure.omitted.push(Omitted { descriptor: descriptor.clone(), reason, parent });
        }
    }

    /// Removes a node that is reachable but unavailable.
    pub fn drop_node(&mut self, digest: &Digest) {
        self.closure.nodes.remove(digest);
        self.closure.referrers.retain(|referrer| referrer.descriptor.digest != *digest);
    }

    /// Returns whether `digest` is in the closure so far.
    pub fn has(&self, digest: &Digest) -> bool {
        self.closure.nodes.contains_key(digest)
    }

    /// Returns the closure. A blob that is both included and omitted counts as included.
    pub fn finish(self) -> Closure {
        let mut closure = self.closure;
        let Closure { nodes, omitted, .. } = &mut closure;
        omitted.retain(|omissions| !nodes.contains_key(&omissions.descriptor.digest));
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
        let attested_images: HashSet<String> = children
            .iter()
            .zip(&carried)
            .filter(|(_, carry)| **carry)
            .map(|(child, _)| child.digest.to_string())
            .collect();
        for (child, carry) in children.iter().zip(&mut carried) {
            if let Some(digest) = attested(child) {
                *carry = attested_images.contains(&digest);
            }
        }
        Ok(carried)
    }

    fn reach(&mut self, descriptor: &Descriptor, part: Part, depth: u32) -> Result<(), WalkError> {
        let role = descriptor.media_type.role();
        let part = match part {
            // An index may reference anything. Anything but a document is an opaque blob.
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

/// Merges a second reference to a blob into the first. One distributable reference makes it distributable.
pub fn merge(node: &mut Node, descriptor: &Descriptor, part: Part) {
    if part > node.part {
        node.part = part;
        node.descriptor.media_type = descriptor.media_type.clone();
    } else if part == node.part && descriptor.media_type < node.descriptor.media_type {
        // Of two media types for one blob, take the smaller, so that the order of artifacts does not matter.
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
    fn limits_the_nesting_of_indexes() {
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
    fn attestations_travel_with_their_image() {
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

        let unavailable = ["linux/s390x".parse().unwrap()];
        let mut walk = Walk::new(&root, &unavailable).unwrap();
        assert!(matches!(walk.enter(&root, 1, &index(children)), Err(WalkError::NoSuchPlatform { .. })));
    }
}
