//! Hashing stretches of files that go nowhere: a flow for one, and [`digest_all`] for a list.

use std::io;

use super::digests::{Digested, Digests};
use super::flow::{Filled, Flow};
use super::hash::{Function, Output, lanes};
use super::pump::{Halted, pump_list};
use super::segments::{Segment, Segments};
use super::workers::Workers;
use crate::observe::{Event, Monitor};

/// Stretches of files that are hashed as one, with one or several functions.
pub struct DigestJob {
    /// What is hashed, in order.
    pub segments: Vec<Segment>,
    /// With what; at least one.
    pub functions: Vec<Function>,
}

impl DigestJob {
    /// One stretch, by SHA-256.
    pub fn sum_of(segment: Segment) -> DigestJob {
        DigestJob { segments: vec![segment], functions: vec![Function::Sha256] }
    }
}

/// A file that could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which file.
    pub file: String,
    /// Why.
    pub source: io::Error,
}

/// Hashes a list, the longest first, and calls `settle` with the place of each and what came out. `lengths` are the
/// lengths of all, in bytes; `job` makes one when its turn comes, so that a long list costs little memory.
///
/// # Errors
/// The first error of `settle`, else [`Halted`].
pub fn digest_all<E: From<Halted> + Send>(
    workers: &Workers,
    monitor: Monitor<'_>,
    lengths: &[u64],
    job: &(dyn Fn(usize) -> DigestJob + Sync),
    settle: &(dyn Fn(usize, Result<Vec<Output>, Unreadable>) -> Result<(), E> + Sync),
) -> Result<(), E> {
    // The longest together: lanes are full while lengths are alike.
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let sorted: Vec<u64> = order.iter().map(|&at| lengths[at]).collect();
    // One list has one purpose: what its longest job is hashed with decides.
    let lanes = order
        .first()
        .map_or(1, |&at| job(at).functions.iter().map(|&function| lanes(function)).max().unwrap_or(1));
    let begin = |place: usize| Ok(Digesting::new(job(order[place]), monitor));
    pump_list(workers, lanes, &sorted, &begin, &|place, outcome| settle(order[place], outcome))
}

/// A flow that only hashes.
pub struct Digesting<'a> {
    bytes: u64,
    segments: Segments,
    functions: Vec<Function>,
    monitor: Monitor<'a>,
}

impl<'a> Digesting<'a> {
    /// A flow for this job.
    pub fn new(job: DigestJob, monitor: Monitor<'a>) -> Self {
        let bytes = job.segments.iter().map(|segment| segment.bytes).sum();
        Digesting { bytes, segments: Segments::new(job.segments), functions: job.functions, monitor }
    }
}

impl Flow for Digesting<'_> {
    type Done = Vec<Output>;
    type Error = Unreadable;

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn digests(&self) -> Digests {
        Digests::of(&self.functions)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Unreadable> {
        self.segments.fill(buffer).map(Filled::of).map_err(|(file, source)| Unreadable { file, source })
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), Unreadable> {
        self.monitor.tell(Event::Moved { bytes: block.len() as u64 });
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<Vec<Output>, Unreadable> {
        Ok(digested.whole)
    }
}
