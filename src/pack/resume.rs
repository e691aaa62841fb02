//! What an earlier run of the same command had finished.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::load::has_sum_of_its_own;
use super::seal::Sealing;
use super::{PackError, PackRequest};
use crate::arrival;
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::head::Head;
use crate::format::plan::Piece;
use crate::medium::{ChunkFile, ChunkSink as _, Folder, MediumError, Replace};
use crate::observe::Monitor;
use crate::oci::VerifiedBlob;
use crate::stream::digesting::Digesting;
use crate::stream::hash::{Function, Output, lanes};
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

/// Takes over the blobs that an earlier run had written into chunks that it did not finish, after hashing each.
pub(super) fn keep_blobs(
    sealing: &Sealing<'_>,
    folder: &Folder,
    environment: &Environment<'_>,
) -> Result<(), PackError> {
    folder.take_over(&sealing.bundle())?;
    let plan = &sealing.layout.plan;
    let mut files: HashMap<u32, Arc<dyn ChunkFile>> = HashMap::new();
    for number in (0..).take(sealing.layout.shapes.len()) {
        let found = match sealing.sums_of(number) {
            Some(_) => folder.finished(number)?,
            None => folder.unfinished(number)?,
        };
        let bytes = sealing.file_bytes(number, sealing.shape(number));
        files.extend(found.filter(|file| file.bytes() == bytes).map(|file| (number, file)));
    }
    // Each blob's pieces, where all of them are there.
    let segments = |blob: usize| -> Option<Vec<Segment>> {
        let pieces = plan.blobs[blob].pieces.iter().enumerate();
        let segment = |(at, piece): (usize, &Piece)| {
            let file = Arc::clone(files.get(&piece.chunk)?);
            Some(Segment { file, offset: sealing.place_of(blob, at).1, bytes: piece.bytes })
        };
        pieces.map(segment).collect()
    };
    let candidates: Vec<(usize, Vec<Segment>)> = (0..plan.blobs.len())
        .filter(|&blob| !sealing.is_done(blob))
        .filter_map(|blob| Some((blob, segments(blob)?)))
        .collect();
    let mut wanted: Vec<(HashKey, Vec<Segment>)> = Vec::new();
    for (at, (blob, segments)) in candidates.iter().enumerate() {
        wanted.push(((at, None), segments.clone()));
        if has_sum_of_its_own(&plan.blobs[*blob]) {
            let pieces = segments.iter().enumerate();
            wanted.extend(pieces.map(|(piece, segment)| ((at, Some(piece)), vec![segment.clone()])));
        }
    }
    let function = |(at, piece): HashKey| match piece {
        Some(_) => Function::Sha256,
        None => plan.blobs[candidates[at].0].digest.algorithm().into(),
    };
    let found = hash_all(&wanted, &function, environment)?;
    for (at, (blob, segments)) in candidates.iter().enumerate() {
        let planned = &plan.blobs[*blob];
        let whole = found.get(&(at, None)).and_then(Output::digest);
        let proof = whole
            .and_then(|whole| VerifiedBlob::prove(planned.digest, planned.size, whole, planned.size).ok());
        let sum = |piece: usize| found.get(&(at, Some(piece))).and_then(Output::sum);
        let sums: Option<Vec<Sum>> = if has_sum_of_its_own(planned) {
            (0..segments.len()).map(sum).collect()
        } else {
            Some(Vec::new())
        };
        if let (Some(proof), Some(sums)) = (proof, sums) {
            sealing.take_over(*blob, &proof, &sums)?;
        }
    }
    Ok(())
}

/// A candidate, and a piece of it or all.
type HashKey = (usize, Option<usize>);

/// Hashes stretches of files; what cannot be read is left out.
fn hash_all(
    wanted: &[(HashKey, Vec<Segment>)],
    function: &(dyn Fn(HashKey) -> Function + Sync),
    environment: &Environment<'_>,
) -> Result<HashMap<HashKey, Output>, PackError> {
    let length = |segments: &[Segment]| segments.iter().map(|segment| segment.bytes).sum();
    let lengths: Vec<u64> = wanted.iter().map(|(_, segments)| length(segments)).collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<HashMap<HashKey, Output>> = Mutex::default();
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let (key, segments) = wanted.get(next.fetch_add(1, Ordering::Relaxed))?;
            Some(Ok(Digesting::new(*key, segments.clone(), &[function(*key)], Monitor::silent())))
        },
        &|outcome| {
            if let Ok((key, mut outputs)) = outcome {
                found.lock().expect("no thread panicked").insert(key, outputs.remove(0));
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(PackError::System)?;
    if environment.workers.interrupted() {
        return Err(PackError::Interrupted);
    }
    Ok(found.into_inner().expect("no thread panicked"))
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
    let lengths: Vec<u64> = entries.iter().map(|(_, segment, _)| segment.bytes).collect();
    let next = AtomicUsize::new(0);
    let bad = |at: usize| *good[at].lock().expect("no thread panicked") = false;
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let (at, segment, sum) = entries.get(next.fetch_add(1, Ordering::Relaxed))?;
            let key = (*at, *sum);
            Some(Ok(Digesting::new(key, vec![segment.clone()], &[Function::Sha256], Monitor::silent())))
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
