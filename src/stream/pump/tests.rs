//! Flows from memory to memory, by any number of workers and lanes.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::lane::{Lane, split_off_half};
use super::{Halted, pump, pump_list};
use crate::stream::buffer::Buffer;
use crate::stream::digests::Digested;
use crate::stream::digests::Digests;
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{Function, Output};
use crate::stream::workers::Workers;

/// The special behaviour of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    Plain,
    /// Has no data at every other read.
    Waits,
    /// Fails to read at the end.
    Unreadable,
    /// Fails to write the first block.
    Unwritable,
    /// Is not among the flows with known lengths.
    Late,
    /// Has no data until a late flow has ended, or until it was asked often enough that none will come.
    WaitsForLate,
}

/// How often a flow that waits for a late one is asked before it goes on without. Workers sleep 0.5 ms in between.
const PATIENCE: usize = 20_000;

/// Copies bytes from memory to memory.
struct Copying {
    name: usize,
    nature: Nature,
    source: Arc<Vec<u8>>,
    read: usize,
    written: Vec<u8>,
    asked: usize,
    late_ended: Arc<AtomicBool>,
}

impl Copying {
    fn new(name: usize, nature: Nature, source: Arc<Vec<u8>>, late_ended: Arc<AtomicBool>) -> Copying {
        Copying { name, nature, source, read: 0, written: Vec::new(), asked: 0, late_ended }
    }
}

type Copied = (usize, Vec<u8>, Digested);

impl Flow for Copying {
    type Done = Copied;
    type Error = usize;

    fn bytes(&self) -> u64 {
        self.source.len() as u64
    }

    fn is_beside(&self) -> bool {
        self.nature == Nature::Late
    }

    fn digests(&self) -> Digests {
        Digests::of(&[Function::Sha256])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, usize> {
        self.asked += 1;
        if self.nature == Nature::Waits && self.asked % 2 == 1 {
            return Ok(Filled::Waiting);
        }
        let gone_on = self.asked > PATIENCE || self.late_ended.load(Ordering::SeqCst);
        if self.nature == Nature::WaitsForLate && !gone_on {
            return Ok(Filled::Waiting);
        }
        let rest = &self.source[self.read..];
        if rest.is_empty() && self.nature == Nature::Unreadable {
            return Err(self.name);
        }
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.read += length;
        Ok(Filled::of(length))
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), usize> {
        if self.nature == Nature::Unwritable {
            return Err(self.name);
        }
        self.written.extend_from_slice(block);
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<Copied, usize> {
        self.late_ended.fetch_or(self.nature == Nature::Late, Ordering::SeqCst);
        Ok((self.name, self.written, digested))
    }
}

/// Moves flows of these lengths, the longest first, and returns their results.
fn move_all(
    flows: &[(usize, Nature)],
    jobs: usize,
    lanes: usize,
    stop_at: usize,
) -> Vec<Result<Copied, usize>> {
    let source = |length: usize| Arc::new((0..=250).cycle().take(length).collect::<Vec<u8>>());
    let workers = Workers::new(NonZeroUsize::new(jobs), Arc::default()).unwrap();
    let ends = Mutex::new(Vec::new());
    let lengths: Vec<u64> = flows.iter().map(|(length, _)| *length as u64).collect();
    let begin = |name: usize| {
        let (length, nature) = flows[name];
        Ok(Copying::new(name, nature, source(length), Arc::default()))
    };
    let moved = pump_list(&workers, lanes, &lengths, begin, |name, end: Result<Copied, usize>| {
        assert_eq!(
            match &end {
                Ok((name, ..)) | Err(name) => *name,
            },
            name
        );
        let mut ends = ends.lock().unwrap();
        ends.push(end);
        if ends.len() >= stop_at { Err(Halted::Interrupted) } else { Ok(()) }
    });
    let ends = ends.into_inner().unwrap();
    assert_eq!(moved.is_err(), ends.len() >= stop_at);
    ends
}

fn natures() -> impl Strategy<Value = Nature> {
    prop_oneof![
        6 => Just(Nature::Plain), 1 => Just(Nature::Waits),
        1 => Just(Nature::Unreadable), 1 => Just(Nature::Unwritable),
    ]
}

/// Lengths around the buffer size and the threshold for help.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 1_usize..200_000, 2_000_000_usize..4_000_000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_flow_ends_once_and_is_complete(
        mut flows in prop::collection::vec((lengths(), natures()), 0..20),
        jobs in 1_usize..5,
        lanes in 1_usize..17,
    ) {
        flows.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        let mut seen = vec![false; flows.len()];
        for end in move_all(&flows, jobs, lanes, usize::MAX) {
            let name = match &end { Ok((name, ..)) | Err(name) => *name };
            prop_assert!(!std::mem::replace(&mut seen[name], true));
            let (length, nature) = flows[name];
            let fails = nature == Nature::Unreadable || (nature == Nature::Unwritable && length > 0);
            prop_assert_eq!(end.is_err(), fails);
            if let Ok((_, written, digested)) = end {
                let source: Vec<u8> = (0..=250).cycle().take(length).collect();
                prop_assert!(written == source);
                let mut expected = Digests::of(&[Function::Sha256]);
                expected.update(&source);
                prop_assert_eq!(digested, expected.finish());
            }
        }
        prop_assert!(seen.into_iter().all(|seen| seen));
    }
}

