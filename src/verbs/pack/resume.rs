//! Reuses the chunks and blobs that an earlier run of the same command wrote.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use super::hand::Hand;
use super::loading::{has_entry_sums, pairs};
use super::sealer::Sealer;
use super::{Expiry, PackError, PackRequest};
use crate::arrival;
use crate::format::head::Head;
use crate::format::{Sum, Sum384, SumPair};
use crate::medium::{ChunkFile, MediumError, Replace};
use crate::observe::Monitor;
use crate::oci::VerifiedBlob;
use crate::stream::digesting::{DigestJob, digest_all};
use crate::stream::hash::{Function, Output};
use crate::stream::segments::Segment;

/// The result of looking for finished chunks.
pub(super) struct Kept {
    /// Whether the bundle is complete and nothing is left to do.
    pub complete: bool,
}

/// Keeps every finished chunk that this plan would write identically, after hashing all of it. Any other file with the
/// name of a chunk is a conflict.
///
/// # Errors
/// [`MediumError::Exists`] for a conflicting file that must not be replaced.
pub(super) fn keep_finished(
    request: &PackRequest<'_>,
    sealer: &Sealer<'_>,
    hand: Hand<'_>,
) -> Result<Kept, PackError> {
    let chunks = (0..=sealer.blueprint.plan().last).filter(|&number| sealer.is_wanted(number)).count();
    let mut candidates: Vec<Candidate> = Vec::new();
    for number in sealer.sink.present()?.into_iter().filter(|&number| sealer.is_wanted(number)) {
        let Some(file) = sealer.sink.finished(number)? else { continue };
        let exists = MediumError::Exists { path: file.name().to_owned() };
        let head = arrival::read_head(file.as_ref()).ok();
        let ours = head.filter(|head| is_ours(request.expires, sealer, hand, number, head));
        match (ours, request.replace) {
            (Some(head), _) => candidates.push(Candidate { number, file, head }),
            (None, Replace::Never | Replace::EachByItself) => return Err(exists.into()),
            (None, Replace::WhenComplete) => {}
        }
    }
    // If any chunk is missing, damaged or of another bundle, all chunks are replaced.
    if request.replace == Replace::WhenComplete && candidates.len() < chunks {
        return Ok(Kept { complete: false });
    }
    let damaged = damaged(&candidates, sealer)?;
    if request.replace == Replace::WhenComplete && !damaged.is_empty() {
        return Ok(Kept { complete: false });
    }
    if let Some(&first) = damaged.first() {
        return Err(MediumError::Exists { path: candidates[first].file.name().to_owned() }.into());
    }
    for candidate in &candidates {
        sealer.keep(candidate.number, &candidate.head);
    }
    Ok(Kept { complete: candidates.len() == chunks })
}

/// A finished chunk whose head is what this run would write.
struct Candidate {
    number: u32,
    file: Arc<dyn ChunkFile>,
    head: Head,
}

/// A blob to hash, by its index among the candidates: all of it, or one of its pieces.
type Job = (usize, Option<usize>);

/// Keeps the blobs that an earlier run wrote into chunks it did not finish, after hashing each.
pub(super) fn keep_blobs(sealer: &Sealer<'_>) -> Result<(), PackError> {
    let blueprint = sealer.blueprint;
    sealer.sink.take_over()?;
    let blobs = &blueprint.plan().blobs;
    let candidates = written_blobs(sealer)?;
    // Hash each blob as a whole, and also each piece if its entries have their own checksums.
    let profile = blueprint.plan().profile;
    let hashes_pieces = |blob: usize| profile.is_some() || has_entry_sums(&blobs[blob]);
    let mut jobs: Vec<Job> = Vec::new();
    for (at, (blob, segments)) in candidates.iter().enumerate() {
        jobs.push((at, None));
        if hashes_pieces(*blob) {
            jobs.extend((0..segments.len()).map(|piece| (at, Some(piece))));
        }
    }
    let segments = |(at, piece): Job| match piece {
        Some(piece) => std::slice::from_ref(&candidates[at].1[piece]),
        None => candidates[at].1.as_slice(),
    };
    let bytes = |&job| segments(job).iter().map(|segment| segment.bytes).sum();
    let lengths: Vec<u64> = jobs.iter().map(bytes).collect();
    let job = |index: usize| match jobs[index] {
        (at, None) => {
            let function = blobs[candidates[at].0].digest.algorithm().into();
            DigestJob::new(candidates[at].1.clone(), vec![function])
        }
        (at, Some(piece)) => {
            let strong = profile.map(|_| Function::Sha384);
            let functions = std::iter::once(Function::Sha256).chain(strong).collect();
            DigestJob::new(vec![candidates[at].1[piece].clone()], functions)
        }
    };
    let found: Mutex<HashMap<Job, Vec<Output>>> = Mutex::default();
    let workers = sealer.environment.workers;
    digest_all(workers, Monitor::silent(), &lengths, &job, &|index, outcome| {
        // Blobs that cannot be read are loaded again.
        if let Ok(outputs) = outcome {
            found.lock().expect("no thread panicked").insert(jobs[index], outputs);
        }
        Ok::<(), PackError>(())
    })?;
    let found = found.into_inner().expect("no thread panicked");
    for (at, (blob, segments)) in candidates.iter().enumerate() {
        let planned = &blobs[*blob];
        let whole = found.get(&(at, None)).and_then(|outputs| outputs[0].digest());
        let proof = whole
            .and_then(|whole| VerifiedBlob::prove(planned.digest, planned.size, whole, planned.size).ok());
        let outputs = |piece: usize| found.get(&(at, Some(piece))).map(Vec::as_slice);
        let pieces = if hashes_pieces(*blob) { 0..segments.len() } else { 0..0 };
        let hashed: Option<Vec<&[Output]>> = pieces.map(outputs).collect();
        if let (Some(proof), Some(hashed)) = (proof, hashed) {
            let sums: Vec<Sum> = hashed.iter().filter_map(|outputs| outputs[0].sum()).collect();
            let strong: Vec<Sum384> =
                hashed.iter().filter_map(|outputs| outputs.get(1).and_then(Output::sum384)).collect();
            sealer.keep_blob(*blob, &proof, &pairs(&proof, sums, &strong))?;
        }
    }
    Ok(())
}

