//! Which artifact goes to which repository, under which tag; and what refers to it goes after it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ImportError;
use super::naming::{Nameless, Naming, Target};
use super::papers::Papers;
use super::report::{DeliveryReport, Outcome, Problem};
use crate::artifacts::OnFailure;
use crate::format::plan::{Artifact, Plan, PlannedReferrer};
use crate::oci::media_type::Role;
use crate::oci::referrers_list::list_tag;
use crate::oci::{Descriptor, Digest, RefName};
use crate::registry::{Host, RepositoryName, Tag};

/// How many names an error lists.
const NAMES_MAX: usize = 10;

/// How something can be had in its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Tag(Tag),
    /// By its digest alone.
    Digest,
    /// It lists what refers to its subject, as a registry without the referrers API wants it: what it lists is
    /// pushed, and the registry's own list tells of that.
    List,
}

/// An artifact or a referrer on its way to a repository.
#[derive(Clone, Debug)]
pub(super) struct Delivery<'a> {
    pub(super) name: Option<&'a RefName>,
    /// What it refers to; `None` for what was asked for itself.
    pub(super) subject: Option<Digest>,
    /// Artifacts are 0, what refers to them is 1, what refers to that is 2.
    pub(super) generation: usize,
    pub(super) descriptor: Descriptor,
    /// Its place in the list of repositories.
    pub(super) repository: usize,
    pub(super) form: Form,
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
        match &self.form {
            Form::Tag(tag) => Some(tag),
            Form::Digest | Form::List => None,
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
    /// The forms of each digest in each repository, for finding doubles among many thousands.
    forms: HashMap<(usize, Digest), Vec<Form>>,
}

/// The name that an artifact is called by: its digest if it has none.
fn called(name: Option<&RefName>, digest: &Digest) -> String {
    name.map_or_else(|| digest.to_string(), ToString::to_string)
}

fn bad_name(name: Option<&RefName>, digest: &Digest, nameless: Nameless) -> ImportError {
    let name = called(name, digest);
    match nameless {
        Nameless::Unnamed => ImportError::Unnamed { names: vec![name] },
        Nameless::Bad { becomes, problem } => ImportError::BadName { name, becomes, problem },
    }
}

/// The artifacts that `wanted` names; all, where it names none.
fn selected<'a>(plan: &'a Plan, wanted: &[String]) -> Result<Vec<&'a Artifact>, ImportError> {
    let is = |artifact: &Artifact, wanted: &String| {
        artifact.name.as_ref().is_some_and(|name| name.as_str() == wanted)
            || artifact.digest.to_string() == *wanted
    };
    for wanted in wanted {
        if !plan.artifacts.iter().any(|artifact| is(artifact, wanted)) {
            let names =
                plan.artifacts.iter().map(|artifact| called(artifact.name.as_ref(), &artifact.digest));
            let (mut alike, mut others): (Vec<String>, Vec<String>) =
                names.partition(|name| name.contains(wanted.as_str()));
            alike.append(&mut others);
            alike.truncate(NAMES_MAX);
            return Err(ImportError::NoSuchArtifact { wanted: wanted.clone(), names: alike });
        }
    }
    let chosen = |artifact: &&Artifact| wanted.is_empty() || wanted.iter().any(|wanted| is(artifact, wanted));
    Ok(plan.artifacts.iter().filter(chosen).collect())
}

