//! What an earlier run of the same command had finished.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::seal::Sealing;
use super::{PackError, PackRequest};
use crate::arrival;
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::head::Head;
use crate::medium::{ChunkFile, ChunkSink as _, Folder, MediumError, Replace};
use crate::stream::digesting::Digesting;
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump;
use crate::stream::segments::Segment;
use crate::trust::Signer;

/// What was found.
pub(super) struct Kept {
    /// The chunks that are kept.
    pub numbers: BTreeSet<u32>,
    /// Whether the bundle is complete: there is nothing to do.
    pub complete: bool,
}

/// Keeps every finished chunk that this very plan would write again, after hashing all of it; any other
/// file under a chunk's name is in the way.
///
/// # Errors
/// [`MediumError::Exists`] for what is in the way and may not be replaced.
pub(super) fn keep_finished(
    request: &PackRequest<'_>,
    sealing: &Sealing<'_>,
    folder: &Folder,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<Kept, PackError> {
    let mut kept = Kept { numbers: BTreeSet::new(), complete: false };
    let mut candidates: Vec<(u32, Arc<dyn ChunkFile>, Head)> = Vec::new();
    for number in folder.present()? {
        let Some(file) = folder.finished(number)? else { continue };
        let exists = MediumError::Exists { path: file.name().to_owned() };
        let head = arrival::read_head(file.as_ref()).ok();
        let ours = head.filter(|head| is_ours(request, sealing, signer, number, head));
        match (ours, request.replace) {
            (Some(head), _) => candidates.push((number, file, head)),
            (None, Replace::Never) => return Err(exists.into()),
            (None, Replace::WhenComplete) => {}
        }
    }
    // With a chunk of another bundle or a damaged one among them, replacing means replacing all.
    if request.replace == Replace::WhenComplete && candidates.len() <= sealing.layout.plan.last as usize {
        return Ok(kept);
    }
    let intact = intact(&candidates, environment)?;
    if request.replace == Replace::WhenComplete && intact.contains(&false) {
        return Ok(kept);
    }
    for ((number, file, head), intact) in candidates.iter().zip(intact) {
        if !intact {
            return Err(MediumError::Exists { path: file.name().to_owned() }.into());
        }
        kept.numbers.insert(*number);
        sealing.keep(*number, head.statement.sums);
    }
    kept.complete = kept.numbers.len() == sealing.layout.plan.last as usize + 1;
    Ok(kept)
}

/// Whether a chunk is one that this run would write: our signature over the statement of this plan.
fn is_ours(
    request: &PackRequest<'_>,
    sealing: &Sealing<'_>,
    signer: &dyn Signer,
    number: u32,
    head: &Head,
) -> bool {
    let found = &head.statement;
    if found.bundle != sealing.bundle() || found.number != number || number > sealing.layout.plan.last {
        return false;
    }
    let key = signer.public_key();
    let signed = head.signatures.iter().any(|signature| key.verify(&head.statement_bytes, &signature.bytes));
    let mut expected = sealing.statement(number, sealing.shape(number), found.sums);
    expected.created = found.created;
    expected.expires = request.expires.and_then(|expiry| expiry.from(found.created));
    signed && *found == expected
}

/// Whether all of each chunk is what its statement says.
fn intact(
    candidates: &[(u32, Arc<dyn ChunkFile>, Head)],
    environment: &Environment<'_>,
) -> Result<Vec<bool>, PackError> {
    let good: Vec<Mutex<bool>> = candidates.iter().map(|_| Mutex::new(true)).collect();
    let mut entries: Vec<(usize, Segment, Sum)> = Vec::new();
    for (at, (_, file, head)) in candidates.iter().enumerate() {
        match arrival::read_body(file.as_ref(), head) {
            Ok(body) => entries.extend(body.entries.iter().map(|entry| {
                let segment = Segment { file: Arc::clone(file), offset: entry.offset, bytes: entry.bytes };
                (at, segment, entry.sum)
            })),
            Err(_) => *good[at].lock().expect("no thread panicked") = false,
        }
    }
    let next = AtomicUsize::new(0);
    let bad = |at: usize| *good[at].lock().expect("no thread panicked") = false;
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &|| {
            let (at, segment, sum) = entries.get(next.fetch_add(1, Ordering::Relaxed))?;
            let key = (*at, *sum);
            Some(Ok(Digesting::new(key, vec![segment.clone()], &[Function::Sha256], &crate::observe::Silent)))
        },
        &|outcome| {
            match outcome {
                Ok(((at, sum), outputs)) if outputs[0].sum() != Some(sum) => bad(at),
                Ok(_) => {}
                Err(unreadable) => bad(unreadable.key.0),
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(PackError::System)?;
    if environment.workers.interrupted() {
        return Err(PackError::Interrupted);
    }
    Ok(good.into_iter().map(|good| good.into_inner().expect("no thread panicked")).collect())
}
