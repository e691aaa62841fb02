//! Opens the bundles and hashes everything in them, each byte once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::damage::Damage;
use super::protection::protection;
use super::report::{BundleReport, BundleVerdict, VerifyReport};
use super::run::{Run, runs};
use super::volumes::Labels;
use crate::arrival::{
    Arrivals, Bundle, Contents, Finding, OpenError, OpenRequest, Opened, difference, open, segments,
};
use crate::environment::Environment;
use crate::format::SumPair;
use crate::format::body::BodyEntry;
use crate::format::entry::EntryName;
use crate::format::plan::PlannedBlob;
use crate::format::statement::{Class, Statement};
use crate::logbook::{Candidate, Memory, judge_all};
use crate::observe::{Monitor, Phase};
use crate::oci::{Algorithm, Digest};
use crate::stream::digesting::{DigestJob, Unreadable, digest_all};
use crate::stream::hash::{Function, Output};
use crate::stream::pump::Halted;
use crate::stream::segments::Segment;
use crate::trust::TrustPolicy;

/// Verifies every bundle among the files.
///
/// # Errors
/// [`OpenError`] only if no verdict can be reached. A forged or damaged chunk is not an error but a verdict.
pub fn verify(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<VerifyReport, OpenError> {
    verify_remembering(request, None, environment)
}

/// Verifies every bundle among the files, and judges those that are released by what is remembered of their streams. Several
/// bundles of a stream are judged as if each were accepted in the order of their numbers. Nothing is recorded.
///
/// # Errors
/// As [`verify`].
pub fn verify_remembering(
    request: &OpenRequest<'_>,
    remembered: Option<Remembered>,
    environment: &Environment<'_>,
) -> Result<VerifyReport, OpenError> {
    let arrivals = open(request, environment)?;
    let damage = hash_files(&arrivals.bundles, &|_, _| true, environment)?;
    judge(&arrivals, damage, request.policy, remembered, environment)
}

/// Hashes the files of bundles that `is_mine` selects, by the index of the bundle and the statement of the file. A blob is
/// hashed if the first file that holds a part of it is.
pub(super) fn hash_files(
    bundles: &[Bundle],
    is_mine: &dyn Fn(usize, &Statement) -> bool,
    environment: &Environment<'_>,
) -> Result<Vec<Damage>, Halted> {
    let of_bundle = |(at, bundle)| checks(at, bundle, &|statement| is_mine(at, statement));
    let checks: Vec<Check<'_>> = bundles.iter().enumerate().flat_map(of_bundle).collect();
    hash_all(&checks, bundles.len(), environment)
}

/// Reaches the verdicts, after all files were hashed.
pub(super) fn judge(
    arrivals: &Arrivals,
    damage: Vec<Damage>,
    policy: Option<&TrustPolicy>,
    remembered: Option<Remembered>,
    environment: &Environment<'_>,
) -> Result<VerifyReport, OpenError> {
    let Arrivals { bundles, others } = arrivals;
    let labels = Labels::read(others);
    let mut reports = Vec::new();
    for (bundle, mut damage) in bundles.iter().zip(damage) {
        let protection = protection(bundle, others, &mut damage, environment)?;
        reports.push(BundleReport::new(bundle, &damage, protection, &labels));
    }
    if let (Some(remembered), Some(policy)) = (remembered, policy) {
        let is_whole = |report: &BundleReport| report.verdict == BundleVerdict::Complete;
        let found = bundles.iter().zip(&reports);
        let candidates =
            found.filter_map(|(bundle, report)| Some((Candidate::of(bundle, policy)?, is_whole(report))));
        let Remembered { memory, rollback } = remembered;
        let candidates: Vec<_> = candidates.collect();
        let mut judged = judge_all(memory, &candidates, rollback, environment.clock.now());
        for report in &mut reports {
            report.in_stream = judged.remove(&report.bundle);
        }
    }
    Ok(VerifyReport::new(reports, others, &labels, policy.is_some()))
}

/// What is remembered of streams.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What is remembered.
    pub memory: Memory,
    /// Whether bundles that are older than what was accepted are not refused.
    pub rollback: bool,
}

