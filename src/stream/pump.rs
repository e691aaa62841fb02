//! The engine: workers that move many flows at once, and hash their blocks together.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::buffer::{Buffer, buffer_bytes};
use super::digests::Digests;
use super::flow::{Filled, Flow};
use super::hash::{self, Stream};
use super::workers::Workers;

/// How long a worker sleeps all of whose flows wait for a network.
const IDLE: Duration = Duration::from_micros(500);

/// A flow with this many bytes to come is worth another worker's help.
const WORTH_HELP_BYTES: u64 = 2 << 20;

/// How long the buffers of a flow are that two workers move, in bytes: handing over costs some microseconds.
const SHARED_BUFFER_BYTES: usize = 512 << 10;

/// Moves every flow that `next` gives until there is none, and tells `done` of each end; `done` may stop
/// all. The order of flows is that of `next`, and the longest should come first; when they end is not determined.
/// `lengths` are theirs in bytes, in that order, as far as anyone knows.
///
/// Each worker has up to `lanes` flows under way, as many as their hash function takes together. A flow that
/// would still be under way when all others are done goes alone, which is faster for it; workers that have
/// nothing left to do help the others.
///
/// # Errors
/// Only when the system has no memory for buffers. How flows end is for `done` to judge.
pub fn pump<F: Flow>(
    workers: &Workers,
    lanes: usize,
    lengths: &[u64],
    next: &(dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &(dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
) -> io::Result<()> {
    let engine = Engine {
        workers,
        lanes: lanes.min(workers.lanes_max()),
        next,
        done,
        lengths,
        begun: AtomicUsize::new(0),
        waiting_bytes: AtomicU64::new(lengths.iter().sum()),
        dry: AtomicBool::new(false),
        halted: AtomicBool::new(false),
        alone: AtomicUsize::new(0),
        idle: AtomicUsize::new(0),
    };
    workers.each(|| engine.work(Vec::new())).into_iter().collect()
}

/// A flow under way.
struct Lane<F> {
    flow: F,
    digests: Digests,
    buffer: Buffer,
    filled: usize,
    /// Bytes still to come, as far as anyone knows.
    rest: u64,
    /// Whether it ever had to wait: only many such flows together keep a network busy.
    waits: bool,
}

/// What all workers share.
struct Engine<'a, F: Flow> {
    workers: &'a Workers,
    lanes: usize,
    next: &'a (dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &'a (dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
    lengths: &'a [u64],
    /// Flows that somebody has begun.
    begun: AtomicUsize,
    /// Bytes of those that nobody has.
    waiting_bytes: AtomicU64,
    /// Whether there is no flow any more that nobody has begun.
    dry: AtomicBool,
    halted: AtomicBool,
    /// Workers that keep to a single flow though others wait.
    alone: AtomicUsize,
    /// Workers that have nothing left to do.
    idle: AtomicUsize,
}

impl<F: Flow> Engine<'_, F> {
    fn report(&self, outcome: Result<F::Done, F::Error>) {
        if (self.done)(outcome).is_break() {
            self.halted.store(true, Ordering::Relaxed);
        }
    }

    fn goes_on(&self) -> bool {
        !self.halted.load(Ordering::Relaxed) && !self.workers.interrupted()
    }

    /// Moves `lanes`, and whatever else is to be moved.
    fn work(&self, lanes: Vec<Lane<F>>) -> io::Result<()> {
        let worked = self.try_work(lanes);
        if worked.is_err() {
            self.halted.store(true, Ordering::Relaxed);
        }
        worked
    }

    fn try_work(&self, mut lanes: Vec<Lane<F>>) -> io::Result<()> {
        let mut spare: Vec<Buffer> = Vec::new();
        let mut claim = Claim { on: &self.alone, held: false };
        while self.goes_on() {
            if !self.stays_alone(&lanes, &mut claim) {
                self.take_more(&mut lanes, &mut spare)?;
            }
            if lanes.is_empty() {
                break;
            }
            if self.dry.load(Ordering::Relaxed) {
                if lanes.len() > 1 && self.finds_help() {
                    drop(claim);
                    let others = split_off_half(&mut lanes);
                    let (mine, theirs) = rayon::join(|| self.work(lanes), || self.work(others));
                    return mine.and(theirs);
                }
                if let [lane] = lanes.as_slice()
                    && lane.rest >= WORTH_HELP_BYTES
                    && !lane.waits
                    && self.idle.load(Ordering::Relaxed) > 0
                    && let Some(lane) = lanes.pop()
                {
                    lanes.extend(self.move_with_help(lane)?);
                    continue;
                }
            }
            if !self.step(&mut lanes, &mut spare) {
                std::thread::sleep(IDLE);
            }
        }
        self.idle.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Whether this worker keeps to its only flow: it would be the last one under way if it shared lanes, where
    /// each flow goes at a fraction of its speed, and by far: alike ones rather go together. One worker always
    /// takes more, or the others would wait.
    fn stays_alone(&self, lanes: &[Lane<F>], claim: &mut Claim<'_>) -> bool {
        let [lane] = lanes else {
            claim.give_up();
            return false;
        };
        let share = self.waiting_bytes.load(Ordering::Relaxed) / self.workers.count() as u64;
        let last = lane.rest.saturating_mul(self.lanes as u64) > share;
        let following = self.lengths.get(self.begun.load(Ordering::Relaxed)).copied().unwrap_or(0);
        let by_far = lane.rest > following.saturating_add(following / 4);
        if lane.waits || !last || !by_far {
            claim.give_up();
            return false;
        }
        claim.is_held(self.workers.count() - 1)
    }

    /// Begins flows, up to twice as many as are under way: a worker that filled all its lanes at once would take
    /// the longest flows from the others, and end alone.
    fn take_more(&self, lanes: &mut Vec<Lane<F>>, spare: &mut Vec<Buffer>) -> io::Result<()> {
        let wanted = (2 * lanes.len()).clamp(1, self.lanes);
        while lanes.len() < wanted && !self.dry.load(Ordering::Relaxed) {
            match (self.next)() {
                None => self.dry.store(true, Ordering::Relaxed),
                Some(Err(error)) => self.report(Err(error)),
                Some(Ok(flow)) => {
                    let buffer = spare.pop().map_or_else(|| Buffer::new(buffer_bytes(self.lanes)), Ok)?;
                    let (rest, digests) = (flow.bytes(), flow.digests());
                    self.begun.fetch_add(1, Ordering::Relaxed);
                    let taken = |waiting: u64| Some(waiting.saturating_sub(rest));
                    let _ = self.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
                    lanes.push(Lane { flow, digests, buffer, filled: 0, rest, waits: false });
                }
            }
        }
        Ok(())
    }

    /// Moves every lane one block on: all read, all hash together, all write. Those that wait are passed over; false
    /// if all did.
    fn step(&self, lanes: &mut Vec<Lane<F>>, spare: &mut Vec<Buffer>) -> bool {
        let mut moved = false;
        let mut at = 0;
        while at < lanes.len() {
            let lane = &mut lanes[at];
            match lane.flow.fill(&mut lane.buffer) {
                Ok(Filled::End) => {
                    moved = true;
                    let lane = lanes.swap_remove(at);
                    spare.push(lane.buffer);
                    self.report(lane.flow.finish(lane.digests.finish()));
                }
                Ok(Filled::Bytes(filled)) => {
                    moved = true;
                    lane.filled = filled;
                    at += 1;
                }
                Ok(Filled::Waiting) => {
                    (lane.filled, lane.waits) = (0, true);
                    at += 1;
                }
                Err(error) => {
                    moved = true;
                    spare.push(lanes.swap_remove(at).buffer);
                    self.report(Err(error));
                }
            }
        }
        let mut blocks: Vec<(&mut Stream, &[u8])> = Vec::new();
        for lane in lanes.iter_mut().filter(|lane| lane.filled > 0) {
            let block = &lane.buffer[..lane.filled];
            blocks.extend(lane.digests.streams().map(|stream| (stream, block)));
        }
        hash::update_together(&mut blocks);
        let mut at = 0;
        while at < lanes.len() {
            let lane = &mut lanes[at];
            if lane.filled == 0 {
                at += 1;
                continue;
            }
            lane.digests.advance(lane.filled);
            lane.rest = lane.rest.saturating_sub(lane.filled as u64);
            match lane.flow.drain(&lane.buffer[..lane.filled]) {
                Ok(()) => at += 1,
                Err(error) => {
                    spare.push(lanes.swap_remove(at).buffer);
                    self.report(Err(error));
                }
            }
        }
        moved
    }

    /// Moves a flow to its end, hashing each block while it is written and the next one is read, by whoever has
    /// nothing else to do. Gives the flow back if it has to wait.
    fn move_with_help(&self, lane: Lane<F>) -> io::Result<Option<Lane<F>>> {
        let Lane { mut flow, mut digests, buffer, mut rest, .. } = lane;
        let (mut block, mut following) =
            (Buffer::new(SHARED_BUFFER_BYTES)?, Buffer::new(SHARED_BUFFER_BYTES)?);
        let mut filled = flow.fill(&mut block);
        while self.goes_on() {
            match filled {
                Ok(Filled::Bytes(bytes)) => {
                    let read = &block[..bytes];
                    let transfer = || flow.drain(read).and_then(|()| flow.fill(&mut following));
                    ((), filled) = rayon::join(|| digests.update(read), transfer);
                    rest = rest.saturating_sub(bytes as u64);
                    std::mem::swap(&mut block, &mut following);
                }
                Ok(Filled::Waiting) => {
                    return Ok(Some(Lane { flow, digests, buffer, filled: 0, rest, waits: true }));
                }
                Ok(Filled::End) => {
                    self.report(flow.finish(digests.finish()));
                    break;
                }
                Err(error) => {
                    self.report(Err(error));
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Counts on a worker that has nothing to do, if there is one.
    fn finds_help(&self) -> bool {
        let one_less = |idle: usize| idle.checked_sub(1);
        self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

/// The longest flows stay, with half of the bytes or as little more as can be.
fn split_off_half<F>(lanes: &mut Vec<Lane<F>>) -> Vec<Lane<F>> {
    lanes.sort_by_key(|lane| std::cmp::Reverse(lane.rest));
    let half = lanes.iter().map(|lane| lane.rest).sum::<u64>() / 2;
    let mut kept = 0;
    let reaches = |lane: &Lane<F>| {
        kept += lane.rest;
        kept >= half
    };
    let longest = lanes.iter().position(reaches).unwrap_or(0) + 1;
    lanes.split_off(longest.min(lanes.len() - 1))
}

/// A place among those that go alone, given up when dropped.
struct Claim<'a> {
    on: &'a AtomicUsize,
    held: bool,
}

impl Claim<'_> {
    /// Takes the place, unless `limit` others have one each.
    fn is_held(&mut self, limit: usize) -> bool {
        let one_more = |alone: usize| (alone < limit).then_some(alone + 1);
        self.held = self.held || self.on.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        self.held
    }

    fn give_up(&mut self) {
        if std::mem::take(&mut self.held) {
            self.on.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::stream::digests::Digested;
    use crate::stream::hash::{Function, Output};

    /// What a flow does that is not like the others.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Nature {
        Plain,
        /// Says at every other block that nothing has come yet.
        Waits,
        /// Fails to read at its end.
        Unreadable,
        /// Fails to write its first block.
        Unwritable,
    }

    /// Bytes from memory to memory.
    struct Copying {
        name: usize,
        nature: Nature,
        source: Arc<Vec<u8>>,
        read: usize,
        written: Vec<u8>,
        asked: usize,
    }

    type Copied = (usize, Vec<u8>, Digested);

    impl Flow for Copying {
        type Done = Copied;
        type Error = usize;

        fn bytes(&self) -> u64 {
            self.source.len() as u64
        }

        fn digests(&self) -> Digests {
            Digests::of(&[Function::Sha256])
        }

        fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, usize> {
            self.asked += 1;
            if self.nature == Nature::Waits && self.asked % 2 == 1 {
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
            Ok((self.name, self.written, digested))
        }
    }

    /// Moves flows of these lengths, the longest first, and says how each ended.
    fn move_all(
        flows: &[(usize, Nature)],
        jobs: usize,
        lanes: usize,
        stop_at: usize,
    ) -> Vec<Result<Copied, usize>> {
        let source = |length: usize| Arc::new((0..=250).cycle().take(length).collect::<Vec<u8>>());
        let workers = Workers::new(NonZeroUsize::new(jobs), Arc::default()).unwrap();
        let next = AtomicUsize::new(0);
        let ends = Mutex::new(Vec::new());
        let lengths: Vec<u64> = flows.iter().map(|(length, _)| *length as u64).collect();
        pump(
            &workers,
            lanes,
            &lengths,
            &|| {
                let name = next.fetch_add(1, Ordering::Relaxed);
                let (length, nature) = *flows.get(name)?;
                let source = source(length);
                Some(Ok(Copying { name, nature, source, read: 0, written: Vec::new(), asked: 0 }))
            },
            &|end| {
                let mut ends = ends.lock().unwrap();
                ends.push(end);
                if ends.len() >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        )
        .unwrap();
        ends.into_inner().unwrap()
    }

    fn natures() -> impl Strategy<Value = Nature> {
        prop_oneof![
            6 => Just(Nature::Plain), 1 => Just(Nature::Waits),
            1 => Just(Nature::Unreadable), 1 => Just(Nature::Unwritable),
        ]
    }

    /// Lengths on both sides of a buffer and of what is worth help.
    fn lengths() -> impl Strategy<Value = usize> {
        prop_oneof![Just(0), 1_usize..200_000, 2_000_000_usize..4_000_000]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_flow_ends_once_and_comes_whole(
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
    fn a_last_long_flow_is_hashed_while_it_is_read() {
        // Alone from its first block on, and the other worker idle: what both halves see must fit.
        let ends = move_all(&[(40_000_001, Nature::Plain)], 2, 4, usize::MAX);
        let (_, written, digested) = ends[0].as_ref().unwrap();
        assert_eq!((written.len(), digested.bytes), (40_000_001, 40_000_001));
        assert!(matches!(digested.whole[..], [Output::Sha256(_)]));
    }

    #[test]
    fn enough_is_enough() {
        let flows = [(3_000_000, Nature::Plain); 40];
        let ends = move_all(&flows, 2, 2, 1).len();
        assert!((1..=8).contains(&ends), "{ends} ended");
    }

    #[test]
    fn the_longest_stay_when_lanes_are_shared_out() {
        let lanes_of = |lengths: &[u64]| {
            let lane = |&rest: &u64| Lane {
                flow: (),
                digests: Digests::of(&[Function::Sha256]),
                buffer: Buffer::new(64).unwrap(),
                filled: 0,
                rest,
                waits: false,
            };
            lengths.iter().map(lane).collect::<Vec<_>>()
        };
        for (lengths, stay) in [(&[1, 9][..], 1), (&[5, 5, 5, 5], 2), (&[1, 1, 1, 20, 1], 1), (&[0, 0], 1)] {
            let mut lanes = lanes_of(lengths);
            let given = split_off_half(&mut lanes);
            assert_eq!((lanes.len(), given.len()), (stay, lengths.len() - stay), "{lengths:?}");
            assert_eq!(lanes[0].rest, *lengths.iter().max().unwrap());
        }
    }
}
