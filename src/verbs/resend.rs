//! Copies the chunks that a request asks for, and no others, to a folder of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::{HEADS_AHEAD, OpenError, OpenRequest, read_ahead, read_head};
use crate::diagnosis::{Code, Diagnose, Diagnosis, Failure};
use crate::environment::Environment;
use crate::format::limits::COPIES_MAX;
use crate::format::resend::{ResendRequest, ShortId};
use crate::format::statement::{Kind, Statement};
use crate::format::{BundleName, Sum};
use crate::medium::{ChunkFile, ChunkSink, ChunkStore, FileNames, MediumError, Replace};
use crate::observe::{Event, Phase};
use crate::trust::TrustPolicy;
use crate::verbs::verify::{ChunkVerdict, FileReport, verify};

/// Bytes that are copied at once.
const BLOCK_BYTES: usize = 256 << 10;

/// How many chunks for an object store are on the local disk while they are verified.
const SPOOLED_MAX: usize = 4;

/// What to copy, and from where to where.
pub struct ResendOrder<'a> {
    /// The requests.
    pub requests: &'a [ResendRequest],
    /// The files to choose from, in any order and under any names.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// The trust policy; `None` checks only integrity.
    pub policy: Option<&'a TrustPolicy>,
    /// Where the copies go.
    pub store: &'a dyn ChunkStore,
}

/// A chunk that is there to be sent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResentChunk {
    /// The number of the chunk.
    pub number: u32,
    /// The path of the copy.
    pub file: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// Whether it was there already, from an earlier run.
    pub kept: bool,
}

/// A file that has the number of a wanted chunk and cannot be sent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnfitFile {
    /// The number of the chunk.
    pub number: u32,
    /// The path of the file.
    pub file: String,
    /// Why it cannot be sent.
    pub problem: String,
}

/// The chunks of one bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResentBundle {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name of the bundle.
    pub name: BundleName,
    /// The chunks that are there to be sent, by number.
    pub chunks: Vec<ResentChunk>,
    /// The numbers of the chunks that were not found, or only damaged.
    pub not_found: Vec<u32>,
    /// Files of wanted chunks that were not copied because they are damaged or not accepted.
    pub unfit: Vec<UnfitFile>,
}

/// The report of `resend`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResendReport {
    /// The bundles, in the order of the requests.
    pub bundles: Vec<ResentBundle>,
}

impl ResendReport {
    /// Returns the kind of failure if a chunk was not found.
    pub fn failure(&self) -> Option<Failure> {
        let is_incomplete = self.bundles.iter().any(|bundle| !bundle.not_found.is_empty());
        is_incomplete.then(|| Code::ResendIncomplete.failure())
    }
}

/// An error that stops `resend` before a bundle is copied.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// No chunk is among the files, or the work was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A chunk file cannot be read or written.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// No file belongs to the bundle of a request.
    #[error("the request is for bundle {wanted}, and the files are of others: {}", list(found))]
    Elsewhere {
        /// The short id in the request.
        wanted: ShortId,
        /// The names and short ids of some bundles that are there.
        found: Vec<String>,
    },
    /// The short id of a request is that of several bundles.
    #[error("the request is for bundle {wanted}, and several bundles begin so: {}", list(found))]
    Several {
        /// The short id in the request.
        wanted: ShortId,
        /// The ids.
        found: Vec<String>,
    },
    /// A request names a chunk that the bundle does not have.
    #[error("the request asks for chunk {highest}, but bundle {name} ({bundle}) has only chunks 0 to {last}")]
    Beyond {
        /// The highest number that was asked for.
        highest: u32,
        /// The name of the bundle.
        name: BundleName,
        /// Its id.
        bundle: Sum,
        /// The highest number of the bundle.
        last: u32,
    },
}

/// A copy, with the number of its chunk.
type Copied = (u32, Arc<dyn ChunkFile>);

/// How many names a message lists.
const NAMED_MAX: usize = 10;

fn list(found: &[String]) -> String {
    if found.is_empty() {
        "none that was asked for".to_owned()
    } else {
        found[..found.len().min(NAMED_MAX)].join(", ")
    }
}

