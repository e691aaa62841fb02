//! Referrers lists for registries without the referrers API (distribution-spec, "Referrers Tag Schema"). Each is
//! read, extended, written, and read again, because other clients may write it at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::ImportError;
use super::delivery::{Deliveries, Delivery};
use super::push_plan::PushPlan;
use super::report::{Problem, RemovedReferrer};
use super::run::Run;
use crate::oci::referrers_list::{ReferrersList, list_tag};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::registry::{Expect, Reference, Repository, Tag};

/// How often a list is written before giving up, if other clients keep changing it.
const ATTEMPTS_MAX: usize = 5;

/// The referrers of one manifest in a repository.
struct List {
    repository: usize,
    subject: Digest,
    referrers: Vec<Digest>,
}

impl List {
    fn tag(&self) -> Tag {
        list_tag(&self.subject).parse().expect("an algorithm and hex digits form a valid tag")
    }
}

/// Writes the referrers lists for all pushed documents with a subject, where the registry lacks the referrers API.
pub(super) fn write_lists(
    run: &Run<'_>,
    push_plan: &PushPlan<'_>,
    deliveries: &Deliveries<'_>,
) -> Result<(), ImportError> {
    transfer(run, &lists(run, push_plan), &|repository, list| {
        write_if_needed(run, repository, list, deliveries)
    })
}

/// Reads the lists that this import wrote once more, and adds what another client removed meanwhile.
pub(super) fn check_lists(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    let written = run.progress.lock().lists.clone();
    let mut lists = lists(run, push_plan);
    lists.retain(|list| written.contains(&full(run.repository(list.repository), &list.tag())));
    transfer(run, &lists, &|repository, list| write(run, repository, list))
}

/// The lists for all documents with a subject that were pushed.
fn lists(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Vec<List> {
    let mut lists: BTreeMap<(usize, Digest), Vec<Digest>> = BTreeMap::new();
    for job in &push_plan.documents {
        if let Some(subject) = run.graph.node(&job.digest).document.subject()
            && run.progress.failure(std::iter::once((job.repository, job.digest))).is_none()
        {
            lists.entry((job.repository, subject.digest)).or_default().push(job.digest);
        }
    }
    lists
        .into_iter()
        .map(|((repository, subject), referrers)| List { repository, subject, referrers })
        .collect()
}

/// Does `work` for all lists; those of one repository one after the other.
fn transfer(
    run: &Run<'_>,
    lists: &[List],
    work: &(dyn Fn(&Repository, &List) -> Result<(), ImportError> + Sync),
) -> Result<(), ImportError> {
    let by_repository: Vec<&[List]> = lists.chunk_by(|a, b| a.repository == b.repository).collect();
    run.transfer(&by_repository, &|lists| {
        let repository = run.repository(lists[0].repository);
        for list in *lists {
            let Err(error) = work(repository, list) else { continue };
            let problem = Problem::from(&error);
            let (first, others) = list.referrers.split_first().expect("a list is made for a referrer");
            run.progress.fail((list.repository, *first), error)?;
            for other in others {
                run.progress.fail_dependent((list.repository, *other), problem.clone());
            }
        }
        ControlFlow::Continue(())
    });
    run.check()
}

/// Writes the list unless the registry lists the referrers itself. Each subject is asked for, because a registry may
/// refuse to list the referrers of one only; a registry without the API is asked once.
fn write_if_needed(
    run: &Run<'_>,
    repository: &Repository,
    list: &List,
    deliveries: &Deliveries<'_>,
) -> Result<(), ImportError> {
    let has_api = run.has_referrers_api(list.repository) || repository.referrers(&list.subject)?.is_some();
    if has_api {
        return Ok(());
    }
    let tag = list.tag();
    let has_tag = |delivery: &&Delivery<'_>| {
        delivery.repository == list.repository && delivery.tag() == Some(&tag) && !delivery.has_failed()
    };
    let Some(delivery) = deliveries.all.iter().find(has_tag) else { return write(run, repository, list) };
    // An artifact of the bundle gets the tag of the list. That is right if it lists the same.
    let artifact = delivery.descriptor.digest;
    let (listed, _) = run.graph.references(&artifact);
    if list.referrers.iter().all(|digest| listed.contains(digest)) {
        return Ok(());
    }
    Err(ImportError::ListCollision { tag: full(repository, &tag), subject: list.subject, artifact })
}

/// Returns host, repository and tag.
fn full(repository: &Repository, tag: &Tag) -> String {
    format!("{}/{}:{tag}", repository.host(), repository.name())
}

