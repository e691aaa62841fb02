//! Gathers everything that the requested artifacts reference.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::bases::Bases;
use super::failure::ArtifactFailure;
use super::{PackError, PackRequest};
use crate::artifacts::{ArtifactSource, OnFailure, Root, Selection, read_document};
use crate::format::Sum;
use crate::format::limits::METADATA_BYTES_MAX;
use crate::format::plan::{
    Artifact, Carriage, Elsewhere, Plan, PlannedBlob, PlannedOmission, PlannedReferrer,
};
use crate::format::shape::HeadRoom;
use crate::format::statement::Class;
use crate::oci::graph::{self, Closure, Node, Part, Reason, Referrer, Walk};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, MediaType, Platform, RefName};

/// The blobs to pack, and the source of each.
#[derive(Default)]
pub(super) struct Gathered {
    /// Every blob, with the index of its source in `sources`.
    pub nodes: BTreeMap<Digest, (Node, usize)>,
    sources: Vec<Arc<dyn ArtifactSource>>,
    artifacts: BTreeSet<Artifact>,
    names: HashMap<RefName, Digest>,
    referrers: Vec<PlannedReferrer>,
    omitted: Vec<PlannedOmission>,
    /// What is left out because earlier bundles carried it.
    elsewhere: BTreeMap<Digest, Elsewhere>,
    artifact_types: BTreeMap<Digest, MediaType>,
    /// Artifacts that failed, if the request says to continue.
    pub failures: Vec<ArtifactFailure>,
    /// Warnings: problems that did not fail an artifact.
    pub warnings: Vec<String>,
}

/// Gathers every artifact of the request; `excluded` are blobs that turned out to be unreadable.
pub(super) fn gather(request: &PackRequest<'_>, excluded: &[Digest]) -> Result<Gathered, PackError> {
    let mut gathered = Gathered {
        sources: request.sources.iter().map(|wanted| Arc::clone(&wanted.source)).collect(),
        ..Gathered::default()
    };
    for (at, wanted) in request.sources.iter().enumerate() {
        let source = wanted.source.as_ref();
        let roots = match source.roots(&wanted.selection) {
            Ok(roots) => roots,
            Err(error) => {
                gathered.fail(request, source.name().to_owned(), error.into())?;
                continue;
            }
        };
        for root in rename(roots, wanted.rename.as_ref(), source)? {
            let shown = shown(source, &root);
            let taken = close(request, source, &root, excluded)
                .and_then(|closure| gathered.check_name(&root, source).map(|()| closure))
                .and_then(|closure| gathered.take(&root, closure, at, &shown));
            if let Err(error) = taken {
                gathered.fail(request, shown, error)?;
            }
        }
    }
    gathered.leave_out(&request.bases);
    gathered.warn_of_notes(request);
    gathered.warn_of_unread(request);
    if gathered.artifacts.is_empty() {
        return Err(PackError::Nothing { failures: gathered.failures });
    }
    Ok(gathered)
}

fn shown(source: &dyn ArtifactSource, root: &Root) -> String {
    match &root.name {
        // In a registry, the name of the artifact repeats the repository, which the name of the source contains. A folder
        // may end with the name of a repository by chance.
        Some(name) if source.waits() && source.name().ends_with(name.repository().unwrap_or("-")) => {
            format!("{}:{}", source.name(), name.tag().unwrap_or_default())
        }
        Some(name) => format!("{}:{name}", source.name()),
        None => format!("{}@{}", source.name(), root.descriptor.digest),
    }
}

fn rename(
    roots: Vec<Root>,
    name: Option<&RefName>,
    source: &dyn ArtifactSource,
) -> Result<Vec<Root>, PackError> {
    let Some(name) = name else { return Ok(roots) };
    let (Some(first), true) =
        (roots.first(), roots.windows(2).all(|pair| pair[0].descriptor.digest == pair[1].descriptor.digest))
    else {
        return Err(PackError::RenameSeveral {
            source_name: source.name().to_owned(),
            name: name.clone(),
            found: roots.len(),
        });
    };
    Ok(vec![Root { name: Some(name.clone()), descriptor: first.descriptor.clone() }])
}

impl Gathered {
    /// What a work plan lists: each blob with the index of its source.
    pub(super) fn of_blobs(
        blobs: impl Iterator<Item = (Descriptor, Part, usize)>,
        sources: &[Arc<dyn ArtifactSource>],
    ) -> Gathered {
        let node = |(descriptor, part, source): (Descriptor, Part, usize)| {
            (descriptor.digest, (Node { descriptor, part }, source))
        };
        Gathered { nodes: blobs.map(node).collect(), sources: sources.to_vec(), ..Gathered::default() }
    }