impl Diagnose for ResendError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            ResendError::Open(error) => error.diagnosis(),
            ResendError::Medium(error) => error.diagnosis(),
            ResendError::Elsewhere { .. } => Code::RequestElsewhere.into(),
            ResendError::Several { .. } => Code::SeveralBundles.into(),
            ResendError::Beyond { .. } => Code::RequestBeyond.into(),
        }
    }
}

/// Copies the chunks of the requests under their usual names.
///
/// A copy gets its name only after all of it was hashed and compared with its statement. Nothing is replaced. Running it again
/// keeps the copies that are good.
///
/// # Errors
/// [`ResendError`]. All requests are checked before anything is written. A chunk that is not found is no error, but is reported.
pub fn resend(order: &ResendOrder<'_>, environment: &Environment<'_>) -> Result<ResendReport, ResendError> {
    let heads = heads(order, environment)?;
    let wanted: Vec<Wanted<'_>> =
        order.requests.iter().map(|request| choose(request, &heads)).collect::<Result<_, _>>()?;
    let bundles = wanted.iter().map(|wanted| copy(wanted, order, environment));
    Ok(ResendReport { bundles: bundles.collect::<Result<_, _>>()? })
}

/// A file whose head could be read.
struct Headed<'a> {
    file: &'a Arc<dyn ChunkFile>,
    statement: Statement,
    signatures: usize,
}

/// The files of the bundles that were asked for, and some others.
struct Heads<'a> {
    headed: Vec<Headed<'a>>,
    /// The names and short ids of some other bundles.
    others: BTreeSet<String>,
}

/// Reads the heads of all files. Parity chunks, and what is not a chunk, are passed over.
fn heads<'a>(order: &ResendOrder<'a>, environment: &Environment<'_>) -> Result<Heads<'a>, ResendError> {
    let mut found = Heads { headed: Vec::new(), others: BTreeSet::new() };
    for files in order.files.chunks(HEADS_AHEAD) {
        read_ahead(files, environment.workers);
        for file in files {
            let Ok(head) = read_head(file.as_ref()) else { continue };
            if order.requests.iter().any(|request| request.is_for(&head.statement.bundle)) {
                let (statement, signatures) = (head.statement, head.signatures.len());
                if statement.kind != Kind::Parity {
                    found.headed.push(Headed { file, statement, signatures });
                }
            } else if found.others.len() < NAMED_MAX {
                let Statement { bundle, crossing, .. } = &head.statement;
                found.others.insert(format!("{} ({})", crossing.name, ShortId::of(bundle)));
            }
        }
    }
    if found.headed.is_empty() && found.others.is_empty() {
        return Err(OpenError::NoChunk { files: order.files.len(), first: None }.into());
    }
    Ok(found)
}

/// The files of one request.
struct Wanted<'a> {
    bundle: Sum,
    name: &'a BundleName,
    /// The files of each wanted chunk, the best first.
    candidates: BTreeMap<u32, Vec<&'a Arc<dyn ChunkFile>>>,
    /// The control chunks: with them, files that are validly signed but of another bundle's content are found.
    controls: Vec<&'a Arc<dyn ChunkFile>>,
}

