//! Unpacking: a released bundle becomes a layout or an archive, blob by blob, each hashed as it is
//! written and kept only if it is what its digest says.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{Bundle, ReleasedBundle};
use crate::artifacts::{ArtifactError, ArtifactSink, BlobWriter};
use crate::diagnosis::{Diagnose, Failure};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::plan::PlannedBlob;
use crate::format::statement::Crossing;
use crate::observe::{Event, Observer};
use crate::oci::digest::BlobMismatch;
use crate::oci::{Descriptor, Digest, VerifiedBlob};
use crate::pack::{ArtifactReport, OmissionReport};
use crate::stream::hash::Stream;
use crate::stream::pump::{Flow, pump};
use crate::stream::segments::{Segment, Segments};
use crate::verify::{BundleReport, BundleVerdict, ChunkVerdict, Damage, SignerReport};

/// Why a bundle is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Chunks are not there.
    #[error("bundle {name} ({bundle}) is incomplete: chunk(s) {} of 0 to {last} are missing", list(missing))]
    Incomplete {
        /// The bundle's name.
        name: String,
        /// Its id.
        bundle: Sum,
        /// What is missing.
        missing: Vec<u32>,
        /// The highest number.
        last: u32,
    },
    /// It is not signed, or not released, by those who must.
    #[error("bundle {name} ({bundle}) is not trusted: {problem}")]
    Untrusted {
        /// The bundle's name, as it says.
        name: String,
        /// Its id.
        bundle: Sum,
        /// Who is missing, or what is wrong.
        problem: String,
    },
    /// Its control chunk is missing or damaged.
    #[error("bundle {name} ({bundle}) cannot be read: {problem}")]
    NoControl {
        /// The bundle's name, as it says.
        name: String,
        /// Its id.
        bundle: Sum,
        /// What is wrong.
        problem: String,
    },
    /// A blob is not what its digest says.
    #[error("{file}: {mismatch}")]
    Damaged {
        /// The chunk file or files it is in, escaped.
        file: String,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// A chunk file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file, escaped.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The target failed.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Diagnose for UnpackError {
    fn code(&self) -> &'static str {
        match self {
            UnpackError::Incomplete { .. } => "bundle-incomplete",
            UnpackError::Untrusted { .. } => "bundle-untrusted",
            UnpackError::NoControl { .. } => "control-chunk-missing",
            UnpackError::Damaged { .. } => "blob-mismatch",
            UnpackError::Unreadable { .. } => "chunk-unreadable",
            UnpackError::Artifact(error) => error.code(),
            UnpackError::System(_) => "system",
            UnpackError::Interrupted => "interrupted",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            UnpackError::Untrusted { .. } => Failure::Untrusted,
            UnpackError::Incomplete { .. } | UnpackError::NoControl { .. } | UnpackError::Damaged { .. } => {
                Failure::Damaged
            }
            UnpackError::Artifact(error) => error.failure(),
            UnpackError::Unreadable { .. } | UnpackError::System(_) => Failure::Failed,
            UnpackError::Interrupted => Failure::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            UnpackError::Incomplete { .. } => {
                "name all files of the bundle; `carnet missing` says what to send again"
            }
            UnpackError::Untrusted { .. } => {
                "run `carnet verify` for all the reasons; a releaser adds a signature with `carnet sign`"
            }
            UnpackError::NoControl { .. } => "the control chunk is the file NAME_00000.tar: ask for it again",
            UnpackError::Damaged { .. } => {
                "run `carnet verify` for all that is damaged, and ask for those chunks again"
            }
            UnpackError::Artifact(error) => return error.hint(),
            UnpackError::Interrupted => "run the same command again; nothing half-written was left",
            UnpackError::Unreadable { .. } | UnpackError::System(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// What unpacking says when it is done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnpackReport {
    /// The bundle's id.
    pub bundle: Sum,
    /// Name, stream, sequence and label.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Where everything went.
    pub to: String,
    /// Who released it.
    pub released_by: Vec<SignerReport>,
    /// The artifacts that are there now.
    pub artifacts: Vec<ArtifactReport>,
    /// How many referrers came with them.
    pub referrers: usize,
    /// Blobs that were written.
    pub blobs_written: u64,
    /// Their size in bytes.
    pub bytes_written: u64,
    /// Blobs that were there already.
    pub blobs_present: u64,
    /// What the bundle does not carry although it is reachable.
    pub omitted: Vec<OmissionReport>,
}

/// Why a bundle that is not released cannot be used, for the operator.
pub fn refusal(bundle: &Bundle) -> UnpackError {
    let report = BundleReport::new(bundle, &Damage::new());
    let untrusted = report.files.iter().find(|file| file.verdict == ChunkVerdict::Untrusted);
    let problem = match (&report.release, untrusted) {
        _ if report.verdict == BundleVerdict::Forked => {
            "two different control chunks were validly signed".to_owned()
        }
        (Some(release), _) if matches!(bundle.release, Some(Err(_))) => {
            let refused: Vec<String> = release.refused.iter().map(|why| format!("; {why}")).collect();
            format!("{} of {} release signature(s){}", release.by.len(), release.threshold, refused.concat())
        }
        (_, Some(file)) => format!("{}: {}", file.file, file.problems.join("; ")),
        _ => {
            let problem = report.control_problem.unwrap_or_else(|| "its control chunk is damaged".to_owned());
            let name = report.crossing.name.to_string();
            return UnpackError::NoControl { name, bundle: bundle.id, problem };
        }
    };
    UnpackError::Untrusted { name: report.crossing.name.to_string(), bundle: bundle.id, problem }
}

/// Refuses a bundle of which chunks are missing that unpacking needs.
///
/// # Errors
/// [`UnpackError::Incomplete`] naming them.
pub fn check_complete(bundle: &ReleasedBundle<'_>) -> Result<(), UnpackError> {
    let missing = missing_chunks(bundle);
    if missing.is_empty() {
        return Ok(());
    }
    let plan = &bundle.contents().plan;
    let name = plan.crossing.name.to_string();
    Err(UnpackError::Incomplete { name, bundle: plan.bundle_id(), missing, last: plan.last })
}

/// The chunks that unpacking needs and that are not there.
fn missing_chunks(bundle: &ReleasedBundle<'_>) -> Vec<u32> {
    let contents = bundle.contents();
    let chunks: BTreeSet<u32> =
        contents.plan.blobs.iter().flat_map(|blob| blob.pieces.iter().map(|piece| piece.chunk)).collect();
    chunks.into_iter().filter(|&number| bundle.file(number).is_none()).collect()
}

/// Unpacks a released bundle into `sink`.
///
/// # Errors
/// [`UnpackError`]. Nothing that was not proven is kept, and no artifact becomes visible.
pub fn unpack(
    bundle: &ReleasedBundle<'_>,
    sink: Box<dyn ArtifactSink>,
    environment: &Environment<'_>,
) -> Result<UnpackReport, UnpackError> {
    let plan = &bundle.contents().plan;
    check_complete(bundle)?;
    sink.check_names(&plan.index_entries())?;
    let mut waiting = Vec::new();
    for blob in &plan.blobs {
        if !sink.contains(&descriptor(blob))? {
            waiting.push(blob);
        }
    }
    waiting.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
    move_all(bundle, sink.as_ref(), &waiting, environment)?;
    let to = sink.name().to_owned();
    sink.finish(&plan.index_entries())?;
    Ok(UnpackReport {
        bundle: plan.bundle_id(),
        crossing: plan.crossing.clone(),
        to,
        released_by: SignerReport::all(bundle.release().releasers()),
        artifacts: plan
            .artifacts
            .iter()
            .map(|artifact| ArtifactReport {
                name: artifact.name.clone(),
                digest: artifact.digest,
                media_type: artifact.media_type.clone(),
            })
            .collect(),
        referrers: plan.referrers.len(),
        blobs_written: waiting.len() as u64,
        bytes_written: waiting.iter().map(|blob| blob.size).sum(),
        blobs_present: (plan.blobs.len() - waiting.len()) as u64,
        omitted: OmissionReport::all(plan),
    })
}

fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}

fn move_all(
    bundle: &ReleasedBundle<'_>,
    sink: &dyn ArtifactSink,
    waiting: &[&PlannedBlob],
    environment: &Environment<'_>,
) -> Result<(), UnpackError> {
    let bytes = waiting.iter().map(|blob| blob.size).sum();
    environment.observer.on(Event::Started { verb: "unpack", bytes });
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<UnpackError>> = Mutex::new(None);
    let pumped = pump(
        environment.workers,
        &|| {
            let blob = *waiting.get(next.fetch_add(1, Ordering::Relaxed))?;
            Some(Unloading::begin(bundle, sink, blob, environment.observer))
        },
        &|outcome| match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed.lock().expect("no thread panicked").get_or_insert(error);
                ControlFlow::Break(())
            }
        },
    );
    environment.observer.on(Event::Ended);
    if let Some(error) = failed.into_inner().expect("no thread panicked") {
        return Err(error);
    }
    pumped.map_err(UnpackError::System)?;
    if environment.workers.interrupted() { Err(UnpackError::Interrupted) } else { Ok(()) }
}