    /// Returns the descriptor and the source of a blob.
    pub(super) fn origin(&self, digest: &Digest) -> (&Descriptor, &dyn ArtifactSource) {
        let (node, source) = &self.nodes[digest];
        (&node.descriptor, self.sources[*source].as_ref())
    }

    /// Whether a blob is in the bundle, or in an earlier one.
    fn travels(&self, digest: &Digest) -> bool {
        self.nodes.contains_key(digest) || self.elsewhere.contains_key(digest)
    }

    fn fail(
        &mut self,
        request: &PackRequest<'_>,
        artifact: String,
        error: PackError,
    ) -> Result<(), PackError> {
        match request.on_failure {
            OnFailure::Stop => Err(error),
            OnFailure::Continue => {
                self.failures.push(ArtifactFailure { artifact, error: error.to_string() });
                Ok(())
            }
        }
    }

    /// Warns of what the sources list, but hand out under no name or not at all.
    fn warn_of_notes(&mut self, request: &PackRequest<'_>) {
        let is_list = |selection: &Selection| matches!(selection, Selection::Every | Selection::Matching(_));
        for wanted in request.sources.iter().filter(|wanted| is_list(&wanted.selection)) {
            self.warnings.extend(wanted.source.notes());
        }
        for name in self.artifacts.iter().filter_map(|artifact| artifact.name.as_ref()) {
            if name.tag().is_none() && !name.as_str().contains('@') {
                self.warnings.push(format!("{name} has no tag, so importing it makes none"));
            }
        }
    }

    /// Warns of listed documents that cannot be read: one may be a signature or an SBOM of a packed artifact, and its
    /// loss must not be silent.
    fn warn_of_unread(&mut self, request: &PackRequest<'_>) {
        let partly = request.sources.iter().filter(|wanted| wanted.selection != Selection::Every);
        for wanted in partly.filter(|_| request.referrers == Carriage::Carry) {
            for (digest, problem) in wanted.source.unread() {
                let name = wanted.source.name();
                self.warnings.push(format!(
                    "{name} lists {digest}, which cannot be read: {problem}; if it is a referrer of a packed artifact, \
                     the bundle lacks it"
                ));
            }
        }
        self.warnings.sort();
        self.warnings.dedup();
    }