/// Chooses the files of a request by what their heads say.
fn choose<'a>(request: &ResendRequest, heads: &'a Heads<'a>) -> Result<Wanted<'a>, ResendError> {
    let wanted = request.bundle();
    let of_bundle: Vec<&Headed<'_>> =
        heads.headed.iter().filter(|headed| request.is_for(&headed.statement.bundle)).collect();
    let ids: BTreeSet<Sum> = of_bundle.iter().map(|headed| headed.statement.bundle).collect();
    let Some(Headed { statement, .. }) = of_bundle.first() else {
        return Err(ResendError::Elsewhere { wanted, found: heads.others.iter().cloned().collect() });
    };
    if ids.len() > 1 {
        let found = ids.iter().map(ToString::to_string).collect();
        return Err(ResendError::Several { wanted, found });
    }
    let (bundle, name) = (statement.bundle, &statement.crossing.name);
    let last = of_bundle.iter().map(|headed| headed.statement.last).max().unwrap_or(0);
    if request.highest() > last {
        let (highest, name) = (request.highest(), name.clone());
        return Err(ResendError::Beyond { highest, name, bundle, last });
    }
    let mut found: BTreeMap<u32, Vec<&Headed<'_>>> =
        request.chunks().map(|number| (number, Vec::new())).collect();
    for headed in &of_bundle {
        if let Some(files) = found.get_mut(&headed.statement.number) {
            files.push(headed);
        }
    }
    let best_first = |(number, mut files): (u32, Vec<&Headed<'a>>)| {
        // The control chunk with the most release signatures is worth most.
        files.sort_by_key(|headed| std::cmp::Reverse(headed.signatures));
        files.truncate(COPIES_MAX);
        (number, files.into_iter().map(|headed| headed.file).collect())
    };
    let controls = of_bundle.iter().filter(|headed| headed.statement.kind == Kind::Control);
    Ok(Wanted {
        bundle,
        name,
        candidates: found.into_iter().map(best_first).collect(),
        controls: controls.take(COPIES_MAX).map(|headed| headed.file).collect(),
    })
}

/// Copies the chunks of one request. If a copy is bad, the next file of the same chunk is tried.
fn copy(
    wanted: &Wanted<'_>,
    order: &ResendOrder<'_>,
    environment: &Environment<'_>,
) -> Result<ResentBundle, ResendError> {
    let sink = order.store.hold(&FileNames::chunks(wanted.name), &wanted.bundle, Replace::Never)?;
    let sink = sink.as_ref();
    sink.clear()?;
    let mut resent = ResentBundle {
        bundle: wanted.bundle,
        name: wanted.name.clone(),
        chunks: keep(wanted, sink, order, environment)?,
        not_found: Vec::new(),
        unfit: Vec::new(),
    };
    let is_kept = |number: u32| resent.chunks.iter().any(|chunk| chunk.number == number);
    let mut open: Vec<u32> = wanted.candidates.keys().copied().filter(|number| !is_kept(*number)).collect();
    // The control chunk is the last to be visible.
    open.sort_by_key(|&number| (number == 0, number));
    let first = |number: &u32| wanted.candidates[number].first().map_or(0, |file| file.bytes());
    sink.reserve(open.iter().map(first).sum())?;
    for attempt in 0..COPIES_MAX {
        let found = |number: &u32| Some((*number, *wanted.candidates[number].get(attempt)?));
        let files: Vec<(u32, &Arc<dyn ChunkFile>)> = open.iter().filter_map(found).collect();
        if files.is_empty() {
            break;
        }
        let at_once = if sink.spools() { SPOOLED_MAX } else { files.len() };
        for files in files.chunks(at_once) {
            let copied = copy_all(files, sink, environment, &mut resent.unfit)?;
            for (number, problem) in judge(&copied, wanted, order, environment)? {
                let (_, source) = files.iter().find(|(copied, _)| *copied == number).expect("it was copied");
                if let Some(problem) = problem {
                    resent.unfit.push(UnfitFile { number, file: source.name().to_owned(), problem });
                    continue;
                }
                sink.commit(number)?;
                let (file, bytes) = (sink.file_name(number), source.bytes());
                resent.chunks.push(ResentChunk { number, file, bytes, kept: false });
                open.retain(|other| *other != number);
            }
        }
    }
    if resent.chunks.iter().any(|chunk| !chunk.kept) {
        sink.publish(resent.chunks.iter().map(|chunk| chunk.number).max().unwrap_or(0))?;
    }
    sink.clear()?;
    resent.chunks.sort_by_key(|chunk| chunk.number);
    resent.unfit.sort_by_key(|unfit| unfit.number);
    open.sort_unstable();
    resent.not_found = open;
    Ok(resent)
}