/// Something to hash and compare.
enum Check<'a> {
    /// A blob with all its pieces present; checked against its digest.
    Whole { bundle: usize, files: Vec<usize>, blob: &'a PlannedBlob, pieces: Vec<(Segment, SumPair)> },
    /// A single entry; checked against its checksums. Files are counted over all of the bundle.
    Entry { bundle: usize, file: usize, entry: BodyEntry, pair: SumPair, segment: Segment },
    /// A range of a file that waits; checked entry by entry, with the bytes between them.
    Run { bundle: usize, file: usize, run: Run },
}

impl Check<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Check::Whole { blob, .. } => blob.size,
            Check::Entry { entry, .. } => entry.bytes,
            Check::Run { run, .. } => run.segment.bytes,
        }
    }

    fn job(&self) -> DigestJob {
        match self {
            Check::Entry { segment, pair, .. } => DigestJob::pair_of(segment.clone(), *pair),
            Check::Run { run, .. } => run.job(),
            Check::Whole { blob, pieces, .. } => {
                let mut functions = vec![blob.digest.algorithm().into()];
                // An unsplit blob with a SHA-512 digest also has a SHA-256 checksum of its entry.
                if blob.digest.algorithm() == Algorithm::Sha512 && blob.pieces.len() == 1 {
                    functions.push(Function::Sha256);
                }
                let strong = pieces.iter().any(|(_, pair)| pair.sha384.is_some()).then_some(Function::Sha384);
                let segments = pieces.iter().map(|(segment, _)| segment.clone()).collect();
                if let (Some(strong), [_, _, ..]) = (strong, pieces.as_slice()) {
                    let slices = pieces.iter().map(|(segment, _)| segment.bytes).collect();
                    let job = DigestJob::new(segments, functions);
                    return DigestJob { slices, slice_functions: vec![strong], ..job };
                }
                functions.extend(strong);
                DigestJob::new(segments, functions)
            }
        }
    }
}

/// Whether a blob is checked with the run that it is part of: it is a single entry, whose sum is its digest.
fn is_in_run<'a>(blob: &PlannedBlob, file: &dyn Fn(u32) -> Option<&'a Opened>) -> bool {
    let [piece] = blob.pieces.as_slice() else { return false };
    let Digest::Sha256(digest) = blob.digest else { return false };
    let Some(body) = file(piece.chunk).and_then(Opened::body).filter(|body| !body.gaps_checked) else {
        return false;
    };
    body.entry(EntryName::Blob(blob.digest)).is_some_and(|entry| entry.sum.0 == digest && entry.bytes > 0)
}

/// Whether [`open()`] has hashed this blob already: all of the control chunk but layers.
fn is_hashed(blob: &PlannedBlob) -> bool {
    // The gate compares the SHA-256 of an entry; a SHA-512 digest is still to be checked.
    let in_control = blob.pieces.iter().all(|piece| piece.chunk == 0);
    in_control && blob.class == Class::Metadata && blob.digest.algorithm() == Algorithm::Sha256
}