#[test]
fn last_long_flow_is_hashed_while_it_is_read() {
    // The flow is alone from its first block, and the other worker is idle and helps.
    let ends = move_all(&[(40_000_001, Nature::Plain)], 2, 4, usize::MAX);
    let (_, written, digested) = ends[0].as_ref().unwrap();
    assert_eq!((written.len(), digested.bytes), (40_000_001, 40_000_001));
    assert!(matches!(digested.whole[..], [Output::Sha256(_)]));
}

#[test]
fn idle_worker_starts_a_late_flow() {
    let workers = Workers::new(NonZeroUsize::new(2), Arc::default()).unwrap();
    let (asked, ends) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (length, late_ended) = (3_000_000, Arc::new(AtomicBool::new(false)));
    pump(
        &workers,
        2,
        &[length],
        &|| {
            let name = asked.fetch_add(1, Ordering::SeqCst);
            let nature = match name {
                0 => Nature::WaitsForLate,
                9 => Nature::Late,
                _ => return None,
            };
            let source = Arc::new(vec![7; usize::try_from(length).unwrap()]);
            Some(Ok(Copying::new(name, nature, source, late_ended.clone())))
        },
        &|end: Result<Copied, usize>| {
            ends.lock().unwrap().push(end.map(|(name, ..)| name));
            Ok::<(), Halted>(())
        },
    )
    .unwrap();
    let mut ends = ends.into_inner().unwrap();
    ends.sort_unstable();
    assert_eq!(ends, [Ok(0), Ok(9)]);
}

#[test]
fn stops_after_an_error_of_settle() {
    let flows = [(3_000_000, Nature::Plain); 40];
    let ends = move_all(&flows, 2, 2, 1).len();
    assert!((1..=8).contains(&ends), "{ends} ended");
}

#[test]
fn longest_flows_stay_when_lanes_are_split() {
    let lanes_of = |lengths: &[u64]| {
        let lane = |&rest: &u64| Lane {
            flow: (),
            digests: Digests::of(&[Function::Sha256]),
            buffer: Buffer::new(64).unwrap(),
            filled: 0,
            rest,
            waits: false,
            beside: false,
        };
        lengths.iter().map(lane).collect::<Vec<_>>()
    };
    for (lengths, stay) in [(&[1, 9][..], 1), (&[5, 5, 5, 5], 2), (&[1, 1, 1, 20, 1], 1), (&[0, 0], 1)] {
        let mut lanes = lanes_of(lengths);
        let handed = split_off_half(&mut lanes);
        assert_eq!((lanes.len(), handed.len()), (stay, lengths.len() - stay), "{lengths:?}");
        assert_eq!(lanes[0].rest, *lengths.iter().max().unwrap());
    }
}