/// Returns the chunks that an earlier run copied.
///
/// # Errors
/// [`MediumError::Exists`] if a file has the name of a wanted chunk and is none that could be sent.
fn keep(
    wanted: &Wanted<'_>,
    sink: &dyn ChunkSink,
    order: &ResendOrder<'_>,
    environment: &Environment<'_>,
) -> Result<Vec<ResentChunk>, ResendError> {
    let mut there = Vec::new();
    for &number in wanted.candidates.keys() {
        if let Some(file) = sink.finished(number)? {
            there.push((number, file));
        }
    }
    let mut kept = Vec::new();
    for ((number, file), (_, problem)) in there.iter().zip(judge(&there, wanted, order, environment)?) {
        let (file, bytes) = (file.name().to_owned(), file.bytes());
        if problem.is_some() {
            return Err(MediumError::Exists { path: file }.into());
        }
        kept.push(ResentChunk { number: *number, file, bytes, kept: true });
    }
    Ok(kept)
}

/// Copies files to where nobody looks for them. One that cannot be read is noted.
fn copy_all(
    files: &[(u32, &Arc<dyn ChunkFile>)],
    sink: &dyn ChunkSink,
    environment: &Environment<'_>,
    unfit: &mut Vec<UnfitFile>,
) -> Result<Vec<Copied>, ResendError> {
    let bytes = files.iter().map(|(_, file)| file.bytes()).sum();
    environment.monitor.phase(Phase::Resend, bytes, || {
        let mut copied = Vec::new();
        for (number, file) in files {
            sink.begin(*number, file.bytes())?;
            match copy_one(*number, file.as_ref(), sink, environment)? {
                Ok(()) => copied.extend(sink.unfinished(*number)?.map(|copy| (*number, copy))),
                Err(problem) => {
                    unfit.push(UnfitFile { number: *number, file: file.name().to_owned(), problem });
                }
            }
        }
        Ok(copied)
    })
}

/// Copies a file. The inner error says why it cannot be read.
fn copy_one(
    number: u32,
    file: &dyn ChunkFile,
    sink: &dyn ChunkSink,
    environment: &Environment<'_>,
) -> Result<Result<(), String>, ResendError> {
    let writer = sink.open(number)?;
    let mut reader = match file.stream(0, file.bytes()) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    while at < file.bytes() {
        if environment.workers.interrupted() {
            return Err(OpenError::Interrupted.into());
        }
        let read = match reader.read(&mut block) {
            Ok(0) => return Ok(Err("it ends before its length".to_owned())),
            Ok(read) => read,
            Err(error) => return Ok(Err(error.to_string())),
        };
        writer.write_all_at(&block[..read], at).map_err(|source| MediumError::Io {
            what: "write",
            path: sink.file_name(number),
            source,
        })?;
        at += read as u64;
        environment.monitor.tell(Event::Moved { bytes: read as u64 });
    }
    Ok(Ok(()))
}

/// Verifies copies, every byte. Returns for each, in order, why it cannot be sent, if it cannot.
fn judge(
    copies: &[Copied],
    wanted: &Wanted<'_>,
    order: &ResendOrder<'_>,
    environment: &Environment<'_>,
) -> Result<Vec<(u32, Option<String>)>, ResendError> {
    if copies.is_empty() {
        return Ok(Vec::new());
    }
    let mut files: Vec<Arc<dyn ChunkFile>> = copies.iter().map(|(_, copy)| Arc::clone(copy)).collect();
    files.extend(wanted.controls.iter().map(|file| Arc::clone(file)));
    let report = verify(&OpenRequest { files: &files, policy: order.policy }, environment)?;
    // A chunk of another bundle of this name is none of these.
    let of_bundle = report.bundles.iter().filter(|bundle| bundle.bundle == wanted.bundle);
    let reports: Vec<&FileReport> =
        of_bundle.flat_map(|bundle| &bundle.files).chain(&report.others).collect();
    let judge = |(number, copy): &Copied| {
        let report = reports.iter().find(|report| report.file == copy.name());
        let problem = match report {
            Some(report) if report.number == Some(*number) => match report.verdict {
                ChunkVerdict::Accepted | ChunkVerdict::Intact => None,
                _ => Some(
                    report
                        .problems
                        .first()
                        .map_or_else(|| "it is passed over".to_owned(), ToString::to_string),
                ),
            },
            _ => Some("it is not that chunk of the bundle".to_owned()),
        };
        (*number, problem)
    };
    Ok(copies.iter().map(judge).collect())
}
