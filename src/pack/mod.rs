//! Packing: artifacts become a signed bundle of chunks no larger than the limit.
//!
//! ```text
//! references ─ gather → closure ─ place → plan (every byte has its place) ─ load → seal → control chunk
//! ```
//!
//! Each byte is read once, hashed once and written once, straight to its place; nothing is staged. An
//! interrupted run leaves finished chunks, and from a registry a hidden folder with unfinished ones; the next run
//! keeps what is whole of both.

mod error;
mod file_sums;
mod gather;
mod load;
mod moving;
mod place;
mod probe;
mod report;
mod resume;
mod seal;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::artifacts::{ArtifactSource, Selection};
use crate::environment::Environment;
use crate::format::annex::{Annex, AnnexChunk, AnnexDocument};
use crate::format::chunk_size::ChunkSize;
use crate::format::chunk_table::{ChunkLine, ChunkTable};
use crate::format::entry::{Document, EntryName};
use crate::format::error::FormatError;
use crate::format::limits::INDEX_BYTES_MAX;
use crate::format::plan::{Carriage, Plan};
use crate::format::recover::RECOVER;
use crate::format::statement::{Class, Crossing};
use crate::format::{Sum, Timestamp};
use crate::medium::{Folder, MediumError, Replace};
use crate::observe::Event;
use crate::oci::write::OCI_LAYOUT;
use crate::oci::{Digest, Platform, RefName};
use crate::stream::hash::Function;
use crate::trust::Signer;

use gather::{Cargo, gather};
use moving::load_all;
use place::{Layout, place};
use seal::Sealing;

use error::registry_error;

pub use error::PackError;
pub use report::{ArtifactFailure, ChunkReport, Outcome, PackReport};

/// A source and what of it is wanted.
pub struct Wanted {
    /// Where the artifacts are.
    pub source: Arc<dyn ArtifactSource>,
    /// Which of them.
    pub selection: Selection,
    /// The name that the one artifact gets.
    pub rename: Option<RefName>,
}

/// When the chunks of a bundle expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// At this time.
    At(Timestamp),
    /// This long after they were sealed.
    After {
        /// In seconds.
        seconds: u64,
    },
}

/// Whether blobs larger than a chunk are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitting {
    /// They are.
    Allowed,
    /// They are an error.
    Forbidden,
}

/// What an artifact that cannot be had means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing is packed.
    Stop,
    /// The others are packed, and the report names the failure.
    Continue,
}

/// What is to be packed, and how.
pub struct PackRequest<'a> {
    /// Where the artifacts come from.
    pub sources: Vec<Wanted>,
    /// Name, stream, sequence and label of the bundle.
    pub crossing: Crossing,
    /// The folder of the chunk files; made if it is not there.
    pub folder: &'a Path,
    /// No file is larger.
    pub chunk_size: ChunkSize,
    /// Whether larger blobs are cut.
    pub splitting: Splitting,
    /// Whether non-distributable layers travel.
    pub nondistributable: Carriage,
    /// Whether referrers travel.
    pub referrers: Carriage,
    /// The platforms that indexes are narrowed to; empty for all.
    pub platforms: Vec<Platform>,
    /// When the chunks are sealed, as their statements say.
    pub created: Timestamp,
    /// When they expire.
    pub expires: Option<Expiry>,
    /// Whether chunk files in the way are replaced.
    pub replace: Replace,
    /// What a failing artifact means for the others.
    pub on_failure: OnFailure,
    /// Sums of the whole chunk files that the report should have.
    pub file_sums: Vec<Function>,
}

/// Says what [`pack`] would do; writes nothing and reads manifests only.
pub fn plan(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let cargo = gather(request, &[]).map_err(|error| or_interrupted(error, environment))?;
    let layout = lay_out(request, &cargo)?;
    let nowhere = Nowhere;
    let sealing = Sealing::new(request, &cargo, &layout, signer, &nowhere, environment);
    Ok(PackReport::new(request, &sealing, &cargo, Outcome::Planned))
}