impl<'a> Deliveries<'a> {
    /// The artifacts of the plan that `wanted` names.
    ///
    /// # Errors
    /// Where one has no name that the registry takes.
    pub(super) fn artifacts(
        plan: &'a Plan,
        wanted: &[String],
        naming: &Naming<'_>,
    ) -> Result<Deliveries<'a>, ImportError> {
        let mut deliveries = Deliveries { all: Vec::new(), repositories: Vec::new(), forms: HashMap::new() };
        let mut unnamed = Vec::new();
        for artifact in selected(plan, wanted)? {
            let target = match naming.target(artifact.name.as_ref(), &artifact.digest) {
                Ok(target) => target,
                Err(Nameless::Unnamed) => {
                    unnamed.push(called(artifact.name.as_ref(), &artifact.digest));
                    continue;
                }
                Err(bad) => return Err(bad_name(artifact.name.as_ref(), &artifact.digest, bad)),
            };
            let descriptor = Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size);
            let repository = deliveries.place(target.repository);
            let form = target.tag.map_or(Form::Digest, Form::Tag);
            deliveries.push(artifact.name.as_ref(), None, 0, descriptor, repository, form);
        }
        if unnamed.is_empty() { Ok(deliveries) } else { Err(ImportError::Unnamed { names: unnamed }) }
    }

    /// Reads what the deliveries lead to.
    ///
    /// # Errors
    /// A damaged document, unless the others go on.
    pub(super) fn read(&mut self, papers: &mut Papers<'_>, on_failure: OnFailure) -> Result<(), ImportError> {
        for delivery in self.all.iter_mut().filter(|delivery| !delivery.has_failed()) {
            match papers.read(&delivery.descriptor) {
                Ok(()) => {}
                Err(error) if on_failure == OnFailure::Continue => delivery.fail(Problem::from(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds what refers to what is delivered: to every repository that holds its subject.
    ///
    /// # Errors
    /// Where one has a name that the registry does not take, or is damaged.
    pub(super) fn add_referrers(
        &mut self,
        plan: &'a Plan,
        naming: &Naming<'_>,
        papers: &mut Papers<'_>,
        on_failure: OnFailure,
    ) -> Result<(), ImportError> {
        let mut holdings: Vec<BTreeSet<Digest>> = Vec::new();
        let mut asked: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut begin = 0;
        for generation in 1.. {
            self.read(papers, on_failure)?;
            for delivery in self.all[begin..].iter().filter(|delivery| !delivery.has_failed()) {
                holdings.resize_with(self.repositories.len(), BTreeSet::new);
                holdings[delivery.repository].extend(papers.closure(&delivery.descriptor.digest).documents);
            }
            begin = self.all.len();
            for (number, referrer) in plan.referrers.iter().enumerate() {
                let holds = |place: &usize| holdings[*place].contains(&referrer.subject);
                let places: Vec<usize> = (0..holdings.len())
                    .filter(holds)
                    .filter(|&place| asked.insert((number, place)))
                    .collect();
                if !places.is_empty() {
                    self.add_referrer(referrer, generation, &places, naming, papers)?;
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
        places: &[usize],
        naming: &Naming<'_>,
        papers: &mut Papers<'_>,
    ) -> Result<(), ImportError> {
        let subject = referrer.subject;
        let descriptor = Descriptor::new(referrer.media_type.clone(), referrer.digest, referrer.size);
        let stem = list_tag(&subject);
        let name = referrer.name.as_ref();
        let own_tag = name.and_then(RefName::tag);
        let form = match own_tag {
            None => Form::Digest,
            // It goes where its subject goes: who looks for it knows only that.
            Some(tag) if tag == stem && is_list(&descriptor, &subject, papers) => Form::List,
            Some(tag) if tag.starts_with(&stem) => tag_form(name, referrer, tag)?,
            Some(tag) => match naming.target(name, &referrer.digest) {
                Ok(Target { repository, tag }) => {
                    if let Some(tag) = tag {
                        let repository = self.place(repository);
                        self.push(
                            name,
                            Some(subject),
                            generation,
                            descriptor.clone(),
                            repository,
                            Form::Tag(tag),
                        );
                    }
                    Form::Digest
                }
                Err(Nameless::Unnamed) => tag_form(name, referrer, tag)?,
                Err(bad) => return Err(bad_name(name, &referrer.digest, bad)),
            },
        };
        for &place in places {
            self.push(name, Some(subject), generation, descriptor.clone(), place, form.clone());
        }
        Ok(())
    }

    /// The place of a repository in the list.
    fn place(&mut self, name: RepositoryName) -> usize {
        if let Some(place) = self.repositories.iter().position(|known| *known == name) {
            return place;
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
        form: Form,
    ) {
        let forms = self.forms.entry((repository, descriptor.digest)).or_default();
        let same = forms.contains(&form) || (form == Form::Digest && !forms.is_empty());
        // One that was asked for under two names is told of twice; a referrer is not.
        if generation > 0 && same {
            return;
        }
        forms.push(form.clone());
        self.all.push(Delivery {
            name,
            subject,
            generation,
            descriptor,
            repository,
            form,
            outcome: Outcome::Pending,
            previous: None,
            backup: None,
            problem: None,
        });
    }

    /// Refuses two artifacts under one tag.
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

fn tag_form(name: Option<&RefName>, referrer: &PlannedReferrer, tag: &str) -> Result<Form, ImportError> {
    let bad = |problem| bad_name(name, &referrer.digest, Nameless::Bad { becomes: tag.to_owned(), problem });
    Ok(Form::Tag(tag.parse().map_err(bad)?))
}

/// Whether an index lists what refers to `subject` and nothing else.
fn is_list(descriptor: &Descriptor, subject: &Digest, papers: &mut Papers<'_>) -> bool {
    if descriptor.media_type.role() != Role::Index || papers.read(descriptor).is_err() {
        return false;
    }
    let (documents, blobs) = papers.points_at(&descriptor.digest);
    let refers =
        |digest: &Digest| papers.paper(digest).document.subject().is_some_and(|s| s.digest == *subject);
    blobs.is_empty() && !documents.is_empty() && documents.iter().all(refers)
}
