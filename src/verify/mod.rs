//! Verifying: a verdict on every file and on the bundle. Read only, and the same on both sides.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::arrival::{Bundle, Gate, NotAChunk, Opened, segments, sort};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::body::BodyEntry;
use crate::format::plan::PlannedBlob;
use crate::medium::{MediumError, collect};
use crate::observe::{Event, Monitor, Phase};
use crate::oci::Algorithm;
use crate::stream::digesting::{Digesting, Unreadable};
use crate::stream::hash::{Function, Output, lanes};
use crate::stream::pump::pump;
use crate::stream::segments::Segment;
use crate::trust::TrustPolicy;

pub use report::{BundleReport, BundleVerdict, ChunkVerdict, FileReport, ReleaseReport, VerifyReport};

/// What is to be verified, and by whom it must be signed.
pub struct VerifyRequest<'a> {
    /// Files and folders, in any mixture.
    pub paths: &'a [PathBuf],
    /// Who is trusted; `None` looks at integrity only, and nothing is called verified.
    pub policy: Option<&'a TrustPolicy>,
}

/// Why no verdict was reached.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The files cannot be looked at.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// No chunk is among them.
    #[error("no chunk is among the {files} file(s) named{}", first.as_ref().map(|why| format!("; {why}")).unwrap_or_default())]
    NoChunk {
        /// How many files were looked at.
        files: usize,
        /// Why the first of them is none.
        first: Option<String>,
    },
    /// More bundles than anyone sends at once, and nobody to say which of them count.
    #[error(
        "{found} bundles arrived, and without a trust file at most {UNVERIFIED_BUNDLES_MAX} are looked at"
    )]
    TooManyBundles {
        /// How many.
        found: usize,
    },
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl Diagnose for VerifyError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            VerifyError::Medium(error) => return error.diagnosis(),
            VerifyError::NoChunk { .. } => Code::NoChunk,
            VerifyError::TooManyBundles { .. } => Code::TooManyBundles,
            VerifyError::System(_) => Code::System,
            VerifyError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

/// How many bundles are looked at where nobody is trusted: each may claim many chunks.
const UNVERIFIED_BUNDLES_MAX: usize = 256;

/// Opens every bundle among `paths`; what is no chunk is named apart.
///
/// # Errors
/// [`VerifyError::NoChunk`] if there is none.
pub fn open(
    request: &VerifyRequest<'_>,
    environment: &Environment<'_>,
) -> Result<(Vec<Bundle>, Vec<NotAChunk>), VerifyError> {
    let files = collect(request.paths)?;
    let looked_at = files.len();
    let (lots, others) = sort(files);
    if lots.is_empty() {
        let first = others.first().map(|other| format!("{}: {}", other.file.name(), other.error));
        return Err(VerifyError::NoChunk { files: looked_at, first });
    }
    if request.policy.is_none() && lots.len() > UNVERIFIED_BUNDLES_MAX {
        return Err(VerifyError::TooManyBundles { found: lots.len() });
    }
    let gate = match request.policy {
        Some(policy) => Gate::Policy(policy, environment.clock.now()),
        None => Gate::Unverified,
    };
    let bundles = lots.into_iter().map(|(id, lot)| Bundle::open(id, lot, gate)).collect();
    Ok((bundles, others))
}

/// Verifies every bundle among the paths.
///
/// # Errors
/// [`VerifyError`] only where no verdict was reached; a forged or damaged chunk is a verdict.
pub fn verify(
    request: &VerifyRequest<'_>,
    environment: &Environment<'_>,
) -> Result<VerifyReport, VerifyError> {
    let (bundles, others) = open(request, environment)?;
    let checks: Vec<Check<'_>> =
        bundles.iter().enumerate().flat_map(|(at, bundle)| checks(at, bundle)).collect();
    let damage = hash_all(&checks, bundles.len(), environment)?;
    let reports =
        bundles.iter().zip(damage).map(|(bundle, damage)| BundleReport::new(bundle, &damage)).collect();
    Ok(VerifyReport::new(reports, &others, request.policy.is_some()))
}

