//! Sums of whole chunk files, for guards that ask for them: made from what is still in the page cache. A
//! chunk is summed as soon as it is sealed, by the workers that move the other blobs.
//!
//! They cannot be made on the way in: blobs are written in the order in which they come, and the front of a
//! file last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use super::PackError;
use crate::environment::Environment;
use crate::medium::{ChunkFile, ChunkSink};
use crate::observe::{Monitor, Phase};
use crate::stream::digesting::{DigestJob, Digesting, digest_all};
use crate::stream::hash::{Function, Output, lanes};
use crate::stream::segments::Segment;

/// The sums that were asked for, and how far they are.
pub(super) struct FileSums {
    functions: Vec<Function>,
    /// Sealed chunks that nobody sums yet.
    waiting: Mutex<VecDeque<u32>>,
    known: Mutex<BTreeMap<u32, Vec<Output>>>,
}

impl FileSums {
    pub(super) fn new(functions: &[Function]) -> FileSums {
        FileSums { functions: functions.to_vec(), waiting: Mutex::default(), known: Mutex::default() }
    }

    /// Takes note of a chunk that is sealed.
    pub(super) fn sealed(&self, number: u32) {
        if !self.functions.is_empty() {
            self.waiting().push_back(number);
        }
    }

    /// The sums of a chunk file, in the order asked for.
    pub(super) fn of(&self, number: u32) -> Vec<Output> {
        self.known().get(&number).cloned().unwrap_or_default()
    }

    /// How many flows a worker should have under way that both moves blobs and sums chunks.
    pub(super) fn lanes(&self) -> usize {
        self.functions.iter().map(|&function| lanes(function)).fold(lanes(Function::Sha256), usize::max)
    }

    /// A chunk that waits, as a flow that sums it, if one does. Nobody is told of its bytes.
    pub(super) fn next<'a>(&self, sink: &dyn ChunkSink) -> Option<Result<(u32, Digesting<'a>), PackError>> {
        let number = self.waiting().pop_front()?;
        Some(
            sink.sealed(number)
                .map_err(PackError::from)
                .map(|file| (number, Digesting::new(self.job(file), Monitor::silent()))),
        )
    }

    fn job(&self, file: Arc<dyn ChunkFile>) -> DigestJob {
        let bytes = file.bytes();
        DigestJob { segments: vec![Segment { file, offset: 0, bytes }], functions: self.functions.clone() }
    }

    /// Keeps the sums of a chunk.
    pub(super) fn keep(&self, number: u32, sums: Vec<Output>) {
        self.known().insert(number, sums);
    }

    /// Sums the chunks that wait when all blobs are loaded: the last ones, and those of an earlier run.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn finish(
        &self,
        sink: &dyn ChunkSink,
        environment: &Environment<'_>,
    ) -> Result<(), PackError> {
        let waiting: Vec<u32> = self.waiting().drain(..).collect();
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
