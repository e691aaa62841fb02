//! Lists of referrers, for registries that do not make them themselves (distribution-spec, "Referrers Tag
//! Schema"): read, extended, written, and read again, since others may write them, too.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::ImportError;
use super::report::Problem;
use super::run::Run;
use super::shipment::Shipment;
use crate::oci::referrers_list::{ReferrersList, list_tag};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::registry::{Reference, Repository, Tag};

/// How often a list is written before we give up against others who write it.
const WRITES_MAX: usize = 5;

/// What refers to one manifest, in a repository.
struct List {
    repository: usize,
    subject: Digest,
    referrers: Vec<Digest>,
}

/// Sees to it that the registry tells of everything with a subject that was pushed.
pub(super) fn list_all(run: &Run<'_>, shipment: &Shipment<'_>) -> Result<(), ImportError> {
    let mut lists: BTreeMap<(usize, Digest), Vec<Digest>> = BTreeMap::new();
    for job in &shipment.documents {
        if let Some(subject) = run.papers.paper(&job.digest).document.subject()
            && run.ledger.failure(std::iter::once((job.repository, job.digest))).is_none()
        {
            lists.entry((job.repository, subject.digest)).or_default().push(job.digest);
        }
    }
    let lists: Vec<List> = lists
        .into_iter()
        .map(|((repository, subject), referrers)| List { repository, subject, referrers })
        .collect();
    // One question tells for a whole repository.
    let by_repository: Vec<&[List]> = lists.chunk_by(|a, b| a.repository == b.repository).collect();
    run.transfer(&by_repository, &|lists| {
        let repository = run.repository(lists[0].repository);
        let tells = run
            .lists_itself(lists[0].repository)
            .map_or_else(|| repository.referrers(&lists[0].subject).map(|list| list.is_some()), Ok);
        for list in *lists {
            let written = match &tells {
                Ok(true) => return ControlFlow::Continue(()),
                Ok(false) => write(run, repository, list),
                // The question is asked once, and its failure is that of all.
                Err(_) => repository.referrers(&list.subject).map(|_| ()).map_err(ImportError::from),
            };
            if let Err(error) = written {
                let problem = Problem::from(&error);
                let (first, others) = list.referrers.split_first().expect("a list is made for a referrer");
                run.ledger.fail((list.repository, *first), error)?;
                for other in others {
                    run.ledger.follow((list.repository, *other), problem.clone());
                }
            }
        }
        ControlFlow::Continue(())
    });
    run.check()
}

/// Adds the referrers to the list, until it holds all.
fn write(run: &Run<'_>, repository: &Repository, list: &List) -> Result<(), ImportError> {
    let tag: Tag = list_tag(&list.subject).parse().expect("an algorithm and hex digits are a tag");
    let full = || format!("{}/{}:{tag}", repository.host(), repository.name());
    let reference = Reference::Tag(tag.clone());
    for _ in 0..WRITES_MAX {
        let mut known = match repository.manifest(&reference)? {
            Some((descriptor, bytes)) => ReferrersList::parse(&descriptor, &bytes)
                .map_err(|problem| ImportError::NotAList { tag: full(), problem })?,
            None => ReferrersList::empty(),
        };
        let mut added = false;
        for digest in &list.referrers {
            let descriptor: &Descriptor = &run.papers.paper(digest).descriptor;
            let bytes = run.papers.bytes(digest)?;
            added |= known
                .add(descriptor, &bytes)
                .map_err(|problem| ImportError::NotAList { tag: full(), problem })?;
        }
        if !added {
            return Ok(());
        }
        {
            let mut state = run.ledger.open();
            state.touched = true;
            if !state.lists.contains(&full()) {
                state.lists.push(full());
            }
        }
        repository.push_manifest(&known.bytes(), &MediaType::image_index(), &reference)?;
    }
    Err(ImportError::RestlessList { tag: full() })
}
