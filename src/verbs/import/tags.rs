//! Tags: checks which exist, decides what happens to them, and sets them after everything else was pushed.

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

/// The change that one tag needs.
struct TagChange {
    outcome: Outcome,
    previous: Option<Digest>,
    backup: Option<Tag>,
}

impl TagChange {
    fn note(self, delivery: &mut Delivery<'_>) {
        delivery.outcome = self.outcome;
        delivery.previous = self.previous;
        delivery.backup = self.backup;
    }
}

/// Checks the tags of the deliveries from `begin` on. A tag conflict fails its delivery, or the import, before anything
/// is pushed.
pub(super) fn check_all(
    run: &Run<'_>,
    deliveries: &mut Deliveries<'_>,
    begin: usize,
) -> Result<(), ImportError> {
    let tagged: Vec<usize> = (begin..deliveries.all.len())
        .filter(|&index| deliveries.all[index].tag().is_some() && !deliveries.all[index].has_failed())
        .collect();
    let changes: Mutex<BTreeMap<usize, Result<TagChange, ImportError>>> = Mutex::default();
    run.transfer(&tagged, &|&index| {
        let change = tag_change(run, &deliveries.all[index]);
        // Continue after a conflict, so that the error lists all conflicts.
        let ends = change.as_ref().is_err_and(|error| {
            error.is_fatal()
                || (run.request.on_failure == OnFailure::Stop
                    && !matches!(error, ImportError::TagsExist { .. }))
        });
        changes.lock().expect("no thread panicked").insert(index, change);
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    run.check()?;
    let mut all_conflicts = Vec::new();
    for (index, change) in changes.into_inner().expect("no thread panicked") {
        let delivery = &mut deliveries.all[index];
        match change {
            Ok(change) => change.note(delivery),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) if run.request.on_failure == OnFailure::Continue => {
                delivery.fail(Problem::from(&error));
            }
            Err(ImportError::TagsExist { conflicts }) => all_conflicts.extend(conflicts),
            Err(error) => return Err(error),
        }
    }
    if !all_conflicts.is_empty() {
        return Err(ImportError::TagsExist { conflicts: all_conflicts });
    }
    check_backups(run, deliveries)
}

/// Checks that no backup tag is also the tag of an artifact in this import.
fn check_backups(run: &Run<'_>, deliveries: &Deliveries<'_>) -> Result<(), ImportError> {
    let wanted: BTreeSet<(usize, &Tag)> =
        deliveries.all.iter().filter_map(|delivery| Some((delivery.repository, delivery.tag()?))).collect();
    for delivery in &deliveries.all {
        if let Some(backup) = &delivery.backup
            && wanted.contains(&(delivery.repository, backup))
        {
            let problem = format!("another artifact of the bundle gets the tag {backup}");
            return Err(ImportError::BackupName { tag: full(run, delivery), problem });
        }
    }
    Ok(())
}

/// Returns host, repository and tag.
fn full(run: &Run<'_>, delivery: &Delivery<'_>) -> String {
    let repository = run.repository(delivery.repository);
    let tag = delivery.tag().map(ToString::to_string).unwrap_or_default();
    format!("{}/{}:{tag}", repository.host(), repository.name())
}

/// Looks up a tag and returns the change it needs.
fn tag_change(run: &Run<'_>, delivery: &Delivery<'_>) -> Result<TagChange, ImportError> {
    let tag = delivery.tag().expect("it has a tag");
    let repository = run.repository(delivery.repository);
    let wanted = delivery.descriptor.digest;
    let existing = repository.resolve(&Reference::Tag(tag.clone()))?.map(|descriptor| descriptor.digest);
    let (outcome, previous) = match existing {
        None => (Outcome::Created, None),
        Some(existing) if is_digest_of(run, &existing, &wanted)? => (Outcome::Unchanged, None),
        Some(existing) => (Outcome::Replaced, Some(existing)),
    };
    let Some(existing) = previous else { return Ok(TagChange { outcome, previous, backup: None }) };
    let policy = &run.request.tags;
    let Some(suffix) = &policy.backup else {
        if policy.overwrite {
            return Ok(TagChange { outcome, previous, backup: None });
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
        _ => Ok(TagChange { outcome, previous, backup: Some(backup) }),
    }
}

/// Whether a registry means the document `wanted` when it names `existing`. Registries name everything under a tag by its
/// SHA-256, also what has another digest in the bundle.
fn is_digest_of(run: &Run<'_>, existing: &Digest, wanted: &Digest) -> Result<bool, ImportError> {
    if existing.algorithm() == wanted.algorithm() {
        return Ok(existing == wanted);
    }
    Ok(existing.same_algorithm(&run.graph.bytes(wanted)?) == *existing)
}

/// Sets the tags of everything that was pushed completely: of referrers first, so that an artifact is never visible
/// without its signature. The tags of one repository are set one after the other, because a registry may rewrite a
/// manifest when it is tagged, and would then find it incomplete while it checks an index that references it.
pub(super) fn set_all(run: &Run<'_>, deliveries: &mut Deliveries<'_>) -> Result<(), ImportError> {
    for of_referrers in [true, false] {
        fail_subjects(run, deliveries);
        let is_due = |delivery: &Delivery<'_>| {
            (delivery.generation > 0) == of_referrers && delivery.tag().is_some() && !delivery.has_failed()
        };
        let mut by_repository: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, delivery) in deliveries.all.iter().enumerate().filter(|(_, delivery)| is_due(delivery)) {
            by_repository.entry(delivery.repository).or_default().push(index);
        }
        let by_repository: Vec<Vec<usize>> = by_repository.into_values().collect();
        let ends = |error: &ImportError| error.is_fatal() || run.request.on_failure == OnFailure::Stop;
        let done: Mutex<Vec<(usize, Result<TagChange, SetError>)>> = Mutex::default();
        run.transfer(&by_repository, &|indexes| {
            for &index in indexes {
                if run.environment.workers.interrupted() {
                    return ControlFlow::Break(());
                }
                let set = set(run, &deliveries.all[index]);
                let ends = set.as_ref().is_err_and(|failed| ends(&failed.error));
                done.lock().expect("no thread panicked").push((index, set));
                if ends {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let mut ended = run.check();
        for (index, set) in done.into_inner().expect("no thread panicked") {
            let delivery = &mut deliveries.all[index];
            match set {
                Ok(change) => change.note(delivery),
                Err(SetError { error, backup }) => {
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

/// Fails the artifacts that have a failed referrer, so that none is visible without its signature.
pub(super) fn fail_subjects(run: &Run<'_>, deliveries: &mut Deliveries<'_>) {
    let mut failed_subjects: BTreeMap<(usize, Digest), Problem> = BTreeMap::new();
    let problem_of = |failed_subjects: &BTreeMap<(usize, Digest), Problem>, delivery: &Delivery<'_>| {
        let documents = run.graph.closure(&delivery.descriptor.digest).documents;
        documents.into_iter().find_map(|digest| failed_subjects.get(&(delivery.repository, digest)).cloned())
    };
    let last = deliveries.all.iter().map(|delivery| delivery.generation).max().unwrap_or(0);
    for generation in (1..=last).rev() {
        for delivery in deliveries.all.iter().filter(|delivery| delivery.generation == generation) {
            let Some(subject) = delivery.subject else { continue };
            let problem = if delivery.has_failed() {
                delivery.problem.clone().map(|problem| problem.of_referrer(&delivery.descriptor.digest))
            } else if failed_subjects.is_empty() {
                None
            } else {
                problem_of(&failed_subjects, delivery)
            };
            if let Some(problem) = problem {
                failed_subjects.entry((delivery.repository, subject)).or_insert(problem);
            }
        }
    }
    if failed_subjects.is_empty() {
        return;
    }
    for delivery in &mut deliveries.all {
        if delivery.generation == 0
            && !delivery.has_failed()
            && let Some(problem) = problem_of(&failed_subjects, delivery)
        {
            delivery.fail(problem);
        }
    }
}

/// A tag that could not be set. The old artifact may already have its backup tag.
struct SetError {
    error: ImportError,
    backup: Option<Tag>,
}

impl<E: Into<ImportError>> From<E> for SetError {
    fn from(error: E) -> Self {
        SetError { error: error.into(), backup: None }
    }
}

/// Sets a tag, and reads it back. It is checked again first, because hours may have passed since the first check.
fn set(run: &Run<'_>, delivery: &Delivery<'_>) -> Result<TagChange, SetError> {
    let mut change = tag_change(run, delivery)?;
    let bytes = run.graph.bytes(&delivery.descriptor.digest)?;
    let reference = Reference::Tag(delivery.tag().expect("it has a tag").clone());
    let repository = run.repository(delivery.repository);
    if change.outcome == Outcome::Unchanged {
        if repository.has_manifest(&reference, &bytes)? {
            return Ok(change);
        }
        // The first answer came from a cache.
        change.outcome = Outcome::Created;
    }
    if let (Some(previous), Some(backup)) = (&change.previous, &change.backup) {
        set_backup(run, delivery, previous, backup)?;
    }
    run.progress.lock().touched = true;
    repository
        .push_manifest(&bytes, &delivery.descriptor.media_type, &reference)
        .and_then(|_| repository.await_manifest(&reference, &bytes))
        .map_err(|error| SetError { error: error.into(), backup: change.backup.clone() })?;
    Ok(change)
}

/// Tags the old artifact with the backup tag, and reads it back before the tag is moved.
fn set_backup(run: &Run<'_>, delivery: &Delivery<'_>, old: &Digest, backup: &Tag) -> Result<(), ImportError> {
    let repository = run.repository(delivery.repository);
    let reference = Reference::Tag(backup.clone());
    if repository.resolve(&reference)?.is_some_and(|kept| kept.digest == *old) {
        return Ok(());
    }
    let Some((descriptor, bytes)) = repository.manifest(&Reference::Digest(*old))? else {
        let problem = format!("the registry no longer has {old}");
        return Err(ImportError::BackupName { tag: full(run, delivery), problem });
    };
    run.progress.lock().touched = true;
    repository.push_manifest(&bytes, &descriptor.media_type, &reference)?;
    repository.await_manifest(&reference, &bytes)?;
    Ok(())
}