/// Adds the referrers to the list, until a read shows all of them in it. Others may write it at the same time: it is
/// read again just before each write, which the registry refuses if it checks entity tags and the list has changed.
fn write(run: &Run<'_>, repository: &Repository, list: &List) -> Result<(), ImportError> {
    let tag = list.tag();
    let mut others = Others::default();
    let (mut writes, mut retried) = (0, 0);
    // The list in whose state a write was refused.
    let mut refused = None;
    for _ in 0..2 * ATTEMPTS_MAX {
        // Some registries take this tag for the digest that it is made from.
        let found = repository.referrers_list(&tag)?.filter(|(found, ..)| found.digest != list.subject);
        let mut known = match &found {
            Some((descriptor, bytes, _)) => ReferrersList::parse(descriptor, bytes)
                .map_err(|problem| ImportError::NotAReferrersList { tag: full(repository, &tag), problem })?,
            None => ReferrersList::empty(),
        };
        if list.referrers.iter().all(|digest| known.holds(digest)) {
            return Ok(());
        }
        if others.check(run, repository, list, &known)? {
            // That took time, so read the list again.
            continue;
        }
        if writes == ATTEMPTS_MAX {
            break;
        }
        if writes > 0 {
            repository.pause(&mut retried)?;
        }
        let removed: Vec<Digest> = others.gone.iter().copied().filter(|gone| known.remove(gone)).collect();
        for digest in &list.referrers {
            let descriptor: &Descriptor = &run.graph.node(digest).descriptor;
            known
                .add(descriptor, &run.graph.bytes(digest)?)
                .map_err(|problem| ImportError::NotAReferrersList { tag: full(repository, &tag), problem })?;
        }
        let before = found.as_ref().map(|(descriptor, ..)| descriptor.digest);
        let expect = match &found {
            // It was refused although nobody changed the list, so the registry compares something else.
            _ if refused == Some(before) => Expect::Anything,
            Some((.., state)) => Expect::State(state),
            None => Expect::Absent,
        };
        run.progress.lock().touched = true;
        writes += 1;
        if repository.replace_manifest(&known.bytes(), &MediaType::image_index(), &tag, expect)? {
            note_written(run, &full(repository, &tag), removed);
        } else {
            refused = Some(before);
        }
    }
    Err(ImportError::ReferrersListRace { tag: full(repository, &tag), attempts: ATTEMPTS_MAX })
}

/// Records that a list was written, and what was removed from it.
fn note_written(run: &Run<'_>, list: &str, removed: Vec<Digest>) {
    let mut state = run.progress.lock();
    if !state.lists.iter().any(|known| known == list) {
        state.lists.push(list.to_owned());
    }
    let removed = removed.into_iter().map(|digest| RemovedReferrer { list: list.to_owned(), digest });
    state.removed.extend(removed);
}

/// What a list names besides the referrers of this import.
#[derive(Default)]
struct Others {
    checked: BTreeSet<Digest>,
    /// Those that the registry no longer has. Many registries refuse a list that names one.
    gone: BTreeSet<Digest>,
}

impl Others {
    /// Looks up the listed manifests that were not looked up before. Returns whether there were any.
    fn check(
        &mut self,
        run: &Run<'_>,
        repository: &Repository,
        list: &List,
        known: &ReferrersList,
    ) -> Result<bool, ImportError> {
        let is_new = |digest: &Digest| !list.referrers.contains(digest) && !self.checked.contains(digest);
        let new: BTreeSet<Digest> = known.digests().filter(is_new).collect();
        let mut absent = Vec::new();
        for &digest in &new {
            if run.environment.workers.interrupted() {
                return Err(ImportError::Interrupted);
            }
            if is_gone(repository, &digest)? {
                absent.push(digest);
            }
        }
        if !absent.is_empty() {
            // Another client may have pushed them just now, and some registries show that only after a moment.
            repository.pause(&mut 0)?;
        }
        for digest in absent {
            if is_gone(repository, &digest)? {
                self.gone.insert(digest);
            }
        }
        let any = !new.is_empty();
        self.checked.extend(new);
        Ok(any)
    }
}

/// Whether the registry says that it lacks a manifest. It is read, because HEAD may be answered from a cache. Any other
/// problem with the manifest of another client is not that of this import.
fn is_gone(repository: &Repository, digest: &Digest) -> Result<bool, ImportError> {
    match repository.manifest(&Reference::Digest(*digest)) {
        Ok(found) => Ok(found.is_none()),
        Err(error) => {
            let error = ImportError::from(error);
            if error.is_fatal() { Err(error) } else { Ok(false) }
        }
    }
}