    /// Checks that no two different artifacts have the same name.
    fn check_name(&self, root: &Root, source: &dyn ArtifactSource) -> Result<(), PackError> {
        let Some(name) = &root.name else { return Ok(()) };
        match self.names.get(name) {
            Some(&first) if first != root.descriptor.digest => Err(PackError::NameTwice {
                name: name.clone(),
                first,
                second: root.descriptor.digest,
                source_name: source.name().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn take(&mut self, root: &Root, closure: Closure, source: usize, shown: &str) -> Result<(), PackError> {
        for (digest, node) in closure.nodes {
            match self.nodes.get_mut(&digest) {
                None => {
                    self.nodes.insert(digest, (node, source));
                }
                Some((known, _)) if known.descriptor.size != node.descriptor.size => {
                    return Err(PackError::Graph {
                        artifact: shown.to_owned(),
                        source: graph::WalkError::SizesDiffer {
                            digest,
                            first: known.descriptor.size,
                            second: node.descriptor.size,
                        },
                    });
                }
                Some((known, _)) => graph::merge(known, &node.descriptor, node.part),
            }
        }
        self.artifact_types.extend(closure.artifact_types);
        let artifact = Artifact {
            name: root.name.clone(),
            digest: root.descriptor.digest,
            size: root.descriptor.size,
            media_type: root.descriptor.media_type.clone(),
            artifact_type: None,
        };
        if let Some(name) = &root.name {
            self.names.insert(name.clone(), artifact.digest);
        }
        self.artifacts.insert(artifact);
        self.referrers.extend(closure.referrers.into_iter().map(|referrer| PlannedReferrer {
            subject: referrer.subject,
            digest: referrer.descriptor.digest,
            name: referrer.name,
            size: referrer.descriptor.size,
            media_type: referrer.descriptor.media_type,
            artifact_type: None,
        }));
        self.omitted.extend(closure.omitted.into_iter().map(|omitted| PlannedOmission {
            digest: omitted.descriptor.digest,
            parent: omitted.parent,
            reason: omitted.reason,
            size: omitted.descriptor.size,
            media_type: omitted.descriptor.media_type,
            platform: omitted.descriptor.platform.filter(|p| p.to_string().parse::<Platform>().is_ok()),
        }));
        Ok(())
    }

    /// Removes what earlier bundles carried. Manifests, indexes and configurations always travel.
    fn leave_out(&mut self, bases: &Bases) {
        let elsewhere = &mut self.elsewhere;
        self.nodes.retain(|digest, (node, _)| {
            let PlannedBlob { size, class, media_type, .. } = planned(node);
            let Some(held) = bases.holder(digest, size).filter(|_| class != Class::Metadata) else {
                return true;
            };
            let (base, name) = (held.base, held.name.clone());
            elsewhere.insert(*digest, Elsewhere { digest: *digest, size, class, media_type, base, name });
            false
        });
    }

    /// Returns the plan, sorted, in which no blob is placed yet.
    pub(super) fn plan(&self, request: &PackRequest<'_>, heads: HeadRoom) -> Plan {
        let artifact_type = |digest: &Digest| self.artifact_types.get(digest).cloned();
        let mut artifacts: Vec<Artifact> = self.artifacts.iter().cloned().collect();
        let mut referrers = self.referrers.clone();
        for artifact in &mut artifacts {
            artifact.artifact_type = artifact_type(&artifact.digest).filter(|p| !p.is_image_config());
        }
        for referrer in &mut referrers {
            referrer.artifact_type = artifact_type(&referrer.digest);
        }
        artifacts.sort();
        referrers.sort();
        referrers.dedup();
        let mut omitted: Vec<PlannedOmission> =
            self.omitted.iter().filter(|o| !self.travels(&o.digest)).cloned().collect();
        omitted.sort();
        omitted.dedup_by(|a, b| (a.digest, a.parent, a.reason) == (b.digest, b.parent, b.reason));
        let mut blobs: Vec<PlannedBlob> = self.nodes.values().map(|(node, _)| planned(node)).collect();
        blobs.sort_by_key(|blob| (blob.class, std::cmp::Reverse(blob.size), blob.digest));
        let mut platforms = request.platforms.clone();
        platforms.sort();
        platforms.dedup();
        let used: BTreeSet<Sum> = self.elsewhere.values().map(|left_out| left_out.base).collect();
        Plan {
            crossing: request.crossing.clone(),
            chunk_bytes: request.chunk_size.bytes(),
            heads,
            nondistributable: request.nondistributable,
            referrers_carriage: request.referrers,
            platforms,
            last: 0,
            profile: request.profile,
            artifacts,
            referrers,
            omitted,
            origins: request.origins.clone(),
            bases: used.iter().map(|base| request.bases.mark(base).clone()).collect(),
            elsewhere: self.elsewhere.values().cloned().collect(),
            blobs,
        }
    }
}

fn class_of(node: &Node) -> Class {
    match node.part {
        Part::NondistributableLayer => Class::Nondistributable,
        Part::Layer => Class::Distributable,
        Part::Config if node.descriptor.size > METADATA_BYTES_MAX => Class::Distributable,
        Part::Config | Part::Document => Class::Metadata,
    }
}

fn planned(node: &Node) -> PlannedBlob {
    PlannedBlob {
        digest: node.descriptor.digest,
        size: node.descriptor.size,
        class: class_of(node),
        media_type: node.descriptor.media_type.clone(),
        pieces: Vec::new(),
    }
}

/// Walks the graph of one artifact and checks that the source has all of it.
fn close(
    request: &PackRequest<'_>,
    from: &dyn ArtifactSource,
    root: &Root,
    excluded: &[Digest],
) -> Result<Closure, PackError> {
    let artifact = root.descriptor.digest;
    if root.descriptor.media_type.role() == Role::Blob {
        return Err(PackError::NotAnArtifact {
            digest: artifact,
            media_type: root.descriptor.media_type.clone(),
        });
    }
    let walk_error = |source| PackError::Graph { artifact: shown(from, root), source };
    let mut walk = Walk::new(&root.descriptor, &request.platforms).map_err(walk_error)?;
    // The document that references each digest, and whether it is below a referrer: for errors about missing ones.
    let mut parents: HashMap<Digest, (Digest, bool)> = HashMap::new();
    while let Some((descriptor, depth)) = walk.next() {
        let digest = descriptor.digest;
        if from.size_of(&descriptor)?.is_none() || excluded.contains(&digest) {
            let (parent, is_referrer) = parents.get(&digest).copied().unwrap_or((digest, false));
            if let Some(reason) = from.omits(&digest).filter(|_| digest != artifact) {
                walk.drop_node(&digest);
                walk.omit(&descriptor, reason, parent);
                continue;
            }
            if is_referrer && request.on_failure == OnFailure::Continue {
                walk.drop_node(&digest);
                walk.omit(&descriptor, Reason::Lost, parent);
                continue;
            }
            // Tools that export one platform of an index leave out the attestations.
            let is_attestation = descriptor.annotations.contains_key(graph::ATTESTED_DIGEST_ANNOTATION);
            if is_attestation && !request.platforms.is_empty() && digest != artifact {
                walk.drop_node(&digest);
                walk.omit(&descriptor, Reason::Platform, parent);
                continue;
            }
            return Err(missing(request, from, root, &descriptor, parent));
        }
        let document = Document::parse(&descriptor, &read_document(from, &descriptor)?)
            .map_err(|source| PackError::Document { artifact: shown(from, root), source })?;
        walk.enter(&descriptor, depth, &document).map_err(walk_error)?;
        let from_referrer = parents.get(&digest).is_some_and(|(_, is_referrer)| *is_referrer);
        for successor in document.successors() {
            parents.entry(successor.digest).or_insert((digest, from_referrer));
        }
        if let Some(subject) = document.subject()
            && !walk.has(&subject.digest)
        {
            if from.size_of(subject)?.is_some() {
                walk.reach_subject(subject).map_err(walk_error)?;
                parents.entry(subject.digest).or_insert((digest, false));
            } else {
                walk.omit(subject, Reason::Absent, digest);
            }
        }
        if request.referrers == Carriage::Carry {
            for referrer in from.referrers(&digest)? {
                parents.entry(referrer.descriptor.digest).or_insert((digest, true));
                walk.refer(renamed(referrer, root)).map_err(walk_error)?;
            }
        }
    }
    let mut closure = walk.finish();
    check_blobs(request, from, root, &mut closure, &parents, excluded)?;
    Ok(closure)
}

/// Moves a referrer by tag into the repository of its artifact; it keeps its tag.
fn renamed(mut referrer: Referrer, root: &Root) -> Referrer {
    if let (Some(name), Some(root_name)) = (&referrer.name, &root.name)
        && name.repository().is_none()
        && let (Some(_), Some(tag)) = (root_name.repository(), name.tag())
        && let Ok(moved) = root_name.with_tag(tag)
    {
        referrer.name = Some(moved);
    }
    referrer
}

fn missing(
    request: &PackRequest<'_>,
    source: &dyn ArtifactSource,
    root: &Root,
    blob: &Descriptor,
    parent: Digest,
) -> PackError {
    // The platform leads to the advice to select platforms, which was done already.
    let platform = blob.platform.as_ref().filter(|_| request.platforms.is_empty());
    PackError::Missing {
        artifact: shown(source, root),
        digest: blob.digest,
        media_type: blob.media_type.clone(),
        parent,
        platform: platform.map(ToString::to_string),
    }
}

/// Checks that the source has every blob, with the right size. Removes non-distributable layers if the request says so.
fn check_blobs(
    request: &PackRequest<'_>,
    source: &dyn ArtifactSource,
    root: &Root,
    closure: &mut Closure,
    parents: &HashMap<Digest, (Digest, bool)>,
    excluded: &[Digest],
) -> Result<(), PackError> {
    let mut absent = Vec::new();
    let mut left_out = Vec::new();
    for node in closure.nodes.values().filter(|node| node.part != Part::Document) {
        let descriptor = &node.descriptor;
        let nondistributable = node.part == Part::NondistributableLayer;
        let parent = parents.get(&descriptor.digest).map_or(root.descriptor.digest, |(parent, _)| *parent);
        if nondistributable && request.nondistributable == Carriage::Omit {
            left_out.push((descriptor.clone(), Reason::Nondistributable, parent));
            continue;
        }
        // The far side has it, so it need not be here any more.
        let class = class_of(node);
        if class != Class::Metadata && request.bases.holder(&descriptor.digest, descriptor.size).is_some() {
            continue;
        }
        match source.size_of(descriptor)? {
            _ if excluded.contains(&descriptor.digest) => {
                return Err(missing(request, source, root, descriptor, parent));
            }
            Some(size) if size == descriptor.size => {}
            Some(found) => {
                return Err(PackError::Size { digest: descriptor.digest, expected: descriptor.size, found });
            }
            None if source.omits(&descriptor.digest).is_some() => {
                let reason = source.omits(&descriptor.digest).unwrap_or(Reason::Absent);
                left_out.push((descriptor.clone(), reason, parent));
            }
            None if nondistributable => absent.push((descriptor.digest, descriptor.urls.clone())),
            None => return Err(missing(request, source, root, descriptor, parent)),
        }
    }
    if !absent.is_empty() {
        return Err(PackError::AbsentNondistributable { artifact: shown(source, root), layers: absent });
    }
    for (descriptor, reason, parent) in left_out {
        closure.nodes.remove(&descriptor.digest);
        closure.omitted.push(graph::Omitted { descriptor, reason, parent });
    }
    Ok(())
}
