//! Packs a bundle in pieces: a plan is made once, any number of processes on any machines pack a piece of it each, and the
//! last one seals the bundle (docs/scale.md).

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::hand::Hand;
use super::packing::{check_keys, finish, or_interrupted, prepare, write};
use super::prepared::Prepared;
use super::sealer::{Only, Sealer};
use super::work_plan::WorkPlan;
use super::{
    Bases, ChunkReport, Outcome, PackError, PackReport, PackRequest, Part, Splitting, Wanted, resume,
};
use crate::arrival;
use crate::artifacts::{ArtifactSource, OnFailure, Selection};
use crate::environment::Environment;
use crate::format::body::Body;
use crate::format::entry::EntryName;
use crate::format::head::Head;
use crate::format::statement::{Class, Crossing};
use crate::format::sums::Sums;
use crate::format::tar::BLOCK;
use crate::format::{Sum, Sum384, SumPair, Timestamp};
use crate::medium::{ChunkFile, ChunkStore, FileNames, MediumError, Replace};
use crate::trust::{PublicKey, Signer};

use super::ArtifactFailure;

/// A work plan, and what is needed to work on it.
pub struct Piecework<'a> {
    /// The plan.
    pub work: &'a WorkPlan,
    /// Its sources, in the order of [`WorkPlan::sources`].
    pub sources: Vec<Arc<dyn ArtifactSource>>,
    /// The store that the chunk files are written to. Chunks that are signed later need a folder.
    pub store: &'a dyn ChunkStore,
}

/// What is checked of the chunks of the pieces before the bundle is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// That each is there, is whole, and has the right statement. Its content was proven when it was packed.
    OfHeads,
    /// Also the content of each.
    OfEverything,
}

/// A piece of a work plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlannedPiece {
    /// Its number, from 0.
    pub piece: u32,
    /// The numbers of its chunks.
    pub chunks: BTreeSet<u32>,
    /// The size of its chunk files in bytes.
    pub bytes: u64,
}

/// The report of a work plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WorkReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The time of sealing in the statements of all chunks.
    pub created: Timestamp,
    /// How many artifacts the bundle will contain, without referrers.
    pub artifacts: usize,
    /// How many blobs it will contain, manifests and indexes included.
    pub blobs: usize,
    /// How many chunk files it will have.
    pub chunk_files: u32,
    /// The total size of the chunk files of all pieces, in bytes.
    pub bytes: u64,
    /// The size of the largest blob in bytes. One process reads it, so that packing takes at least as long.
    pub largest_blob_bytes: u64,
    /// The pieces.
    pub pieces: Vec<PlannedPiece>,
    /// Artifacts that are left out because of an error.
    pub failures: Vec<ArtifactFailure>,
    /// Warnings: problems that did not fail an artifact.
    pub warnings: Vec<String>,
}

/// The report of a piece.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PieceReport {
    /// The outcome.
    pub outcome: Outcome,
    /// The id of the bundle.
    pub bundle: Sum,
    /// The number of the piece, from 0.
    pub piece: u32,
    /// The number of pieces.
    pub pieces: u32,
    /// Whether the chunks are signed. If not, `carnet seal` signs them.
    pub signed: bool,
    /// Its chunk files.
    pub chunks: Vec<ChunkReport>,
}

/// Makes a work plan, without writing anything; reads only manifests. `keys` will sign the chunks, and `most` is the largest
/// number of pieces.
///
/// # Errors
/// As [`pack`](super::pack) before anything is written.
pub fn plan_work(
    request: &PackRequest<'_>,
    keys: &[PublicKey],
    most: u32,
    environment: &Environment<'_>,
) -> Result<(WorkPlan, WorkReport), PackError> {
    check_keys(request.profile, keys.iter())?;
    let sizes: Vec<u64> = keys.iter().map(PublicKey::signature_bytes).collect();
    let prepared = prepare(request, &sizes, &[], environment)?;
    let work = WorkPlan::of(request, &prepared, keys, most);
    let pieces = work.pieces()?;
    let plan = work.plan();
    let report = WorkReport {
        bundle: work.bundle(),
        crossing: plan.crossing.clone(),
        created: work.created(),
        artifacts: plan.artifacts.len(),
        blobs: plan.blobs.len(),
        chunk_files: plan.last + 1,
        bytes: pieces.iter().map(|(_, bytes)| bytes).sum(),
        largest_blob_bytes: plan.blobs.iter().map(|blob| blob.size).max().unwrap_or(0),
        pieces: (0..)
            .zip(pieces)
            .map(|(piece, (chunks, bytes))| PlannedPiece { piece, chunks, bytes })
            .collect(),
        failures: prepared.gathered.failures.clone(),
        warnings: prepared.gathered.warnings.clone(),
    };
    Ok((work, report))
}

