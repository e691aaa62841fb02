//! Checksums of whole chunk files, for guards that require them. The workers that load blobs hash each chunk file as
//! soon as it is sealed, while it is still in the page cache.
//!
//! They cannot be computed while a chunk is written: its blobs are written in any order, and its front last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use super::PackError;
use crate::environment::Environment;
use crate::medium::{ChunkFile, ChunkSink, WholeSums};
use crate::observe::{Monitor, Phase};
use crate::stream::digesting::{DigestJob, Digesting, digest_all};
use crate::stream::hash::{Function, Output, lanes};
use crate::stream::segments::Segment;

/// The sum of a file that a sink computed.
fn output(sums: WholeSums, function: Function) -> Output {
    match function {
        Function::Md5 => Output::Md5(sums.md5),
        Function::Sha256 => Output::Sha256(sums.sha256.0),
        Function::Sha512 | Function::Sha384 | Function::Blake3 => {
            unreachable!("only sums that guards ask for are offered")
        }
    }
}

/// The requested checksums, and those that were computed so far.
pub(super) struct FileSums {
    functions: Vec<Function>,
    /// Sealed chunks that are not being hashed yet.
    waiting: Mutex<VecDeque<u32>>,
    known: Mutex<BTreeMap<u32, Vec<Output>>>,
}

impl FileSums {
    pub(super) fn new(functions: &[Function]) -> FileSums {
        FileSums { functions: functions.to_vec(), waiting: Mutex::default(), known: Mutex::default() }
    }

    /// Queues a sealed chunk for hashing.
    pub(super) fn sealed(&self, number: u32) {
        if !self.functions.is_empty() {
            self.waiting().push_back(number);
        }
    }

    /// Returns the checksums of a chunk file, in the order of the request.
    pub(super) fn of(&self, number: u32) -> Vec<Output> {
        self.known().get(&number).cloned().unwrap_or_default()
    }

    /// Returns how many flows a worker should run at once if it both loads blobs and hashes chunk files.
    pub(super) fn lanes(&self) -> usize {
        self.functions.iter().map(|&function| lanes(function)).fold(lanes(Function::Sha256), usize::max)
    }

    /// Takes the next waiting chunk, if any, and returns a flow that hashes it. Its bytes are not reported as progress.
    pub(super) fn next<'a>(&self, sink: &dyn ChunkSink) -> Option<Result<(u32, Digesting<'a>), PackError>> {
        // A sink that computes sums knows them at the end.
        if sink.sums_itself() {
            return None;
        }
        let number = self.waiting().pop_front()?;
        Some(
            sink.sealed(number)
                .map_err(PackError::from)
                .map(|file| (number, Digesting::new(self.job(file), Monitor::silent()))),
        )
    }

    fn job(&self, file: Arc<dyn ChunkFile>) -> DigestJob {
        let bytes = file.bytes();
        DigestJob::new(vec![Segment { file, offset: 0, bytes }], self.functions.clone())
    }

    /// Stores the checksums of a chunk.
    pub(super) fn keep(&self, number: u32, sums: Vec<Output>) {
        self.known().insert(number, sums);
    }

    /// Hashes the chunks that still wait after all blobs are loaded: the last ones, and those of an earlier run.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn finish(
        &self,
        sink: &dyn ChunkSink,
        environment: &Environment<'_>,
    ) -> Result<(), PackError> {
        let mut waiting: Vec<u32> = self.waiting().drain(..).collect();
        if sink.sums_itself() {
            let mut unknown = Vec::new();
            for number in waiting {
                match sink.whole_sums(number)? {
                    Some(sums) => {
                        self.keep(number, self.functions.iter().map(|f| output(sums, *f)).collect());
                    }
                    None => unknown.push(number),
                }
            }
            waiting = unknown;
        }
        if waiting.is_empty() {
            return Ok(());
        }
        let files = waiting.iter().map(|&number| sink.sealed(number)).collect::<Result<Vec<_>, _>>()?;
        let lengths: Vec<u64> = files.iter().map(|file| file.bytes()).collect();
        let monitor = environment.monitor;
        monitor.phase(Phase::Sums, lengths.iter().sum(), || {
            let job = |at: usize| self.job(Arc::clone(&files[at]));
            digest_all(environment.workers, monitor, &lengths, &job, &|at, outcome| {
                self.keep(waiting[at], outcome?);
                Ok(())
            })
        })
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<u32>> {
        self.waiting.lock().expect("no thread panicked")
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<Output>>> {
        self.known.lock().expect("no thread panicked")
    }
}