/// What is wrong with the payload of a bundle's files, by the place of the file in the bundle.
pub type Damage = BTreeMap<usize, Vec<String>>;

/// Something to be hashed.
enum Check<'a> {
    /// A blob all of whose pieces are there: its digest holds them all.
    Whole { bundle: usize, files: Vec<usize>, blob: &'a PlannedBlob, pieces: Vec<(Segment, Sum)> },
    /// One entry against its sum.
    Entry { bundle: usize, file: usize, entry: BodyEntry, segment: Segment },
}

impl Check<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Check::Whole { blob, .. } => blob.size,
            Check::Entry { entry, .. } => entry.bytes,
        }
    }

    fn functions(&self) -> Vec<Function> {
        match self {
            // A whole blob named by SHA-512 has a sum of its own besides.
            Check::Whole { blob, .. }
                if blob.digest.algorithm() == Algorithm::Sha512 && blob.pieces.len() == 1 =>
            {
                vec![Function::Sha512, Function::Sha256]
            }
            Check::Whole { blob, .. } => vec![blob.digest.algorithm().into()],
            Check::Entry { .. } => vec![Function::Sha256],
        }
    }

    fn segments(&self) -> Vec<Segment> {
        match self {
            Check::Whole { pieces, .. } => pieces.iter().map(|(segment, _)| segment.clone()).collect(),
            Check::Entry { segment, .. } => vec![segment.clone()],
        }
    }
}

/// Everything in a bundle that must be hashed, each byte once.
fn checks(at: usize, bundle: &Bundle) -> Vec<Check<'_>> {
    let mut checks = Vec::new();
    // Files by number; of several the first carries the blobs, the others are hashed entry by entry.
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    for (place, opened) in bundle.files.iter().enumerate().filter(|(_, opened)| opened.body().is_some()) {
        places.entry(opened.statement.number).or_insert(place);
    }
    let file = |number: u32| places.get(&number).map(|&place| &bundle.files[place]);
    let mut covered: BTreeSet<(usize, u64)> = BTreeSet::new();
    for blob in bundle.contents().map_or(&[][..], |contents| &contents.plan.blobs) {
        if let Some(pieces) = segments(blob, &file) {
            let files: Vec<usize> = blob.pieces.iter().map(|piece| places[&piece.chunk]).collect();
            covered.extend(files.iter().zip(&pieces).map(|(&file, (segment, _))| (file, segment.offset)));
            checks.push(Check::Whole { bundle: at, files, blob, pieces });
        }
    }
    for (place, opened) in bundle.files.iter().enumerate() {
        for entry in opened.body().map_or(&[][..], |body| &body.entries) {
            // Two empty entries cannot share an offset: each has a header before it.
            if !covered.contains(&(place, entry.offset)) {
                let segment = opened.segment(entry);
                checks.push(Check::Entry { bundle: at, file: place, entry: *entry, segment });
            }
        }
    }
    checks
}

/// Hashes everything, the largest first, and says what is damaged in each bundle.
fn hash_all(
    checks: &[Check<'_>],
    bundles: usize,
    environment: &Environment<'_>,
) -> Result<Vec<Damage>, VerifyError> {
    let damage: Mutex<Vec<Damage>> = Mutex::new(vec![Damage::new(); bundles]);
    let report = |bundle: usize, file: usize, text: String| {
        damage.lock().expect("no thread panicked")[bundle].entry(file).or_default().push(text);
    };
    let mut order: Vec<usize> = (0..checks.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(checks[at].bytes()));
    let lengths: Vec<u64> = order.iter().map(|&at| checks[at].bytes()).collect();
    let bytes = lengths.iter().sum();
    environment.monitor.tell(Event::Started { phase: Phase::Verify, bytes });
    let next = AtomicUsize::new(0);
    let suspects: Mutex<Vec<usize>> = Mutex::default();
    let pumped = pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let at = *order.get(next.fetch_add(1, Ordering::Relaxed))?;
            let check = &checks[at];
            Some(Ok(Digesting::new(at, check.segments(), &check.functions(), environment.monitor)))
        },
        &|outcome: Result<(usize, Vec<Output>), Unreadable<usize>>| {
            match outcome {
                Ok((at, outputs)) => judge(&checks[at], &outputs, &report, &|| {
                    suspects.lock().expect("no thread panicked").push(at);
                }),
                Err(Unreadable { key, file, source }) => {
                    let (bundle, files) = match &checks[key] {
                        Check::Whole { bundle, files, .. } => (*bundle, files.clone()),
                        Check::Entry { bundle, file, .. } => (*bundle, vec![*file]),
                    };
                    for place in files {
                        report(bundle, place, format!("cannot be read: {file}: {source}"));
                    }
                }
            }
            ControlFlow::Continue(())
        },
    );
    environment.monitor.tell(Event::Ended);
    pumped.map_err(VerifyError::System)?;
    if environment.workers.interrupted() {
        return Err(VerifyError::Interrupted);
    }
    for at in suspects.into_inner().expect("no thread panicked") {
        locate(&checks[at], environment, &report)?;
    }
    Ok(damage.into_inner().expect("no thread panicked"))
}

