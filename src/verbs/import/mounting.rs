//! What a delta leaves out: found in the registry before anything is pushed, and mounted where it is needed.

use std::ops::ControlFlow;
use std::sync::Mutex;

use super::ImportError;
use super::naming::Naming;
use super::progress::Transfer;
use super::push_plan::{MountJob, PushPlan};
use super::run::Run;
use crate::artifacts::OnFailure;
use crate::format::plan::Elsewhere;
use crate::oci::Descriptor;
use crate::registry::{Access, RegistryError, RepositoryName};
use crate::verbs::report::{BaseMissing, LeftOutReport};

fn descriptor(left_out: &Elsewhere) -> Descriptor {
    Descriptor::new(left_out.media_type.clone(), left_out.digest, left_out.size)
}

/// Looks for everything that the bundle leaves out: in the repositories that need it, and otherwise in others that it
/// can be mounted from.
///
/// # Errors
/// [`ImportError::BaseMissing`] if the registry lacks some of it, unless the import should continue with other artifacts.
pub(super) fn find_bases(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    let absent: Mutex<Vec<(usize, &Elsewhere)>> = Mutex::default();
    run.transfer(&push_plan.mounts, &|job| match find(run, job) {
        Ok(nowhere) => {
            let mut absent = absent.lock().expect("no thread panicked");
            absent.extend(nowhere.into_iter().map(|index| (index, job.left_out)));
            ControlFlow::Continue(())
        }
        Err((index, error)) => run.progress.fail((index, job.left_out.digest), error),
    });
    run.check()?;
    let mut absent = absent.into_inner().expect("no thread panicked");
    absent.sort_by_key(|(index, left_out)| (left_out.digest, *index));
    if run.request.on_failure == OnFailure::Continue {
        for (index, left_out) in absent {
            let error = missing(run, &[left_out]);
            let _ = run.progress.fail((index, left_out.digest), error);
        }
        return Ok(());
    }
    // A blob is named once, in however many repositories it is absent.
    absent.dedup_by_key(|(_, left_out)| left_out.digest);
    let blobs: Vec<&Elsewhere> = absent.into_iter().map(|(_, left_out)| left_out).collect();
    if blobs.is_empty() { Ok(()) } else { Err(missing(run, &blobs)) }
}

fn missing(run: &Run<'_>, absent: &[&Elsewhere]) -> ImportError {
    let plan = &run.request.bundle.contents().plan;
    BaseMissing {
        to: run.request.to.to_string(),
        absent: LeftOutReport::of(plan, absent.iter().copied()),
        first: absent[0].digest,
        advice: None,
    }
    .into()
}

/// Looks for one blob. Returns the repositories that need it and cannot get it.
fn find(run: &Run<'_>, job: &MountJob<'_>) -> Result<Vec<usize>, (usize, ImportError)> {
    let wanted = descriptor(job.left_out);
    let (mut from, mut absent) = (None, Vec::new());
    for &index in &job.repositories {
        let repository = run.repository(index);
        if repository.has_blob(&wanted).map_err(|error| (index, error.into()))? {
            run.progress.lock().blobs_present.insert((index, wanted.digest));
            from.get_or_insert_with(|| repository.name().clone());
        } else {
            absent.push(index);
        }
    }
    let Some(&first) = absent.first() else { return Ok(absent) };
    if from.is_none() {
        from = find_elsewhere(run, job, &wanted).map_err(|error| (first, error.into()))?;
    }
    let Some(from) = from else { return Ok(absent) };
    let mut state = run.progress.lock();
    for index in absent {
        state.mounts.insert((index, wanted.digest), from.clone());
    }
    Ok(Vec::new())
}

/// Looks for a blob in the repository of the artifact that brought it, in those that were named, and in those that this
/// import pushes to.
fn find_elsewhere(
    run: &Run<'_>,
    job: &MountJob<'_>,
    wanted: &Descriptor,
) -> Result<Option<RepositoryName>, RegistryError> {
    let request = run.request;
    let naming = Naming { prefix: request.to.prefix.as_ref(), rules: request.rename };
    let target = naming.target(job.left_out.name.as_ref(), &wanted.digest).ok();
    let others = (0..run.repositories()).filter(|index| !job.repositories.contains(index));
    let candidates = target
        .map(|target| target.repository)
        .into_iter()
        .chain(request.mount_from.iter().cloned())
        .chain(others.map(|index| run.repository(index).name().clone()));
    let mut asked = Vec::new();
    for name in candidates {
        if asked.contains(&name) {
            continue;
        }
        match request.registry.repository(&name, Access::Pull).has_blob(wanted) {
            Ok(true) => return Ok(Some(name)),
            // What may not be read cannot be mounted either.
            Ok(false) | Err(RegistryError::Denied { .. } | RegistryError::Unauthorized { .. }) => {}
            Err(error) => return Err(error),
        }
        asked.push(name);
    }
    Ok(None)
}

/// Counts what would be mounted, without mounting it.
pub(super) fn count_dry_run(run: &Run<'_>, push_plan: &PushPlan<'_>) {
    let mut guard = run.progress.lock();
    let state = &mut *guard;
    for job in &push_plan.mounts {
        for &index in &job.repositories {
            let item = (index, job.left_out.digest);
            if state.blobs_present.contains(&item) {
                state.blobs.count(Transfer::Present, job.left_out.size);
            } else if state.mounts.contains_key(&item) {
                state.blobs.count(Transfer::Mounted, job.left_out.size);
            }
        }
    }
}

/// Mounts what was found into the repositories that need it.
pub(super) fn mount_all(run: &Run<'_>, push_plan: &PushPlan<'_>) -> Result<(), ImportError> {
    run.transfer(&push_plan.mounts, &|job| {
        let digest = job.left_out.digest;
        for &index in &job.repositories {
            let from = {
                let mut guard = run.progress.lock();
                let state = &mut *guard;
                if state.blobs_present.contains(&(index, digest)) {
                    state.blobs.count(Transfer::Present, job.left_out.size);
                }
                state.mounts.get(&(index, digest)).cloned()
            };
            let Some(from) = from else { continue };
            run.progress.lock().touched = true;
            let repository = run.repository(index);
            let error = match repository.mount_blob(&descriptor(job.left_out), &from) {
                Ok(true) => {
                    run.progress.lock().blobs.count(Transfer::Mounted, job.left_out.size);
                    continue;
                }
                Ok(false) => {
                    let to = format!("{}/{}", repository.host(), repository.name());
                    ImportError::NotMounted { digest, from, to }
                }
                Err(error) => error.into(),
            };
            run.progress.fail((index, digest), error)?;
        }
        ControlFlow::Continue(())
    });
    run.check()
}