/// Packs a piece of a plan, by its number from 0. Without a signer, the chunks get names that end with `.unsigned`, and
/// [`seal`] signs them. What is finished and intact is kept. The same piece may be packed by two processes at once: both
/// write the same bytes.
///
/// # Errors
/// [`PackError`]. Finished chunks are kept.
pub fn pack_piece(
    piecework: &Piecework<'_>,
    piece: u32,
    signer: Option<&dyn Signer>,
    environment: &Environment<'_>,
) -> Result<PieceReport, PackError> {
    let work = piecework.work;
    let hand = match signer {
        Some(signer) => {
            work.check_signer(signer)?;
            Hand::Key(signer)
        }
        None => Hand::Later(work.keys()),
    };
    let pieces = work.pieces()?;
    let no_such = || PackError::NoSuchPiece { piece, pieces: pieces.len() };
    let (chunks, _) = pieces.get(piece as usize).ok_or_else(no_such)?;
    let prepared = work.prepare(&piecework.sources)?;
    find_nondistributable(&prepared, chunks).map_err(|error| or_interrupted(error, environment))?;
    let request = piecework.request(Part::Piece(chunks.clone()), Replace::EachByItself);
    let name = &work.plan().crossing.name;
    let names = if signer.is_some() { FileNames::chunks(name) } else { FileNames::unsigned(name) };
    let sink = piecework.store.hold_part(&names, &format!("piece{piece}"), &work.bundle())?;
    let report = write(&request, &prepared, sink.as_ref(), hand, environment)
        .map_err(|error| or_interrupted(error, environment))?;
    let mut made: Vec<ChunkReport> =
        report.chunks.into_iter().filter(|chunk| chunks.contains(&chunk.number)).collect();
    for chunk in &mut made {
        chunk.file = names.of(chunk.number);
    }
    Ok(PieceReport {
        outcome: report.outcome,
        bundle: report.bundle,
        piece,
        pieces: u32::try_from(pieces.len()).expect("the number of pieces is bounded"),
        signed: signer.is_some(),
        chunks: made,
    })
}

/// Finds the URLs of the non-distributable layers of a piece that their sources do not have themselves.
fn find_nondistributable(prepared: &Prepared, chunks: &BTreeSet<u32>) -> Result<(), PackError> {
    for blob in &prepared.blueprint.plan().blobs {
        if blob.class != Class::Nondistributable
            || !blob.pieces.iter().any(|piece| chunks.contains(&piece.chunk))
        {
            continue;
        }
        let (descriptor, source) = prepared.gathered.origin(&blob.digest);
        if source.size_of(descriptor)?.is_none() {
            return Err(PackError::AbsentNondistributable {
                artifact: source.name().to_owned(),
                layers: vec![(blob.digest, descriptor.urls.clone())],
            });
        }
    }
    Ok(())
}

/// Seals a bundle whose pieces are packed: signs what is not signed yet, and writes the control chunk last. Running it again
/// is safe.
///
/// # Errors
/// [`PackError::PiecesMissing`] if chunks are not there, and [`MediumError::Exists`] if a file is in the way that is not the
/// chunk of its name, or is damaged.
pub fn seal(
    piecework: &Piecework<'_>,
    signer: &dyn Signer,
    sealing: Sealing,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let work = piecework.work;
    work.check_signer(signer)?;
    let prepared = work.prepare(&piecework.sources)?;
    let request = piecework.request(Part::Rest, Replace::Never);
    let names = FileNames::chunks(&work.plan().crossing.name);
    let sink = piecework.store.hold(&names, &work.bundle(), request.replace)?;
    let hand = Hand::Key(signer);
    let only = Only::of(&request.part, &prepared.blueprint);
    let sealer = Sealer::new(&prepared.blueprint, sink.as_ref(), hand, &[], only, environment);
    take_pieces(piecework, &sealer, hand, sealing)?;
    let report =
        finish(&request, &prepared, &sealer, hand).map_err(|error| or_interrupted(error, environment))?;
    // A piece may have been packed in both ways.
    let unsigned = FileNames::unsigned(&work.plan().crossing.name);
    for (number, _) in prepared.blueprint.data_chunks() {
        sink.discard(number, &unsigned)?;
    }
    Ok(report)
}

