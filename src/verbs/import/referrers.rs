//! Referrers lists for registries without the referrers API (distribution-spec, "Referrers Tag Schema"). Each is
//! read, extended, written, and read again, because other clients may write it at the same time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::ImportError;
use super::push_plan::PushPlan;
use super::report::Problem;
use super::run::Run;
use crate::oci::referrers_list::{ReferrersList, list_tag};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::registry::{Reference, Repository, Tag};

/// How often a list is written before giving up, if other clients keep changing it.
const ATTEMPTS_MAX: usize = 5;

/// The referrers of one manifest in a repository.
struct List {
    repository: usize,
    subject: Digest,
    referrers: Vec<Digest>,
}

/// Writes the referrers lists for all pushed documents with a subject, where the registry lacks the referrers API.
pub(super) fn write_lists(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    let mut lists: BTreeMap<(usize, Digest), Vec<Digest>> = BTreeMap::new();
    for job in &push_plan.documents {
        if let Some(subject) = run.graph.node(&job.digest).document.subject()
            && run.progress.failure(std::iter::once((job.repository, job.digest))).is_none()
        {
            lists.entry((job.repository, subject.digest)).or_default().push(job.digest);
        }
    }
    let lists: Vec<List> = lists
        .into_iter()
        .map(|((repository, subject), referrers)| List { repository, subject, referrers })
        .collect();
    let by_repository: Vec<&[List]> = lists.chunk_by(|a, b| a.repository == b.repository).collect();
    run.transfer(&by_repository, &|lists| {
        let repository = run.repository(lists[0].repository);
        for list in *lists {
            let Err(error) = write_if_needed(run, repository, list) else { continue };
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
fn write_if_needed(run: &Run<'_>, repository: &Repository, list: &List) -> Result<(), ImportError> {
    let has_api = run.has_referrers_api(list.repository) || repository.referrers(&list.subject)?.is_some();
    if has_api { Ok(()) } else { write(run, repository, list) }
}

/// Adds the referrers to the list, until a read shows all of them in it.
fn write(run: &Run<'_>, repository: &Repository, list: &List) -> Result<(), ImportError> {
    let tag: Tag = list_tag(&list.subject).parse().expect("an algorithm and hex digits form a valid tag");
    let full = || format!("{}/{}:{tag}", repository.host(), repository.name());
    let reference = Reference::Tag(tag.clone());
    for _ in 0..ATTEMPTS_MAX {
        let mut known = match repository.manifest(&reference)? {
            Some((descriptor, bytes)) => ReferrersList::parse(&descriptor, &bytes)
                .map_err(|problem| ImportError::NotAReferrersList { tag: full(), problem })?,
            None => ReferrersList::empty(),
        };
        let mut added = false;
        for digest in &list.referrers {
            let descriptor: &Descriptor = &run.graph.node(digest).descriptor;
            let bytes = run.graph.bytes(digest)?;
            added |= known
                .add(descriptor, &bytes)
                .map_err(|problem| ImportError::NotAReferrersList { tag: full(), problem })?;
        }
        if !added {
            return Ok(());
        }
        {
            let mut state = run.progress.lock();
            state.touched = true;
            if !state.lists.contains(&full()) {
                state.lists.push(full());
            }
        }
        repository.push_manifest(&known.bytes(), &MediaType::image_index(), &reference)?;
    }
    Err(ImportError::ReferrersListRace { tag: full(), attempts: ATTEMPTS_MAX })
}