/// Packs a bundle.
///
/// The control chunk is written last, so a bundle that has one is complete. Running again after any
/// failure is safe, keeps every chunk that is finished, and changes nothing if all are.
///
/// # Errors
/// [`PackError`]. Chunks that were finished stay; of a registry's blobs also those that came whole, in a hidden
/// folder. No other file does.
pub fn pack(
    request: &PackRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, PackError> {
    let mut excluded = Vec::new();
    loop {
        let cargo = gather(request, &excluded).map_err(|error| or_interrupted(error, environment))?;
        let layout = lay_out(request, &cargo)?;
        match pack_cargo(request, &cargo, &layout, signer, environment) {
            // No blob is to blame then, and what is finished stays.
            Err((error, _)) if environment.workers.interrupted() => {
                return Err(or_interrupted(error, environment));
            }
            // A blob that proves unreadable takes its artifacts with it; the others get a plan of their own.
            Err((error, withdraw)) if request.on_failure == OnFailure::Continue => match damaged_blob(&error)
            {
                Some(digest) if !excluded.contains(&digest) => {
                    environment.monitor.tell(Event::Note { text: error.to_string() });
                    withdraw_chunks(request, &withdraw)?;
                    excluded.push(digest);
                }
                // An earlier run may have gone on without artifacts that this one has not found damaged yet:
                // the chunks in the way are then those of the plan without them.
                None if matches!(error, PackError::Medium(MediumError::Exists { .. }))
                    && excluded.is_empty() =>
                {
                    excluded = probe::damaged(request, &cargo, environment)?;
                    if excluded.is_empty() {
                        return Err(error);
                    }
                }
                _ => return Err(error),
            },
            Err((error, _)) => return Err(error),
            Ok(report) => return Ok(report),
        }
    }
}

/// Whatever breaks after a signal breaks because of it: connections are ended then.
fn or_interrupted(error: PackError, environment: &Environment<'_>) -> PackError {
    if environment.workers.interrupted() { PackError::Interrupted } else { error }
}

fn damaged_blob(error: &PackError) -> Option<Digest> {
    match error {
        PackError::Damaged { mismatch, .. } => Some(mismatch.expected),
        PackError::Unreadable { digest, source, .. } => match registry_error(source) {
            // The registry as a whole is in trouble: leaving out one blob after the other helps nobody.
            Some(error) if !error.is_of_one_blob() => None,
            _ => Some(*digest),
        },
        PackError::Size { digest, .. } => Some(*digest),
        _ => None,
    }
}

/// Removes chunks that this run finished for a plan that is given up.
fn withdraw_chunks(request: &PackRequest<'_>, numbers: &[u32]) -> Result<(), PackError> {
    let folder = Folder::open(request.folder, &request.crossing.name, request.replace)?;
    numbers.iter().try_for_each(|&number| folder.withdraw(number))?;
    Ok(())
}

fn lay_out(request: &PackRequest<'_>, cargo: &Cargo) -> Result<Layout, PackError> {
    let plan = cargo.plan(request);
    let layout = place(plan)?;
    if request.splitting == Splitting::Forbidden {
        refuse_slices(&layout)?;
    }
    // What no reader would take is not written.
    Plan::parse(&layout.plan.render())?;
    let index_bytes = layout.plan.index_json().len() as u64;
    if index_bytes > INDEX_BYTES_MAX {
        let (expected, found) = (format!("at most {INDEX_BYTES_MAX} bytes"), index_bytes.to_string());
        return Err(FormatError { what: "index.json", line: 0, expected, found }.into());
    }
    Ok(layout)
}

/// Refuses a layout that cuts blobs, naming them.
fn refuse_slices(layout: &Layout) -> Result<(), PackError> {
    let cut = layout.plan.blobs.iter().filter(|blob| blob.pieces.len() > 1);
    let blobs: Vec<(Digest, u64)> = cut.map(|blob| (blob.digest, blob.size)).collect();
    if blobs.is_empty() {
        return Ok(());
    }
    Err(PackError::TooLarge { chunk_bytes: layout.plan.chunk_bytes, blobs })
}

/// The error, and the chunks that this run had made visible.
type Undone = (PackError, Vec<u32>);

fn pack_cargo(
    request: &PackRequest<'_>,
    cargo: &Cargo,
    layout: &Layout,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, Undone> {
    let nothing_made = |error: PackError| (error, Vec::new());
    let folder = Folder::open(request.folder, &request.crossing.name, request.replace)
        .map_err(|error| nothing_made(error.into()))?;
    let sealing = Sealing::new(request, cargo, layout, signer, &folder, environment);
    let kept =
        resume::keep_finished(request, &sealing, &folder, signer, environment).map_err(nothing_made)?;
    if kept.complete {
        sealing.sum_rest().map_err(nothing_made)?;
        folder.clear().map_err(|error| nothing_made(error.into()))?;
        return Ok(PackReport::new(request, &sealing, cargo, Outcome::Unchanged));
    }
    let waits = request.sources.iter().any(|wanted| wanted.source.waits());
    let resumed = if waits {
        resume::keep_blobs(&sealing, &folder, environment)
    } else {
        folder.clear().map_err(PackError::from)
    };
    resumed.map_err(nothing_made)?;
    folder.reserve(sealing.bytes_to_write()).map_err(|error| nothing_made(error.into()))?;
    let made = |error: PackError| {
        let made = (1..=layout.plan.last).filter(|number| {
            request.replace == Replace::Never
                && !kept.numbers.contains(number)
                && sealing.sums_of(*number).is_some()
        });
        (error, made.collect())
    };
    let packed = load_all(&sealing, environment)
        .and_then(|()| write_control(&sealing, environment))
        .and_then(|()| sealing.sum_rest());
    if let Err(error) = packed {
        // What came over a network is worth more than the room that it takes.
        folder.leave(waits && sealing.is_begun_well());
        return Err(made(error));
    }
    let last = layout.plan.last;
    let report = PackReport::new(request, &sealing, cargo, Outcome::Packed);
    drop(sealing);
    folder.publish(last).map_err(|error| nothing_made(error.into()))?;
    Ok(report)
}

/// Writes the annex, if there is one, and then the control chunk.
fn write_control(sealing: &Sealing<'_>, environment: &Environment<'_>) -> Result<(), PackError> {
    let Layout { plan, contents, shapes, annex, document_bytes } = sealing.layout;
    let lines = (1_u32..).zip(&contents[1..]).zip(&shapes[1..]).map(|((number, pieces), shape)| ChunkLine {
        number,
        class: plan.blobs[pieces[0].blob].class,
        bytes: shape.sealed_bytes(),
        sums: sealing.sums_of(number).expect("every data chunk is finished"),
    });
    let documents = [plan.render(), ChunkTable::new(lines.collect()).render(), plan.index_json()];
    debug_assert!(
        documents.iter().zip(document_bytes).all(|(bytes, planned)| bytes.len() as u64 == *planned)
    );
    let fixed =
        [(EntryName::OciLayout, OCI_LAYOUT.to_vec()), (EntryName::Recover, RECOVER.as_bytes().to_vec())];
    let mut entries: Vec<(EntryName, Vec<u8>)> = fixed.to_vec();
    if annex.is_empty() {
        let documents = Document::ALL.into_iter().zip(documents);
        entries.extend(documents.map(|(document, bytes)| (EntryName::Document(document), bytes)));
    } else {
        entries.push((EntryName::Annex, write_annex(sealing, &documents)?));
    }
    if environment.workers.interrupted() {
        return Err(PackError::Interrupted);
    }
    sealing.seal(0, &entries).map(drop)
}

/// Writes the annex chunks; gives `annex.txt`.
fn write_annex(sealing: &Sealing<'_>, documents: &[Vec<u8>; 3]) -> Result<Vec<u8>, PackError> {
    let first = u32::try_from(sealing.layout.contents.len()).expect("chunk numbers are bounded");
    let mut chunks = Vec::new();
    for (number, shape) in (first..).zip(&sealing.layout.annex) {
        let parts: Vec<(EntryName, Vec<u8>)> = shape
            .items()
            .iter()
            .map(|item| {
                let EntryName::AnnexPart(document, offset) = item.name else {
                    unreachable!("an annex chunk holds parts of documents")
                };
                let at = Document::ALL.iter().position(|known| *known == document).expect("ALL has all");
                let range = to_range(offset, item.bytes);
                (item.name, documents[at][range].to_vec())
            })
            .collect();
        let sums = sealing.seal(number, &parts)?;
        chunks.push(AnnexChunk { number, bytes: shape.sealed_bytes(), sums });
    }
    let line = |at: usize| AnnexDocument {
        document: Document::ALL[at],
        bytes: documents[at].len() as u64,
        sum: Sum::of(&documents[at]),
    };
    Ok(Annex { documents: [line(0), line(1), line(2)], chunks }.render())
}

fn to_range(offset: u64, bytes: u64) -> std::ops::Range<usize> {
    let start = usize::try_from(offset).expect("documents are bounded");
    start..start + usize::try_from(bytes).expect("documents are bounded")
}

/// The sink of a plan that is only looked at.
struct Nowhere;

impl crate::medium::ChunkSink for Nowhere {
    fn finished(&self, _: u32) -> Result<Option<Arc<dyn crate::medium::ChunkFile>>, MediumError> {
        Ok(None)
    }

    fn begin(&self, _: u32, _: u64) -> Result<(), MediumError> {
        unreachable!("a plan writes nothing")
    }

    fn open(&self, _: u32) -> Result<Box<dyn crate::medium::WriteAt>, MediumError> {
        unreachable!("a plan writes nothing")
    }

    fn commit(&self, _: u32) -> Result<(), MediumError> {
        unreachable!("a plan writes nothing")
    }

    fn sealed(&self, _: u32) -> Result<Arc<dyn crate::medium::ChunkFile>, MediumError> {
        unreachable!("a plan writes nothing")
    }

    fn file_name(&self, _: u32) -> String {
        String::new()
    }
}

/// What the plan holds of each class, in bytes and blobs.
fn by_class(layout: &Layout) -> BTreeMap<Class, (u64, u64)> {
    let mut classes = BTreeMap::new();
    for blob in &layout.plan.blobs {
        let (blobs, bytes) = classes.entry(blob.class).or_insert((0, 0));
        *blobs += 1;
        *bytes += blob.size;
    }
    classes
}