/// Notes the chunks of all pieces, and signs those that are not signed.
fn take_pieces(
    piecework: &Piecework<'_>,
    sealer: &Sealer<'_>,
    hand: Hand<'_>,
    sealing: Sealing,
) -> Result<(), PackError> {
    let work = piecework.work;
    let unsigned = FileNames::unsigned(&work.plan().crossing.name);
    let mut absent = BTreeSet::new();
    let mut found: Vec<(u32, Arc<dyn ChunkFile>, Head)> = Vec::new();
    for (number, _) in sealer.blueprint.data_chunks() {
        if sealer.environment.workers.interrupted() {
            return Err(PackError::Interrupted);
        }
        let mut file = sealer.sink.finished(number)?;
        if file.is_none()
            && sealer.sink.adopt(number, &unsigned, &|file| front(sealer, hand, number, file))?
        {
            file = sealer.sink.finished(number)?;
        }
        let Some(file) = file else {
            absent.insert(number);
            continue;
        };
        let exists = || MediumError::Exists { path: file.name().to_owned() };
        let head = arrival::read_head(file.as_ref()).map_err(|_| exists())?;
        let is_whole = file.bytes() == sealer.blueprint.file_bytes(number)
            && resume::is_ours(work.expires().map(super::Expiry::At), sealer, hand, number, &head)
            && has_shape(sealer, number, file.as_ref(), &head);
        if !is_whole {
            return Err(exists().into());
        }
        found.push((number, file, head));
    }
    if !absent.is_empty() {
        let pieces = (0..).zip(work.pieces()?).filter(|(_, (chunks, _))| !chunks.is_disjoint(&absent));
        return Err(PackError::PiecesMissing {
            pieces: pieces.map(|(piece, _)| piece).collect(),
            chunks: absent.len(),
        });
    }
    if sealing == Sealing::OfEverything {
        resume::check_content(sealer, &found)?;
    }
    for (number, _, head) in &found {
        sealer.note(*number, head);
    }
    Ok(())
}

/// Whether a chunk has the sums of its statement, and the entries of the plan. Of a file in which each read takes long, only the
/// sums are read.
fn has_shape(sealer: &Sealer<'_>, number: u32, file: &dyn ChunkFile, head: &Head) -> bool {
    if !file.waits() {
        return arrival::read_body(file, head).is_ok();
    }
    let Ok(reader) = file.open() else { return false };
    let read_at = &mut |buffer: &mut [u8], offset: u64| reader.read_exact_at(buffer, offset);
    matches!(Body::planned(head, &sealer.blueprint.chunk(number).shape, read_at), Ok(Some(_)))
}

/// Returns the signed head for a chunk that is not signed. What its sums say must fit the shape of the chunk.
fn front(sealer: &Sealer<'_>, hand: Hand<'_>, number: u32, file: &dyn ChunkFile) -> io::Result<Vec<u8>> {
    let blueprint = sealer.blueprint;
    let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    if file.bytes() != blueprint.file_bytes(number) {
        let expected = blueprint.file_bytes(number);
        return Err(wrong(format!("expected {expected} bytes, found {}", file.bytes())));
    }
    let names = blueprint.chunk(number).shape.items().iter().map(|item| item.name);
    let names: Vec<EntryName> = names.collect();
    let (reader, sealed_at) = (file.open()?, blueprint.sealed_at(number));
    let mut sums = vec![0; usize::try_from(Sums::bytes(&names)).expect("sums are bounded")];
    reader.read_exact_at(&mut sums, sealed_at + BLOCK)?;
    let mut pair = SumPair::from(Sum::of(&sums));
    match Sums::parse(&sums) {
        Ok(parsed) if parsed.entries().iter().map(|(name, _)| *name).eq(names.iter().copied()) => {
            let shape = &blueprint.chunk(number).shape;
            let list = shape.items().iter().zip(shape.offsets()).zip(parsed.entries()).next();
            if let Some(((item, offset), (EntryName::Sums384, sum))) = list {
                let mut list = vec![0; usize::try_from(item.bytes).expect("sums are bounded")];
                reader.read_exact_at(&mut list, sealed_at + offset)?;
                if Sum::of(&list) != *sum {
                    return Err(wrong("its list of SHA-384 has another sum".to_owned()));
                }
                pair.sha384 = Some(Sum384::of(&list));
            }
        }
        Ok(_) => return Err(wrong("its sums are of other entries than the plan says".to_owned())),
        Err(error) => return Err(wrong(error.to_string())),
    }
    let statement = blueprint.statement(number, pair);
    let statement_bytes = statement.render();
    let signatures =
        hand.signatures(&statement_bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Head { statement, statement_bytes, signatures }.render())
}

impl Piecework<'_> {
    /// The request to write a part of the plan.
    fn request(&self, part: Part, replace: Replace) -> PackRequest<'_> {
        let plan = self.work.plan();
        let wanted = |source: &Arc<dyn ArtifactSource>| Wanted {
            source: Arc::clone(source),
            selection: Selection::Every,
            rename: None,
        };
        PackRequest {
            sources: self.sources.iter().map(wanted).collect(),
            crossing: plan.crossing.clone(),
            numbers: None,
            store: self.store,
            chunk_size: plan.chunk_bytes.to_string().parse().unwrap_or_default(),
            splitting: Splitting::Allowed,
            nondistributable: plan.nondistributable,
            referrers: plan.referrers_carriage,
            platforms: plan.platforms.clone(),
            created: self.work.created(),
            expires: self.work.expires().map(super::Expiry::At),
            replace,
            on_failure: OnFailure::Stop,
            bases: Bases::default(),
            origins: plan.origins.clone(),
            file_sums: Vec::new(),
            volumes: None,
            profile: plan.profile,
            part,
        }
    }
}