/// Returns the blobs whose pieces are all in existing files, with these pieces.
fn written_blobs(sealer: &Sealer<'_>) -> Result<Vec<(usize, Vec<Segment>)>, PackError> {
    let blueprint = sealer.blueprint;
    let mut files: HashMap<u32, Arc<dyn ChunkFile>> = HashMap::new();
    for (number, chunk) in (0..).zip(blueprint.chunks()) {
        if chunk.pieces.is_empty() {
            continue;
        }
        let found = match sealer.sums_of(number) {
            Some(_) => sealer.sink.finished(number)?,
            None => sealer.sink.unfinished(number)?,
        };
        let bytes = blueprint.file_bytes(number);
        files.extend(found.filter(|file| file.bytes() == bytes).map(|file| (number, file)));
    }
    let blobs = &blueprint.plan().blobs;
    let segments = |blob: usize| -> Option<Vec<Segment>> {
        let pieces = blobs[blob].pieces.iter().enumerate();
        let segment = |(at, piece): (usize, &crate::format::plan::Piece)| {
            let file = Arc::clone(files.get(&piece.chunk)?);
            Some(Segment { file, offset: blueprint.offset_of(blob, at), bytes: piece.bytes })
        };
        pieces.map(segment).collect()
    };
    let waiting = (0..blobs.len()).filter(|&blob| !sealer.is_done(blob));
    Ok(waiting.filter_map(|blob| Some((blob, segments(blob)?))).collect())
}

/// Whether this run would write the same chunk: it has the statement of this plan, signed by this signer.
pub(super) fn is_ours(
    expires: Option<Expiry>,
    sealer: &Sealer<'_>,
    hand: Hand<'_>,
    number: u32,
    head: &Head,
) -> bool {
    let (blueprint, found) = (sealer.blueprint, &head.statement);
    if found.bundle != blueprint.bundle() || found.number != number || number > blueprint.plan().last {
        return false;
    }
    let signed = hand.has_signed(&head.statement_bytes, &head.signatures);
    let mut expected = blueprint.statement(number, found.sums);
    expected.created = found.created;
    expected.expires = expires.and_then(|expiry| expiry.from(found.created));
    signed && *found == expected
}

/// Checks the content of chunks that other processes finished.
///
/// # Errors
/// [`MediumError::Exists`] for the first one whose content does not match its sums.
pub(super) fn check_content(
    sealer: &Sealer<'_>,
    found: &[(u32, Arc<dyn ChunkFile>, Head)],
) -> Result<(), PackError> {
    let candidate = |(number, file, head): &(u32, Arc<dyn ChunkFile>, Head)| Candidate {
        number: *number,
        file: Arc::clone(file),
        head: head.clone(),
    };
    let candidates: Vec<Candidate> = found.iter().map(candidate).collect();
    match damaged(&candidates, sealer)?.first() {
        Some(&first) => Err(MediumError::Exists { path: candidates[first].file.name().to_owned() }.into()),
        None => Ok(()),
    }
}

/// Returns the indexes of the candidates that do not match their statements, in order.
fn damaged(candidates: &[Candidate], sealer: &Sealer<'_>) -> Result<Vec<usize>, PackError> {
    let mut damaged: BTreeSet<usize> = BTreeSet::new();
    let mut entries: Vec<(usize, Segment, SumPair)> = Vec::new();
    for (at, Candidate { file, head, .. }) in candidates.iter().enumerate() {
        match arrival::read_body(file.as_ref(), head) {
            Ok(body) => entries.extend(body.entries.iter().map(|entry| {
                let segment = Segment { file: Arc::clone(file), offset: entry.offset, bytes: entry.bytes };
                (at, segment, body.pair(entry))
            })),
            Err(_) => {
                damaged.insert(at);
            }
        }
    }
    let lengths: Vec<u64> = entries.iter().map(|(_, segment, _)| segment.bytes).collect();
    let job = |index: usize| DigestJob::pair_of(entries[index].1.clone(), entries[index].2);
    let damaged = Mutex::new(damaged);
    let workers = sealer.environment.workers;
    digest_all(workers, Monitor::silent(), &lengths, &job, &|index, outcome| {
        let (at, _, pair) = &entries[index];
        if !outcome.is_ok_and(|outputs| arrival::difference(*pair, &outputs).is_none()) {
            damaged.lock().expect("no thread panicked").insert(*at);
        }
        Ok::<(), PackError>(())
    })?;
    Ok(damaged.into_inner().expect("no thread panicked").into_iter().collect())
}
