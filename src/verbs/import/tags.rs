//! Tags: which are taken, what happens to those, and setting them when all else is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Mutex;

use super::delivery::{Deliveries, Delivery};
use super::report::{Outcome, Problem};
use super::run::Run;
use super::{ImportError, TagConflict};
use crate::artifacts::OnFailure;
use crate::oci::Digest;
use crate::registry::{Reference, Tag};

/// What to do with tags that point at something else.
#[derive(Clone, Debug, Default)]
pub struct TagPolicy {
    /// Replace them.
    pub overwrite: bool,
    /// Keep what they point at under the tag with this behind it, then replace them.
    pub backup: Option<String>,
}

/// What becomes of one tag.
struct Step {
    outcome: Outcome,
    previous: Option<Digest>,
    backup: Option<Tag>,
}

impl Step {
    fn note(self, delivery: &mut Delivery<'_>) {
        delivery.outcome = self.outcome;
        delivery.previous = self.previous;
        delivery.backup = self.backup;
    }
}

/// Looks at every tag from `begin` on. Those that are taken fail their deliveries, or all, before anything is
/// pushed.
pub(super) fn look_up(
    run: &Run<'_>,
    deliveries: &mut Deliveries<'_>,
    begin: usize,
) -> Result<(), ImportError> {
    let tagged: Vec<usize> = (begin..deliveries.all.len())
        .filter(|&place| deliveries.all[place].tag().is_some() && !deliveries.all[place].has_failed())
        .collect();
    let steps: Mutex<BTreeMap<usize, Result<Step, ImportError>>> = Mutex::default();
    run.transfer(&tagged, &|&place| {
        let step = step(run, &deliveries.all[place]);
        // One that is taken does not keep us from saying which others are.
        let ends = step.as_ref().is_err_and(|error| {
            error.ends_all()
                || (run.request.on_failure == OnFailure::Stop
                    && !matches!(error, ImportError::TagsExist { .. }))
        });
        steps.lock().expect("no thread panicked").insert(place, step);
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    run.check()?;
    let mut taken = Vec::new();
    for (place, step) in steps.into_inner().expect("no thread panicked") {
        let delivery = &mut deliveries.all[place];
        match step {
            Ok(step) => step.note(delivery),
            Err(error) if error.ends_all() => return Err(error),
            Err(error) if run.request.on_failure == OnFailure::Continue => {
                delivery.fail(Problem::from(&error));
            }
            Err(ImportError::TagsExist { conflicts }) => taken.extend(conflicts),
            Err(error) => return Err(error),
        }
    }
    if !taken.is_empty() {
        return Err(ImportError::TagsExist { conflicts: taken });
    }
    check_backups(run, deliveries)
}

/// A tag that keeps an old artifact must not be one that a new one gets.
fn check_backups(run: &Run<'_>, deliveries: &Deliveries<'_>) -> Result<(), ImportError> {
    let wanted: BTreeSet<(usize, &Tag)> =
        deliveries.all.iter().filter_map(|delivery| Some((delivery.repository, delivery.tag()?))).collect();
    for delivery in &deliveries.all {
        if let Some(backup) = &delivery.backup
            && wanted.contains(&(delivery.repository, backup))
        {
            let problem = format!("the tag {backup} is for another artifact of the bundle");
            return Err(ImportError::BackupName { tag: full(run, delivery), problem });
        }
    }
    Ok(())
}

/// Host, repository and tag.
fn full(run: &Run<'_>, delivery: &Delivery<'_>) -> String {
    let repository = run.repository(delivery.repository);
    let tag = delivery.tag().map(ToString::to_string).unwrap_or_default();
    format!("{}/{}:{tag}", repository.host(), repository.name())
}

/// What is to be done for a tag as it is now.
fn step(run: &Run<'_>, delivery: &Delivery<'_>) -> Result<Step, ImportError> {
    let tag = delivery.tag().expect("it has a tag");
    let repository = run.repository(delivery.repository);
    let wanted = delivery.descriptor.digest;
    let existing = repository.resolve(&Reference::Tag(tag.clone()))?.map(|descriptor| descriptor.digest);
    let (outcome, previous) = match existing {
        None => (Outcome::Created, None),
        Some(existing) if existing == wanted => (Outcome::Unchanged, None),
        Some(existing) => (Outcome::Replaced, Some(existing)),
    };
    let Some(existing) = previous else { return Ok(Step { outcome, previous, backup: None }) };
    let policy = &run.request.tags;
    let Some(suffix) = &policy.backup else {
        if policy.overwrite {
            return Ok(Step { outcome, previous, backup: None });
        }
        let conflicts = vec![TagConflict { tag: full(run, delivery), existing, wanted }];
        return Err(ImportError::TagsExist { conflicts });
    };
    let backup: Tag = format!("{tag}{suffix}")
        .parse()
        .map_err(|error| ImportError::BackupName { tag: full(run, delivery), problem: format!("{error}") })?;
    let kept = repository.resolve(&Reference::Tag(backup.clone()))?.map(|descriptor| descriptor.digest);
    match kept {
        Some(kept) if kept != existing && !policy.overwrite => Err(ImportError::BackupTaken {
            tag: full(run, delivery),
            backup: backup.to_string(),
            existing: kept,
        }),
        _ => Ok(Step { outcome, previous, backup: Some(backup) }),
    }
}

/// Sets the tags of what arrived whole: of referrers first, so that an artifact is never seen without its
/// signature. In one repository one after the other: a registry that stores a manifest again for a tag may look at
/// it at the same time for the index above it, and find it half written.
pub(super) fn set_all(run: &Run<'_>, deliveries: &mut Deliveries<'_>) -> Result<(), ImportError> {
    for of_referrers in [true, false] {
        hold_back(run, deliveries);
        let is_due = |delivery: &Delivery<'_>| {
            (delivery.generation > 0) == of_referrers && delivery.tag().is_some() && !delivery.has_failed()
        };
        let mut by_repository: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, delivery) in deliveries.all.iter().enumerate().filter(|(_, delivery)| is_due(delivery)) {
            by_repository.entry(delivery.repository).or_default().push(place);
        }
        let by_repository: Vec<Vec<usize>> = by_repository.into_values().collect();
        let ends = |error: &ImportError| error.ends_all() || run.request.on_failure == OnFailure::Stop;
        let done: Mutex<Vec<(usize, Result<Step, Unset>)>> = Mutex::default();
        run.transfer(&by_repository, &|places| {
            for &place in places {
                if run.environment.workers.interrupted() {
                    return ControlFlow::Break(());
                }
                let set = set(run, &deliveries.all[place]);
                let ends = set.as_ref().is_err_and(|unset| ends(&unset.error));
                done.lock().expect("no thread panicked").push((place, set));
                if ends {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let mut ended = run.check();
        for (place, set) in done.into_inner().expect("no thread panicked") {
            let delivery = &mut deliveries.all[place];
            match set {
                Ok(step) => step.note(delivery),
                Err(Unset { error, backup }) => {
                    delivery.backup = backup;
                    delivery.fail(Problem::from(&error));
                    if ends(&error) && ended.is_ok() {
                        ended = Err(error);
                    }
                }
            }
        }
        ended?;
    }
    Ok(())
}

/// Fails the artifacts to which something refers that failed: none is seen without its signature.
pub(super) fn hold_back(run: &Run<'_>, deliveries: &mut Deliveries<'_>) {
    let mut bare: BTreeMap<(usize, Digest), Problem> = BTreeMap::new();
    let why = |bare: &BTreeMap<(usize, Digest), Problem>, delivery: &Delivery<'_>| {
        let documents = run.papers.closure(&delivery.descriptor.digest).documents;
        documents.into_iter().find_map(|digest| bare.get(&(delivery.repository, digest)).cloned())
    };
    let last = deliveries.all.iter().map(|delivery| delivery.generation).max().unwrap_or(0);
    for generation in (1..=last).rev() {
        for delivery in deliveries.all.iter().filter(|delivery| delivery.generation == generation) {
            let Some(subject) = delivery.subject else { continue };
            let problem = if delivery.has_failed() {
                delivery.problem.clone().map(|problem| problem.of_referrer(&delivery.descriptor.digest))
            } else if bare.is_empty() {
                None
            } else {
                why(&bare, delivery)
            };
            if let Some(problem) = problem {
                bare.entry((delivery.repository, subject)).or_insert(problem);
            }
        }
    }
    if bare.is_empty() {
        return;
    }
    for delivery in &mut deliveries.all {
        if delivery.generation == 0
            && !delivery.has_failed()
            && let Some(problem) = why(&bare, delivery)
        {
            delivery.fail(problem);
        }
    }
}

/// A tag that was not set; the old artifact may have its other tag already.
struct Unset {
    error: ImportError,
    backup: Option<Tag>,
}

impl<E: Into<ImportError>> From<E> for Unset {
    fn from(error: E) -> Self {
        Unset { error: error.into(), backup: None }
    }
}

/// Sets a tag. Hours may have passed since it was looked at, so it is looked at again.
fn set(run: &Run<'_>, delivery: &Delivery<'_>) -> Result<Step, Unset> {
    let step = step(run, delivery)?;
    if step.outcome == Outcome::Unchanged {
        return Ok(step);
    }
    let bytes = run.papers.bytes(&delivery.descriptor.digest)?;
    if let (Some(previous), Some(backup)) = (&step.previous, &step.backup) {
        keep(run, delivery, previous, backup)?;
    }
    let tag = delivery.tag().expect("it has a tag");
    let repository = run.repository(delivery.repository);
    run.ledger.open().touched = true;
    repository
        .push_manifest(&bytes, &delivery.descriptor.media_type, &Reference::Tag(tag.clone()))
        .map_err(|error| Unset { error: error.into(), backup: step.backup.clone() })?;
    Ok(step)
}

/// Gives what a tag points at another tag.
fn keep(run: &Run<'_>, delivery: &Delivery<'_>, old: &Digest, backup: &Tag) -> Result<(), ImportError> {
    let repository = run.repository(delivery.repository);
    let reference = Reference::Tag(backup.clone());
    if repository.resolve(&reference)?.is_some_and(|kept| kept.digest == *old) {
        return Ok(());
    }
    let Some((descriptor, bytes)) = repository.manifest(&Reference::Digest(*old))? else {
        let problem = format!("{old} is not there any more");
        return Err(ImportError::BackupName { tag: full(run, delivery), problem });
    };
    run.ledger.open().touched = true;
    repository.push_manifest(&bytes, &descriptor.media_type, &reference)?;
    Ok(())
}
