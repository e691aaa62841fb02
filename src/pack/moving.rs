//! Moves the blobs of a bundle into its chunks, and sums chunks that are sealed meanwhile.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::registry_error;
use super::file_sums::Moving;
use super::load::Loading;
use super::seal::Sealing;
use super::{PackError, damaged_blob};
use crate::environment::Environment;
use crate::observe::{Event, Monitor, Phase};
use crate::registry::RegistryError;
use crate::stream::pump::pump;

/// Moves every blob that is not in a finished chunk: chunk by chunk, in each the largest first, so that
/// chunks are finished early and the long blobs do not come last.
pub(super) fn load_all(sealing: &Sealing<'_>, environment: &Environment<'_>) -> Result<(), PackError> {
    let plan = &sealing.layout.plan;
    // Blobs of the control chunk are read even if that is finished: its sums tell whether it still fits.
    let wanted = |&blob: &usize| {
        !sealing.is_loaded(blob) && (!sealing.is_done(blob) || plan.blobs[blob].pieces[0].chunk == 0)
    };
    let mut waiting: Vec<usize> = (0..plan.blobs.len()).filter(wanted).collect();
    waiting.sort_by_key(|&blob| {
        let planned = &plan.blobs[blob];
        let control = planned.pieces[0].chunk == 0;
        (control, planned.pieces[0].chunk, std::cmp::Reverse(planned.size), blob)
    });
    let bytes = waiting.iter().map(|&blob| plan.blobs[blob].size).sum();
    environment.monitor.tell(Event::Started { phase: Phase::Pack, bytes });
    let loaded = load(sealing, waiting, environment);
    environment.monitor.tell(Event::Ended);
    loaded
}

/// Moves these blobs; those that come wrong from one of several places, from the next one.
fn load(
    sealing: &Sealing<'_>,
    mut waiting: Vec<usize>,
    environment: &Environment<'_>,
) -> Result<(), PackError> {
    while !waiting.is_empty() {
        let sums = &sealing.file_sums;
        let lengths: Vec<u64> = waiting.iter().map(|&blob| sealing.layout.plan.blobs[blob].size).collect();
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<PackError>> = Mutex::new(None);
        let again: Mutex<Vec<usize>> = Mutex::default();
        pump(
            environment.workers,
            sums.lanes(),
            &lengths,
            &|| {
                // A sealed chunk goes first: it is in the page cache now, and longer than most blobs.
                // Who looks on is told of the blobs.
                if let Some(summing) = sums.next(sealing.sink, Monitor::silent()) {
                    return Some(summing.map(|summing| Moving::File { summing, beside: true }));
                }
                let blob = *waiting.get(next.fetch_add(1, Ordering::Relaxed))?;
                Some(Loading::open(sealing, blob).map(Moving::Blob))
            },
            &|outcome| {
                let outcome = match outcome.map_err(|error| try_elsewhere(sealing, error)) {
                    Ok(moved) => Ok(moved),
                    Err(Ok(blob)) => {
                        again.lock().expect("no thread panicked").push(blob);
                        return ControlFlow::Continue(());
                    }
                    Err(Err(error)) => Err(error),
                };
                sums.settle(outcome, &failed)
            },
        )
        .map_err(PackError::System)?;
        if let Some(error) = failed.into_inner().expect("no thread panicked") {
            return Err(error);
        }
        if environment.workers.interrupted() {
            return Err(PackError::Interrupted);
        }
        waiting = again.into_inner().expect("no thread panicked");
    }
    Ok(())
}

/// The blob that failed, if its source has another place for it; else the error.
fn try_elsewhere(sealing: &Sealing<'_>, error: PackError) -> Result<usize, PackError> {
    let Some(digest) = damaged_blob(&error) else { return Err(error) };
    let Some(blob) = sealing.layout.plan.blobs.iter().position(|blob| blob.digest == digest) else {
        return Err(error);
    };
    let (descriptor, source) = sealing.origin(&digest);
    let why = match &error {
        PackError::Unreadable { source, .. } => match registry_error(source) {
            Some(RegistryError::Url { problem, .. }) => problem.to_string(),
            _ => source.to_string(),
        },
        error => error.to_string(),
    };
    if source.try_elsewhere(descriptor, &why)? { Ok(blob) } else { Err(error) }
}
