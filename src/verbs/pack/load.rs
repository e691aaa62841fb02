//! The second step of a pack: moves blobs into chunks, which are sealed as they become full.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::PackError;
use super::error::registry_error;
use super::gather::Cargo;
use super::loading::Loading;
use super::moving::{Moved, Moving};
use super::sealer::Sealer;
use crate::observe::Phase;
use crate::registry::RegistryError;
use crate::stream::pump::pump;

/// Moves every blob of the chunks that are wanted and not finished: chunk by chunk, in each the largest first, so
/// that chunks are finished early and the long blobs do not come last. Chunks that share a sliced blob are wanted
/// together, or the blob cannot be proven.
pub(super) fn load(
    sealer: &Sealer<'_>,
    cargo: &Cargo,
    wanted: &dyn Fn(u32) -> bool,
) -> Result<(), PackError> {
    let blobs = &sealer.blueprint.plan().blobs;
    // Blobs of the control chunk are read even if that is finished: its sums tell whether it still fits.
    let waits = |&blob: &usize| {
        let first = blobs[blob].pieces[0].chunk;
        wanted(first) && !sealer.is_loaded(blob) && (!sealer.is_done(blob) || first == 0)
    };
    let mut waiting: Vec<usize> = (0..blobs.len()).filter(waits).collect();
    waiting.sort_by_key(|&blob| {
        let first = blobs[blob].pieces[0].chunk;
        (first == 0, first, std::cmp::Reverse(blobs[blob].size), blob)
    });
    let bytes = waiting.iter().map(|&blob| blobs[blob].size).sum();
    sealer.environment.monitor.phase(Phase::Pack, bytes, || {
        while !waiting.is_empty() {
            waiting = load_once(sealer, cargo, &waiting)?;
        }
        Ok(())
    })
}

/// Moves these blobs; returns those that came wrong from one of several places, for the next one.
fn load_once(sealer: &Sealer<'_>, cargo: &Cargo, waiting: &[usize]) -> Result<Vec<usize>, PackError> {
    let sums = &sealer.file_sums;
    let lengths: Vec<u64> = waiting.iter().map(|&blob| sealer.blueprint.plan().blobs[blob].size).collect();
    let next = AtomicUsize::new(0);
    let again: Mutex<Vec<usize>> = Mutex::default();
    pump(
        sealer.environment.workers,
        sums.lanes(),
        &lengths,
        &|| {
            // A sealed chunk goes first: it is in the page cache now, and longer than most blobs.
            if let Some(summing) = sums.next(sealer.sink) {
                return Some(summing.map(|(number, summing)| Moving::File { number, summing }));
            }
            let blob = *waiting.get(next.fetch_add(1, Ordering::Relaxed))?;
            Some(Loading::open(sealer, cargo, blob).map(Moving::Blob))
        },
        &|outcome: Result<Moved, PackError>| match outcome {
            Ok(Moved::Blob) => Ok::<(), PackError>(()),
            Ok(Moved::File { number, sums: found }) => {
                sums.keep(number, found);
                Ok(())
            }
            Err(error) => {
                let blob = try_elsewhere(sealer, cargo, error)?;
                again.lock().expect("no thread panicked").push(blob);
                Ok(())
            }
        },
    )?;
    Ok(again.into_inner().expect("no thread panicked"))
}

/// The blob that failed, if its source has another place for it; else the error.
fn try_elsewhere(sealer: &Sealer<'_>, cargo: &Cargo, error: PackError) -> Result<usize, PackError> {
    let Some(digest) = error.damaged_blob() else { return Err(error) };
    let Some(blob) = sealer.blueprint.plan().blobs.iter().position(|blob| blob.digest == digest) else {
        return Err(error);
    };
    let (descriptor, source) = cargo.origin(&digest);
    let why = match &error {
        PackError::Unreadable { source, .. } => match registry_error(source) {
            Some(RegistryError::Url { problem, .. }) => problem.to_string(),
            _ => source.to_string(),
        },
        error => error.to_string(),
    };
    if source.try_elsewhere(descriptor, &why)? { Ok(blob) } else { Err(error) }
}
