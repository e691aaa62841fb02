//! Groups files into bundles by the bundle id in their statements, and applies the trust policy to each head.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::budget::Budget;
use super::{Gate, OpenError, Opened, ReleaseFile, Standing, read_head, read_release};
use crate::format::body::BodyError;
use crate::format::error::FormatError;
use crate::format::head::Head;
use crate::format::limits::COPIES_MAX;
use crate::format::{Sum, SumPair};
use crate::medium::ChunkFile;
use crate::stream::transfers::transfer_all;
use crate::stream::workers::Workers;
use crate::trust::{AcceptedChunk, accept};

/// A chunk file with its parsed head.
#[derive(Clone)]
pub struct Member<H = Head> {
    /// The chunk file.
    pub file: Arc<dyn ChunkFile>,
    /// The head of the file, or the result of checking it in `trust`.
    pub head: H,
}

/// A file that is not a chunk, or that cannot be read.
pub struct NotAChunk {
    /// The file that was rejected.
    pub file: Arc<dyn ChunkFile>,
    /// The reason why it is not a chunk.
    #[doc(hidden)]
    pub error: BodyError,
}

impl NotAChunk {
    /// Returns the error of the system if the file could not be read: it may be a chunk.
    pub fn unreadable(&self) -> Option<&io::Error> {
        match &self.error {
            BodyError::Io(error) => Some(error),
            BodyError::Format(_) => None,
        }
    }
}

/// The files whose statements name the same bundle.
#[derive(Default)]
pub(super) struct BundleFiles {
    /// The files to open, sorted by number, each with the proof that the policy accepts it if there is a policy. A
    /// number may occur several times.
    pub(super) members: Vec<(Member, Option<AcceptedChunk>)>,
    /// The files that are not opened: rejected by the policy, or copies beyond [`COPIES_MAX`].
    pub(super) settled: Vec<Opened>,
    /// Its release files. They are not compared with its control chunk yet.
    pub(super) releases: Vec<ReleaseFile>,
}

/// How many heads are read ahead. The files keep them in memory.
pub(crate) const HEADS_AHEAD: usize = 1000;

/// How many heads are read at once.
const HEADS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// Reads the heads of the files that wait for a network, many at once, so that they are in memory when they are needed.
pub(crate) fn read_ahead(files: &[Arc<dyn ChunkFile>], workers: &Workers) {
    let waiting: Vec<&Arc<dyn ChunkFile>> = files.iter().filter(|file| file.waits()).collect();
    transfer_all(workers, HEADS_AT_ONCE, &waiting, &|file| {
        // An error occurs again.
        let _ = read_head(file.as_ref());
        ControlFlow::Continue(())
    });
}

/// The bundles by id, and the files that are not chunks.
pub(super) type Groups = (BTreeMap<Sum, BundleFiles>, Vec<NotAChunk>);

/// Reads every head, judges it, and groups the files by bundle id.
///
/// # Errors
/// [`OpenError::TooManyEntries`] if there is no policy and the heads exceed the `budget`.
pub(super) fn group_by_bundle(
    files: &[Arc<dyn ChunkFile>],
    gate: Gate<'_>,
    budget: &mut Budget,
    workers: &Workers,
) -> Result<Groups, OpenError> {
    let mut bundles: BTreeMap<Sum, BundleFiles> = BTreeMap::new();
    let (mut others, mut releases) = (Vec::new(), Vec::new());
    let mut copies: HashMap<(Sum, u32, SumPair), usize> = HashMap::new();
    for (at, file) in files.iter().enumerate() {
        if at % HEADS_AHEAD == 0 {
            read_ahead(&files[at..files.len().min(at + HEADS_AHEAD)], workers);
        }
        let file = Arc::clone(file);
        let head = match read_head(file.as_ref()) {
            Ok(head) => head,
            Err(error) => {
                match read_release(file.as_ref()) {
                    Ok(head) => releases.push((file, head)),
                    Err(_) => others.push(NotAChunk { file, error }),
                }
                continue;
            }
        };
        let bundle = bundles.entry(head.statement.bundle).or_default();
        let settled =
            |file, head: Head, standing| Opened { file, statement: head.statement, accepted: None, standing };
        match gate {
            Gate::Unverified => {
                budget.take_head(&head)?;
                bundle.members.push((Member { file, head }, None));
            }
            Gate::Policy(policy, now) => match accept(policy, head, now) {
                Err((head, reason)) => {
                    bundle.settled.push(settled(file, head, Standing::Untrusted(reason)));
                }
                Ok(chunk) => {
                    let head = chunk.head().clone();
                    let statement = &head.statement;
                    let copies =
                        copies.entry((statement.bundle, statement.number, statement.sums)).or_default();
                    *copies += 1;
                    if *copies > COPIES_MAX {
                        bundle.settled.push(settled(file, head, Standing::PassedOver));
                    } else {
                        bundle.members.push((Member { file, head }, Some(chunk)));
                    }
                }
            },
        }
    }
    for (file, head) in releases {
        match bundles.get_mut(&head.statement.bundle) {
            Some(bundle) if bundle.releases.len() < COPIES_MAX => {
                if matches!(gate, Gate::Unverified) {
                    budget.take_head(&head)?;
                }
                bundle.releases.push(judged(file, head, gate));
            }
            found => {
                let expected = match found {
                    Some(_) => format!("at most {COPIES_MAX} release files of a bundle"),
                    None => "a chunk of the bundle that it releases".to_owned(),
                };
                let found = format!("a release file of bundle {}", head.statement.bundle);
                let error = FormatError::whole("chunk", expected, found).into();
                others.push(NotAChunk { file, error });
            }
        }
    }
    for bundle in bundles.values_mut() {
        bundle.members.sort_by_key(|(member, _)| member.head.statement.number);
    }
    Ok((bundles, others))
}

/// Judges the packer's signature in a release file.
fn judged(file: Arc<dyn ChunkFile>, head: Head, gate: Gate<'_>) -> ReleaseFile {
    let Gate::Policy(policy, now) = gate else {
        return ReleaseFile { file, head, accepted: None, problem: None };
    };
    match accept(policy, head, now) {
        Ok(chunk) => ReleaseFile { file, head: chunk.head().clone(), accepted: Some(chunk), problem: None },
        Err((head, reason)) => ReleaseFile { file, head, accepted: None, problem: Some((&reason).into()) },
    }
}