/// Compares what was hashed with what it must be. A blob in slices that is not its digest is a suspect:
/// which slice is damaged, only their sums tell.
fn judge(check: &Check<'_>, outputs: &[Output], report: &dyn Fn(usize, usize, String), suspect: &dyn Fn()) {
    match check {
        Check::Entry { bundle, file, entry, .. } => {
            if outputs[0].sum() != Some(entry.sum) {
                report(
                    *bundle,
                    *file,
                    format!("entry {}: expected {}, found {}", entry.name, entry.sum, outputs[0].hex()),
                );
            }
        }
        Check::Whole { bundle, files, blob, pieces } => {
            let sum_holds = outputs.get(1).is_none_or(|output| output.sum() == Some(pieces[0].1));
            if outputs[0].digest() == Some(blob.digest) && sum_holds {
                return;
            }
            if let [file] = files.as_slice() {
                let found = outputs[0].hex();
                report(
                    *bundle,
                    *file,
                    format!("blob {}: expected {}, found {found}", blob.digest, blob.digest.hex()),
                );
            } else {
                suspect();
            }
        }
    }
}

/// Finds the damaged slices of a blob; if none is, the packer cut something else than the blob.
fn locate(
    check: &Check<'_>,
    environment: &Environment<'_>,
    report: &(dyn Fn(usize, usize, String) + Sync),
) -> Result<(), VerifyError> {
    let Check::Whole { bundle, files, blob, pieces } = check else { return Ok(()) };
    let lengths: Vec<u64> = pieces.iter().map(|(segment, _)| segment.bytes).collect();
    let damaged = Mutex::new(0_usize);
    let next = AtomicUsize::new(0);
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let segment = pieces.get(at)?.0.clone();
            Some(Ok(Digesting::new(at, vec![segment], &[Function::Sha256], Monitor::silent())))
        },
        &|outcome: Result<(usize, Vec<Output>), Unreadable<usize>>| {
            let (at, found) = match &outcome {
                Ok((at, outputs)) => (*at, outputs[0].hex()),
                Err(unreadable) => (unreadable.key, unreadable.source.to_string()),
            };
            let expected = pieces[at].1.to_string();
            if found != expected {
                *damaged.lock().expect("no thread panicked") += 1;
                report(
                    *bundle,
                    files[at],
                    format!("slice {} of blob {}: expected {expected}, found {found}", at + 1, blob.digest),
                );
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(VerifyError::System)?;
    if environment.workers.interrupted() {
        return Err(VerifyError::Interrupted);
    }
    if damaged.into_inner().expect("no thread panicked") == 0 {
        for &file in files {
            report(
                *bundle,
                file,
                format!("blob {} is not what its slices make up: the packer cut something else", blob.digest),
            );
        }
    }
    Ok(())
}

/// The files of one number that are good and undamaged.
pub(crate) fn is_intact(opened: &Opened, damage: Option<&Vec<String>>) -> bool {
    opened.body().is_some() && damage.is_none()
}
