//! Sums of whole chunk files, for guards that ask for them: made from what is still in the page cache. A
//! chunk is summed as soon as it is sealed, by the workers that move the other blobs.
//!
//! They cannot be made on the way in: blobs are written in the order in which they come, and the front of a
//! file last.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Mutex;

use super::PackError;
use super::load::Loading;
use crate::environment::Environment;
use crate::medium::{ChunkSink, MediumError};
use crate::observe::{Event, Monitor, Phase};
use crate::stream::digesting::{Digesting, Unreadable};
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{Function, Output, lanes};
use crate::stream::pump::pump;
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
            self.waiting.lock().expect("no thread panicked").push_back(number);
        }
    }

    /// The sums of a chunk file, in the order asked for.
    pub(super) fn of(&self, number: u32) -> Vec<Output> {
        self.known.lock().expect("no thread panicked").get(&number).cloned().unwrap_or_default()
    }

    /// How many flows a worker should have under way that both moves blobs and sums chunks.
    pub(super) fn lanes(&self) -> usize {
        self.functions.iter().map(|&function| lanes(function)).fold(lanes(Function::Sha256), usize::max)
    }

    /// A flow over a chunk that waits, if one does.
    pub(super) fn next<'a>(
        &self,
        sink: &dyn ChunkSink,
        monitor: Monitor<'a>,
    ) -> Option<Result<Digesting<'a, u32>, PackError>> {
        let number = self.waiting.lock().expect("no thread panicked").pop_front()?;
        let flow = sink.sealed(number).map(|file| {
            let bytes = file.bytes();
            Digesting::new(number, vec![Segment { file, offset: 0, bytes }], &self.functions, monitor)
        });
        Some(flow.map_err(PackError::from))
    }

    fn note(&self, (number, outputs): (u32, Vec<Output>)) {
        self.known.lock().expect("no thread panicked").insert(number, outputs);
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
        let waiting = self.waiting.lock().expect("no thread panicked").clone();
        if waiting.is_empty() {
            return Ok(());
        }
        let length = |&number: &u32| sink.sealed(number).map(|file| file.bytes());
        let lengths = waiting.iter().map(length).collect::<Result<Vec<u64>, MediumError>>()?;
        let bytes = lengths.iter().sum();
        environment.monitor.tell(Event::Started { phase: Phase::Sums, bytes });
        let failed: Mutex<Option<PackError>> = Mutex::new(None);
        let pumped = pump(
            environment.workers,
            self.lanes(),
            &lengths,
            &|| {
                let summing = self.next(sink, environment.monitor)?;
                Some(summing.map(|summing| Moving::File { summing, beside: false }))
            },
            &|outcome| self.settle(outcome, &failed),
        );
        environment.monitor.tell(Event::Ended);
        pumped.map_err(PackError::System)?;
        match failed.into_inner().expect("no thread panicked") {
            Some(error) => Err(error),
            None if environment.workers.interrupted() => Err(PackError::Interrupted),
            None => Ok(()),
        }
    }

    /// Keeps what a flow came to; the first failure stops all.
    pub(super) fn settle(
        &self,
        outcome: Result<Moved, PackError>,
        failed: &Mutex<Option<PackError>>,
    ) -> ControlFlow<()> {
        match outcome {
            Ok(Moved::Blob) => ControlFlow::Continue(()),
            Ok(Moved::File(sums)) => {
                self.note(sums);
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed.lock().expect("no thread panicked").get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// What the workers move while packing.
pub(super) enum Moving<'a> {
    /// A blob on its way into the chunks.
    Blob(Loading<'a>),
    /// A chunk file that is sealed, and summed: while blobs are moved, or after all of them.
    File { summing: Digesting<'a, u32>, beside: bool },
}

/// What came of it.
pub(super) enum Moved {
    Blob,
    File((u32, Vec<Output>)),
}

fn unreadable(Unreadable { file, source, .. }: Unreadable<u32>) -> PackError {
    MediumError::Io { what: "read", path: file, source }.into()
}

impl Flow for Moving<'_> {
    type Done = Moved;
    type Error = PackError;

    fn bytes(&self) -> u64 {
        match self {
            Moving::Blob(loading) => loading.bytes(),
            Moving::File { summing, .. } => summing.bytes(),
        }
    }

    fn is_beside(&self) -> bool {
        matches!(self, Moving::File { beside: true, .. })
    }

    fn digests(&self) -> Digests {
        match self {
            Moving::Blob(loading) => loading.digests(),
            Moving::File { summing, .. } => summing.digests(),
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, PackError> {
        match self {
            Moving::Blob(loading) => loading.fill(buffer),
            Moving::File { summing, .. } => summing.fill(buffer).map_err(unreadable),
        }
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), PackError> {
        match self {
            Moving::Blob(loading) => loading.drain(block),
            Moving::File { summing, .. } => summing.drain(block).map_err(unreadable),
        }
    }

    fn finish(self, digested: Digested) -> Result<Moved, PackError> {
        match self {
            Moving::Blob(loading) => loading.finish(digested).map(|()| Moved::Blob),
            Moving::File { summing, .. } => summing.finish(digested).map(Moved::File).map_err(unreadable),
        }
    }
}
