//! The second step of packing: loads blobs into chunks. Each chunk is sealed as soon as it is complete.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::PackError;
use super::error::registry_error;
use super::gather::Gathered;
use super::loading::{Loaded, Loading};
use super::moving::{Moved, Moving};
use super::sealer::Sealer;
use crate::observe::Phase;
use crate::registry::RegistryError;
use crate::stream::pump::pump;

/// Loads every blob of the wanted chunks that are not finished. The order is chunk by chunk, and within a chunk the
/// largest first: chunks then finish early, and no large blob is left to the end. A blob in slices is read as a whole, even if
/// only one of its chunks is wanted: its digest must be checked.
pub(super) fn load(sealer: &Sealer<'_>, gathered: &Gathered) -> Result<(), PackError> {
    let blobs = &sealer.blueprint.plan().blobs;
    // Read the blobs of the control chunk even if it is finished: its sums show whether it is still the right one.
    let is_pending = |&blob: &usize| {
        let first = blobs[blob].pieces[0].chunk;
        sealer.needs(blob) && !sealer.is_loaded(blob) && (!sealer.is_done(blob) || first == 0)
    };
    let mut waiting: Vec<usize> = (0..blobs.len()).filter(is_pending).collect();
    let times = |blob| if sealer.must_prove_first(blob) { 2 } else { 1 };
    let bytes = waiting.iter().map(|&blob| times(blob) * blobs[blob].size).sum();
    let load_all = || {
        while !waiting.is_empty() {
            waiting.sort_by_key(|&blob| {
                let first = blobs[blob].pieces[0].chunk;
                (first == 0, first, std::cmp::Reverse(blobs[blob].size), blob)
            });
            waiting = load_once(sealer, gathered, &waiting)?;
            // Only what is sealed leaves a local disk, and makes room for others.
            sealer.wait_until_sealed()?;
        }
        Ok(())
    };
    sealer.environment.monitor.phase(Phase::Pack, bytes, || sealer.seal_during(load_all))
}

/// Loads these blobs. Returns those that were only proven, those that failed but can be read again from another location,
/// and those for which there is no room yet.
fn load_once(sealer: &Sealer<'_>, gathered: &Gathered, waiting: &[usize]) -> Result<Vec<usize>, PackError> {
    let sums = &sealer.file_sums;
    let lengths: Vec<u64> = waiting.iter().map(|&blob| sealer.blueprint.plan().blobs[blob].size).collect();
    let next = AtomicUsize::new(0);
    let again: Mutex<Vec<usize>> = Mutex::default();
    sealer.room.relax(false);
    // The first one begins in any case, so that something happens.
    while !sealer.has_room_for(waiting[0], 0) && sealer.sink.wait_for_room()? {}
    pump(
        sealer.environment.workers,
        sums.lanes(),
        &lengths,
        &|| {
            // Hash sealed chunks first: they are still in the page cache, and larger than most blobs.
            if let Some(summing) = sums.next(sealer.sink) {
                return Some(summing.map(|(number, summing)| Moving::File { number, summing }));
            }
            let blob = next_blob(sealer, waiting, &next)?;
            Some(Loading::open(sealer, gathered, blob).map(Moving::Blob))
        },
        &|outcome: Result<Moved, PackError>| match outcome {
            Ok(Moved::Blob(Loaded::Whole)) => Ok::<(), PackError>(()),
            Ok(Moved::Blob(Loaded::ProvenFirst { blob })) => {
                again.lock().expect("no thread panicked").push(blob);
                Ok(())
            }
            Ok(Moved::File { number, sums: found }) => {
                sums.keep(number, found);
                Ok(())
            }
            Err(error) => {
                let blob = retry_elsewhere(sealer, gathered, error)?;
                sealer.room.relax(true);
                again.lock().expect("no thread panicked").push(blob);
                Ok(())
            }
        },
    )?;
    let mut rest = again.into_inner().expect("no thread panicked");
    // The sink had no room for the chunks of the others.
    rest.extend(&waiting[next.into_inner()..]);
    Ok(rest)
}

/// Takes the next blob; `None` if there is none, or if the sink has no room for the chunk that it begins in. The first one
/// is not asked for room any more.
fn next_blob(sealer: &Sealer<'_>, waiting: &[usize], next: &AtomicUsize) -> Option<usize> {
    let mut place = next.load(Ordering::Relaxed);
    loop {
        let blob = *waiting.get(place)?;
        if place > 0 && !sealer.has_room_for(blob, 0) {
            return None;
        }
        match next.compare_exchange(place, place + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Some(blob),
            Err(taken) => place = taken,
        }
    }
}

/// Returns the blob that failed, if its source has another location for it; otherwise the error.
fn retry_elsewhere(sealer: &Sealer<'_>, gathered: &Gathered, error: PackError) -> Result<usize, PackError> {
    let Some(digest) = error.damaged_blob() else { return Err(error) };
    let Some(blob) = sealer.blueprint.plan().blobs.iter().position(|blob| blob.digest == digest) else {
        return Err(error);
    };
    let (descriptor, source) = gathered.origin(&digest);
    let why = match &error {
        PackError::Unreadable { source, .. } => match registry_error(source) {
            Some(RegistryError::Url { problem, .. }) => problem.to_string(),
            _ => source.to_string(),
        },
        error => error.to_string(),
    };
    if source.try_elsewhere(descriptor, &why)? { Ok(blob) } else { Err(error) }
}
