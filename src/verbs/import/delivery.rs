//! Assigns artifacts to repositories and tags, and their referrers after them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ImportError;
use super::graph::DocumentGraph;
use super::naming::{NameProblem, Naming, Target};
use super::report::{DeliveryReport, Outcome, Problem};
use crate::artifacts::OnFailure;
use crate::format::plan::{Artifact, Plan, PlannedReferrer};
use crate::oci::media_type::Role;
use crate::oci::referrers_list::list_tag;
use crate::oci::{Descriptor, Digest, RefName};
use crate::registry::{Host, RepositoryName, Tag};

/// The maximum number of names in an error message.
const NAMES_MAX: usize = 10;

/// How an artifact or referrer is pushed to its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PushAs {
    /// Under a tag.
    Tag(Tag),
    /// By digest, without a tag.
    Digest,
    /// As a referrers list under a tag, as registries without the referrers API need it. The list itself is not
    /// pushed: its referrers are, and the list is written anew if this registry needs it.
    List,
}

/// An artifact or a referrer, and the repository it is pushed to.
#[derive(Clone, Debug)]
pub(super) struct Delivery<'a> {
    pub(super) name: Option<&'a RefName>,
    /// The digest of its subject; `None` for an artifact that was requested itself.
    pub(super) subject: Option<Digest>,
    /// 0 for artifacts, 1 for their referrers, 2 for the referrers of those, and so on.
    pub(super) generation: usize,
    pub(super) descriptor: Descriptor,
    /// The index of its repository in [`Deliveries::repositories`].
    pub(super) repository: usize,
    pub(super) push_as: PushAs,
    pub(super) outcome: Outcome,
    pub(super) previous: Option<Digest>,
    pub(super) backup: Option<Tag>,
    pub(super) problem: Option<Problem>,
}

impl Delivery<'_> {
    pub(super) fn has_failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }

    pub(super) fn fail(&mut self, problem: Problem) {
        self.outcome = Outcome::Failed;
        self.problem = Some(problem);
    }

    pub(super) fn tag(&self) -> Option<&Tag> {
        match &self.push_as {
            PushAs::Tag(tag) => Some(tag),
            PushAs::Digest | PushAs::List => None,
        }
    }

    pub(super) fn report(&self, repositories: &[RepositoryName]) -> DeliveryReport {
        DeliveryReport {
            name: self.name.cloned(),
            subject: self.subject,
            repository: repositories[self.repository].to_string(),
            tag: self.tag().map(ToString::to_string),
            digest: self.descriptor.digest,
            media_type: self.descriptor.media_type.clone(),
            outcome: self.outcome,
            previous: self.previous,
            backup: self.backup.as_ref().map(ToString::to_string),
            error: self.problem.clone(),
        }
    }
}

/// All deliveries of a bundle.
pub(super) struct Deliveries<'a> {
    pub(super) all: Vec<Delivery<'a>>,
    pub(super) repositories: Vec<RepositoryName>,
    /// How each digest is pushed to each repository, to find duplicates quickly.
    pushed_as: HashMap<(usize, Digest), Vec<PushAs>>,
}

/// Returns the name of an artifact for messages: its digest if it has no name.
fn display_name(name: Option<&RefName>, digest: &Digest) -> String {
    name.map_or_else(|| digest.to_string(), ToString::to_string)
}

fn name_error(name: Option<&RefName>, digest: &Digest, problem: NameProblem) -> ImportError {
    let name = display_name(name, digest);
    match problem {
        NameProblem::Unnamed => ImportError::Unnamed { names: vec![name] },
        NameProblem::Invalid { becomes, problem } => ImportError::BadName { name, becomes, problem },
    }
}