/// Returns the checks that hash every byte of the payload of a bundle's files once, but for those that [`open()`] has hashed.
/// `is_mine` selects files, by their statements.
fn checks<'a>(at: usize, bundle: &'a Bundle, is_mine: &dyn Fn(&Statement) -> bool) -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    // Files by chunk number. Of several copies the first is used for whole blobs; the others are hashed by entry.
    let mut first_copies: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, opened) in bundle.files.iter().enumerate().filter(|(_, opened)| opened.body().is_some()) {
        first_copies.entry(opened.statement.number).or_insert(index);
    }
    let file = |number: u32| first_copies.get(&number).map(|&index| &bundle.files[index]);
    let mut covered: BTreeSet<(usize, u64)> = BTreeSet::new();
    for blob in bundle.contents().map_or(&[][..], |contents| &contents.plan.blobs) {
        let first = blob.pieces.first().and_then(|piece| file(piece.chunk));
        if is_in_run(blob, &file) || !first.is_some_and(|first| is_mine(&first.statement)) {
            continue;
        }
        if let Some(pieces) = segments(blob, &file).filter(|_| !is_hashed(blob)) {
            let files: Vec<usize> = blob.pieces.iter().map(|piece| first_copies[&piece.chunk]).collect();
            covered.extend(files.iter().zip(&pieces).map(|(&file, (segment, _))| (file, segment.offset)));
            checks.push(Check::Whole { bundle: at, files, blob, pieces });
        }
    }
    let layers: BTreeSet<Digest> = bundle.contents().map(Contents::layers_in_control).unwrap_or_default();
    let is_layer =
        |entry: &BodyEntry| matches!(&entry.name, EntryName::Blob(digest) if layers.contains(digest));
    for (index, opened) in bundle.files.iter().enumerate().filter(|(_, opened)| is_mine(&opened.statement)) {
        if let Some(body) = opened.body().filter(|body| !body.gaps_checked) {
            let skip = |entry: &BodyEntry| covered.contains(&(index, entry.offset));
            let runs = runs(opened, body, &skip);
            checks.extend(runs.into_iter().map(|run| Check::Run { bundle: at, file: index, run }));
            continue;
        }
        let Some(body) = opened.body() else { continue };
        for entry in &body.entries {
            // Two empty entries cannot share an offset: each has a header before it.
            let is_hashed = opened.statement.is_control() && !is_layer(entry);
            if !is_hashed && !covered.contains(&(index, entry.offset)) {
                let (segment, pair) = (opened.segment(entry), body.pair(entry));
                checks.push(Check::Entry { bundle: at, file: index, entry: *entry, pair, segment });
            }
        }
    }
    for (index, opened) in bundle.parity.iter().enumerate().filter(|(_, opened)| is_mine(&opened.statement)) {
        for entry in opened.body().map_or(&[][..], |body| &body.entries) {
            let (file, segment) = (bundle.files.len() + index, opened.segment(entry));
            checks.push(Check::Entry { bundle: at, file, entry: *entry, pair: entry.sum.into(), segment });
        }
    }
    checks
}

/// The findings of the workers so far, by bundle.
struct Found(Mutex<Vec<Damage>>);

impl Found {
    fn note(&self, bundle: usize, file: usize, finding: Finding) {
        let mut damage = self.0.lock().expect("no thread panicked");
        damage[bundle].entry(file).or_default().push(finding);
    }
}

