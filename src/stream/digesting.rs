//! Hashing of file ranges without writing them: a flow for one, and [`digest_all`] for a list.

use std::io;

use super::digests::{Digested, Digests};
use super::flow::{Filled, Flow};
use super::hash::{Function, Output, lanes};
use super::pump::{Halted, pump_list};
use super::segments::{Segment, Segments};
use super::workers::Workers;
use crate::format::SumPair;
use crate::observe::{Event, Monitor};

/// File ranges that are hashed as one stream, with one or several functions.
pub struct DigestJob {
    /// The ranges, in order.
    pub segments: Vec<Segment>,
    /// The hash functions for all of it; at least one, unless there are slices.
    pub functions: Vec<Function>,
    /// The lengths of slices in bytes, none of them 0, whose hashes are wanted, too. They follow those of all of it.
    pub slices: Vec<u64>,
    /// The hash functions for slices.
    pub slice_functions: Vec<Function>,
}

impl DigestJob {
    /// Creates a job for the SHA-256 of one range.
    pub fn sum_of(segment: Segment) -> DigestJob {
        DigestJob::new(vec![segment], vec![Function::Sha256])
    }

    /// Creates a job for the sums that an entry has: the SHA-256 of one range, and its SHA-384 if `pair` has one.
    pub fn pair_of(segment: Segment, pair: SumPair) -> DigestJob {
        let strong = pair.sha384.map(|_| Function::Sha384);
        DigestJob::new(vec![segment], std::iter::once(Function::Sha256).chain(strong).collect())
    }

    /// Creates a job for hashes of the ranges as one stream.
    pub fn new(segments: Vec<Segment>, functions: Vec<Function>) -> DigestJob {
        DigestJob { segments, functions, slices: Vec::new(), slice_functions: Vec::new() }
    }

    /// Creates a job for the hashes of each slice of one range. `slices` are lengths in bytes, none of them 0.
    pub fn of_slices(segment: Segment, slice_functions: Vec<Function>, slices: Vec<u64>) -> DigestJob {
        DigestJob { segments: vec![segment], functions: Vec::new(), slices, slice_functions }
    }
}

/// A file that could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The name of the file.
    pub file: String,
    /// The cause.
    pub source: io::Error,
}

/// Hashes a list, the longest first, and calls `settle` with the index and the result of each. `lengths` are in
/// bytes. `job` creates a job when it starts, so that a long list needs little memory.
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
    // Similar lengths together keep the lanes full.
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let sorted: Vec<u64> = order.iter().map(|&at| lengths[at]).collect();
    // All jobs of a list use the same functions; take those of the longest.
    let lanes = order.first().map_or(1, |&at| {
        let DigestJob { functions, slice_functions, .. } = job(at);
        functions.into_iter().chain(slice_functions).map(lanes).max().unwrap_or(1)
    });
    let begin = |place: usize| Ok(Digesting::new(job(order[place]), monitor));
    pump_list(workers, lanes, &sorted, &begin, &|place, outcome| settle(order[place], outcome))
}

/// A flow that only hashes.
pub struct Digesting<'a> {
    bytes: u64,
    segments: Segments,
    functions: Vec<Function>,
    slices: Vec<u64>,
    slice_functions: Vec<Function>,
    /// The number of the current slice and its remaining bytes.
    slice: (usize, u64),
    monitor: Monitor<'a>,
}

impl<'a> Digesting<'a> {
    /// Creates a flow for this job.
    pub fn new(job: DigestJob, monitor: Monitor<'a>) -> Self {
        let bytes = job.segments.iter().map(|segment| segment.bytes).sum();
        let DigestJob { segments, functions, slices, slice_functions } = job;
        let slice = (0, slices.first().copied().unwrap_or(0));
        let segments = Segments::ahead(segments);
        Digesting { bytes, segments, functions, slices, slice_functions, slice, monitor }
    }
}

impl Flow for Digesting<'_> {
    type Done = Vec<Output>;
    type Error = Unreadable;

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn digests(&self) -> Digests {
        let whole = Digests::of(&self.functions);
        if self.slices.is_empty() {
            whole
        } else {
            whole.and_slices(self.slice_functions.clone(), self.slices.clone())
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Unreadable> {
        let (number, rest) = self.slice;
        let length = if self.slices.is_empty() {
            buffer.len()
        } else {
            usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len())
        };
        let filled = self.segments.fill(&mut buffer[..length]);
        if let Ok(Filled::Bytes(bytes)) = filled {
            self.slice.1 = rest.saturating_sub(bytes as u64);
            if self.slice.1 == 0 {
                self.slice = (number + 1, self.slices.get(number + 1).copied().unwrap_or(0));
            }
        }
        filled.map_err(|(file, source)| Unreadable { file, source })
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), Unreadable> {
        self.monitor.tell(Event::Moved { bytes: block.len() as u64 });
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<Vec<Output>, Unreadable> {
        let Digested { mut whole, slices, .. } = digested;
        whole.extend(slices);
        Ok(whole)
    }
}