/// A blob on its way out of the chunks.
struct Unloading<'a> {
    digest: Digest,
    size: u64,
    /// The files it is in, for messages.
    files: String,
    segments: Segments,
    stream: [Stream; 1],
    writer: Box<dyn BlobWriter + 'a>,
    observer: &'a dyn Observer,
}

impl<'a> Unloading<'a> {
    fn begin(
        bundle: &ReleasedBundle<'_>,
        sink: &'a dyn ArtifactSink,
        blob: &PlannedBlob,
        observer: &'a dyn Observer,
    ) -> Result<Unloading<'a>, UnpackError> {
        let pieces = bundle.segments(blob).expect("no chunk is missing, and their entries are the plan's");
        let segments: Vec<Segment> = pieces.into_iter().map(|(segment, _)| segment).collect();
        let files: Vec<&str> = segments.iter().map(|segment| segment.file.name()).collect();
        Ok(Unloading {
            digest: blob.digest,
            size: blob.size,
            files: files.join(", "),
            segments: Segments::new(segments.clone()),
            stream: [Stream::new(blob.digest.algorithm().into())],
            writer: sink.begin(&descriptor(blob))?,
            observer,
        })
    }
}

impl Flow for Unloading<'_> {
    type Done = ();
    type Error = UnpackError;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        self.segments.fill(buffer).map_err(|(file, source)| UnpackError::Unreadable { file, source })
    }

    fn streams(&mut self) -> &mut [Stream] {
        &mut self.stream
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), UnpackError> {
        self.writer.write(block)?;
        self.observer.on(Event::Moved { bytes: block.len() as u64 });
        Ok(())
    }

    fn finish(self) -> Result<(), UnpackError> {
        let [stream] = self.stream;
        let bytes = stream.bytes();
        let found = stream.finish().digest().expect("a blob's digest is no MD5");
        let proof = VerifiedBlob::prove(self.digest, self.size, found, bytes)
            .map_err(|mismatch| UnpackError::Damaged { file: self.files, mismatch })?;
        Ok(self.writer.commit(proof)?)
    }
}