/// Runs all checks and returns the damage in each bundle.
fn hash_all(
    checks: &[Check<'_>],
    bundles: usize,
    environment: &Environment<'_>,
) -> Result<Vec<Damage>, Halted> {
    let found = Found(Mutex::new(vec![Damage::new(); bundles]));
    let undecided: Mutex<Vec<(usize, Option<Unreadable>)>> = Mutex::default();
    let lengths: Vec<u64> = checks.iter().map(Check::bytes).collect();
    let monitor = environment.monitor;
    monitor.phase(Phase::Verify, lengths.iter().sum(), || {
        digest_all(environment.workers, monitor, &lengths, &|at| checks[at].job(), &|at, outcome| {
            if let Comparison::Undecided(failure) = compare(&checks[at], outcome, &found) {
                undecided.lock().expect("no thread panicked").push((at, failure));
            }
            Ok::<(), Halted>(())
        })
    })?;
    for (at, failure) in undecided.into_inner().expect("no thread panicked") {
        locate_damage(&checks[at], failure.as_ref(), environment, &found)?;
    }
    Ok(found.0.into_inner().expect("no thread panicked"))
}

/// Whether the outcome of a check is final.
enum Comparison {
    Final,
    /// A blob in slices does not match its digest, or could not be read. Hashing the slices will show which one is
    /// damaged.
    Undecided(Option<Unreadable>),
}

/// Compares the hashes of a check with the expected values.
fn compare(check: &Check<'_>, outcome: Result<Vec<Output>, Unreadable>, found: &Found) -> Comparison {
    let outputs = match outcome {
        Ok(outputs) => outputs,
        Err(failure) => {
            let (bundle, file) = match check {
                Check::Whole { bundle, files, .. } if files.len() == 1 => (*bundle, files[0]),
                Check::Whole { .. } => return Comparison::Undecided(Some(failure)),
                Check::Entry { bundle, file, .. } | Check::Run { bundle, file, .. } => (*bundle, *file),
            };
            found.note(bundle, file, failure.into());
            return Comparison::Final;
        }
    };
    match check {
        Check::Run { bundle, file, run } => {
            run.compare(&outputs).into_iter().for_each(|finding| found.note(*bundle, *file, finding));
        }
        Check::Entry { bundle, file, entry, pair, .. } => {
            if let Some(finding) = Finding::of_pair(entry, *pair, &outputs) {
                found.note(*bundle, *file, finding);
            }
        }
        Check::Whole { bundle, files, blob, pieces } => {
            let sum_holds =
                outputs.iter().skip(1).find_map(Output::sum).is_none_or(|sum| sum == pieces[0].1.sha256);
            let strong = || outputs.iter().filter_map(Output::sum384);
            let expected = || pieces.iter().filter_map(|(_, pair)| pair.sha384);
            let digest_holds = outputs[0].digest() == Some(blob.digest);
            if digest_holds && sum_holds && strong().eq(expected()) {
                return Comparison::Final;
            }
            let ([file], [(segment, _)]) = (files.as_slice(), pieces.as_slice()) else {
                return Comparison::Undecided(None);
            };
            let (digest, offset, bytes) = (blob.digest, segment.offset, segment.bytes);
            let strong = strong().zip(expected()).find(|(found, expected)| found != expected);
            let finding = match strong.filter(|_| digest_holds && sum_holds) {
                None => Finding::BlobMismatch { digest, offset, bytes, found: outputs[0].hex() },
                Some((found, expected)) => Finding::EntryMismatch {
                    entry: EntryName::Blob(digest).to_string(),
                    offset,
                    bytes,
                    expected: expected.to_string(),
                    found: found.to_string(),
                },
            };
            found.note(*bundle, *file, finding);
        }
    }
    Comparison::Final
}

/// Finds the damaged slices of a blob. If none is damaged, the packer split something other than the blob, unless the
/// blob could not be read before.
fn locate_damage(
    check: &Check<'_>,
    failure: Option<&Unreadable>,
    environment: &Environment<'_>,
    found: &Found,
) -> Result<(), Halted> {
    let Check::Whole { bundle, files, blob, pieces } = check else { return Ok(()) };
    let lengths: Vec<u64> = pieces.iter().map(|(segment, _)| segment.bytes).collect();
    let job = |at: usize| DigestJob::pair_of(pieces[at].0.clone(), pieces[at].1);
    let is_damaged = AtomicBool::new(false);
    digest_all(environment.workers, Monitor::silent(), &lengths, &job, &|at, outcome| {
        let (segment, pair) = &pieces[at];
        let outputs = match outcome {
            Ok(outputs) => outputs,
            Err(failure) => {
                is_damaged.store(true, Ordering::Relaxed);
                found.note(*bundle, files[at], failure.into());
                return Ok(());
            }
        };
        if let Some((expected, hex)) = difference(*pair, &outputs) {
            is_damaged.store(true, Ordering::Relaxed);
            let Segment { offset, bytes, .. } = *segment;
            let (digest, slice) = (blob.digest, at + 1);
            let finding = Finding::SliceMismatch { digest, slice, offset, bytes, expected, found: hex };
            found.note(*bundle, files[at], finding);
        }
        Ok::<(), Halted>(())
    })?;
    if !is_damaged.into_inner() {
        for (&file, (segment, _)) in files.iter().zip(pieces) {
            if let Some(failure) = failure {
                // The second attempt could read it. A medium that is read in some attempts only is not to be relied on.
                if segment.file.name() == failure.file {
                    found.note(*bundle, file, Finding::Unreadable { reason: failure.source.to_string() });
                }
                continue;
            }
            found.note(*bundle, file, Finding::SlicesOfAnother { digest: blob.digest });
        }
    }
    Ok(())
}