/// Returns the artifacts that `wanted` names; all if it is empty.
fn selected<'a>(plan: &'a Plan, wanted: &[String]) -> Result<Vec<&'a Artifact>, ImportError> {
    let is_named = |artifact: &Artifact, wanted: &String| {
        artifact.name.as_ref().is_some_and(|name| name.as_str() == wanted)
            || artifact.digest.to_string() == *wanted
    };
    for wanted in wanted {
        if !plan.artifacts.iter().any(|artifact| is_named(artifact, wanted)) {
            let names =
                plan.artifacts.iter().map(|artifact| display_name(artifact.name.as_ref(), &artifact.digest));
            let (mut similar, mut others): (Vec<String>, Vec<String>) =
                names.partition(|name| name.contains(wanted.as_str()));
            similar.append(&mut others);
            similar.truncate(NAMES_MAX);
            return Err(ImportError::NoSuchArtifact { wanted: wanted.clone(), names: similar });
        }
    }
    let chosen =
        |artifact: &&Artifact| wanted.is_empty() || wanted.iter().any(|wanted| is_named(artifact, wanted));
    Ok(plan.artifacts.iter().filter(chosen).collect())
}

impl<'a> Deliveries<'a> {
    /// Returns deliveries of the artifacts that `wanted` names; of all if it is empty.
    ///
    /// # Errors
    /// If one has no valid name for the registry, or `wanted` names an unknown artifact.
    pub(super) fn artifacts(
        plan: &'a Plan,
        wanted: &[String],
        naming: &Naming<'_>,
    ) -> Result<Deliveries<'a>, ImportError> {
        let mut deliveries =
            Deliveries { all: Vec::new(), repositories: Vec::new(), pushed_as: HashMap::new() };
        let mut unnamed = Vec::new();
        for artifact in selected(plan, wanted)? {
            let target = match naming.target(artifact.name.as_ref(), &artifact.digest) {
                Ok(target) => target,
                Err(NameProblem::Unnamed) => {
                    unnamed.push(display_name(artifact.name.as_ref(), &artifact.digest));
                    continue;
                }
                Err(problem) => return Err(name_error(artifact.name.as_ref(), &artifact.digest, problem)),
            };
            let descriptor = Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size);
            let repository = deliveries.index_of(target.repository);
            let push_as = target.tag.map_or(PushAs::Digest, PushAs::Tag);
            deliveries.push(artifact.name.as_ref(), None, 0, descriptor, repository, push_as);
        }
        if unnamed.is_empty() { Ok(deliveries) } else { Err(ImportError::Unnamed { names: unnamed }) }
    }

    /// Reads the document graphs of the deliveries.
    ///
    /// # Errors
    /// If a document is damaged, unless `on_failure` says to continue.
    pub(super) fn read(
        &mut self,
        graph: &mut DocumentGraph<'_>,
        on_failure: OnFailure,
    ) -> Result<(), ImportError> {
        for delivery in self.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
            match graph.read(&delivery.descriptor) {
                Ok(()) => {}
                Err(error) if on_failure == OnFailure::Continue => delivery.fail(Problem::from(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds the referrers of the deliveries, each to every repository that gets its subject.
    ///
    /// # Errors
    /// If one has no valid name for the registry, or is damaged.
    pub(super) fn add_referrers(
        &mut self,
        plan: &'a Plan,
        naming: &Naming<'_>,
        graph: &mut DocumentGraph<'_>,
        on_failure: OnFailure,
    ) -> Result<(), ImportError> {
        let mut holdings: Vec<BTreeSet<Digest>> = Vec::new();
        let mut added: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut begin = 0;
        for generation in 1.. {
            self.read(graph, on_failure)?;
            for delivery in self.all[begin..].iter().filter(|delivery| !delivery.has_failed()) {
                holdings.resize_with(self.repositories.len(), BTreeSet::new);
                holdings[delivery.repository].extend(graph.closure(&delivery.descriptor.digest).documents);
            }
            begin = self.all.len();
            for (number, referrer) in plan.referrers.iter().enumerate() {
                let has_subject = |index: &usize| holdings[*index].contains(&referrer.subject);
                let repositories: Vec<usize> = (0..holdings.len())
                    .filter(has_subject)
                    .filter(|&index| added.insert((number, index)))
                    .collect();
                if !repositories.is_empty() {
                    self.add_referrer(referrer, generation, &repositories, naming, graph)?;
                }
            }
            if begin == self.all.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn add_referrer(
        &mut self,
        referrer: &'a PlannedReferrer,
        generation: usize,
        repositories: &[usize],
        naming: &Naming<'_>,
        graph: &mut DocumentGraph<'_>,
    ) -> Result<(), ImportError> {
        let subject = referrer.subject;
        let descriptor = Descriptor::new(referrer.media_type.clone(), referrer.digest, referrer.size);
        let list_tag = list_tag(&subject);
        let name = referrer.name.as_ref();
        let own_tag = name.and_then(RefName::tag);
        let push_as = match own_tag {
            None => PushAs::Digest,
            // Clients look for these tags in the repository of the subject, so the rename rules do not apply.
            Some(tag) if tag == list_tag && is_list(&descriptor, &subject, graph) => PushAs::List,
            Some(tag) if tag.starts_with(&list_tag) => push_as_tag(name, referrer, tag)?,
            Some(tag) => match naming.target(name, &referrer.digest) {
                Ok(Target { repository, tag }) => {
                    if let Some(tag) = tag {
                        let repository = self.index_of(repository);
                        self.push(
                            name,
                            Some(subject),
                            generation,
                            descriptor.clone(),
                            repository,
                            PushAs::Tag(tag),
                        );
                    }
                    PushAs::Digest
                }
                Err(NameProblem::Unnamed) => push_as_tag(name, referrer, tag)?,
                Err(problem) => return Err(name_error(name, &referrer.digest, problem)),
            },
        };
        for &index in repositories {
            self.push(name, Some(subject), generation, descriptor.clone(), index, push_as.clone());
        }
        Ok(())
    }

    /// Returns the index of a repository in the list, and adds it if needed.
    fn index_of(&mut self, name: RepositoryName) -> usize {
        if let Some(index) = self.repositories.iter().position(|known| *known == name) {
            return index;
        }
        self.repositories.push(name);
        self.repositories.len() - 1
    }

    fn push(
        &mut self,
        name: Option<&'a RefName>,
        subject: Option<Digest>,
        generation: usize,
        descriptor: Descriptor,
        repository: usize,
        push_as: PushAs,
    ) {
        let known = self.pushed_as.entry((repository, descriptor.digest)).or_default();
        let is_duplicate = known.contains(&push_as) || (push_as == PushAs::Digest && !known.is_empty());
        // An artifact that was requested under two names is reported twice; a referrer is not.
        if generation > 0 && is_duplicate {
            return;
        }
        known.push(push_as.clone());
        self.all.push(Delivery {
            name,
            subject,
            generation,
            descriptor,
            repository,
            push_as,
            outcome: Outcome::Pending,
            previous: None,
            backup: None,
            problem: None,
        });
    }

    /// Checks that no two artifacts would get the same tag.
    pub(super) fn check_collisions(&self, host: &Host) -> Result<(), ImportError> {
        let mut taken: BTreeMap<(usize, &Tag), Digest> = BTreeMap::new();
        for delivery in &self.all {
            let Some(tag) = delivery.tag() else { continue };
            let digest = delivery.descriptor.digest;
            let first = *taken.entry((delivery.repository, tag)).or_insert(digest);
            if first != digest {
                let tag = format!("{host}/{}:{tag}", self.repositories[delivery.repository]);
                return Err(ImportError::Collision { tag, digests: [first, digest] });
            }
        }
        Ok(())
    }
}

fn push_as_tag(name: Option<&RefName>, referrer: &PlannedReferrer, tag: &str) -> Result<PushAs, ImportError> {
    let invalid = |problem| {
        name_error(name, &referrer.digest, NameProblem::Invalid { becomes: tag.to_owned(), problem })
    };
    Ok(PushAs::Tag(tag.parse().map_err(invalid)?))
}

/// Whether an index lists only referrers of `subject`.
fn is_list(descriptor: &Descriptor, subject: &Digest, graph: &mut DocumentGraph<'_>) -> bool {
    if descriptor.media_type.role() != Role::Index || graph.read(descriptor).is_err() {
        return false;
    }
    let (documents, blobs) = graph.references(&descriptor.digest);
    let is_referrer =
        |digest: &Digest| graph.node(digest).document.subject().is_some_and(|s| s.digest == *subject);
    blobs.is_empty() && !documents.is_empty() && documents.iter().all(is_referrer)
}
