//! The engine: workers that move many flows at once, and hash their blocks together.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::buffer::{Buffer, buffer_bytes};
use super::digests::Digests;
use super::flow::{Filled, Flow};
use super::hash::{self, Stream};
use super::workers::Workers;

/// How long a worker sleeps all of whose flows wait for a network.
const IDLE: Duration = Duration::from_micros(500);

/// How long a worker without flows looks out for work before it sleeps in between.
const LOOKOUT: Duration = Duration::from_micros(200);

/// Its first nap and its longest; each is twice the one before, so that many idle workers cost little.
const NAPS: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// A flow with this many bytes to come is worth another worker's help.
const WORTH_HELP_BYTES: u64 = 2 << 20;

/// How long the buffers of a flow are that two workers move, in bytes: handing over costs some microseconds.
const SHARED_BUFFER_BYTES: usize = 512 << 10;

/// Moves every flow that `next` gives until there is none, and tells `done` of each end; `done` may stop
/// all. The order of flows is that of `next`, and the longest should come first; when they end is not determined.
/// `lengths` are theirs in bytes, in that order, as far as anyone knows; flows that are [`Flow::is_beside`] are not
/// among them, and may come even after `next` gave nothing.
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
        longest_from: longest_from(lengths),
        begun: AtomicUsize::new(0),
        waiting_bytes: AtomicU64::new(lengths.iter().sum()),
        dry: AtomicBool::new(false),
        halted: AtomicBool::new(false),
        network: AtomicBool::new(false),
        alone: AtomicUsize::new(0),
        crew: Mutex::new(Crew { busy: 0, idle: 0, promised: 0, handed: Vec::new() }),
    };
    workers.each(|| engine.work()).into_iter().collect()
}

/// The longest of those from each place on.
fn longest_from(lengths: &[u64]) -> Vec<u64> {
    let mut longest = lengths.to_vec();
    for place in (1..longest.len()).rev() {
        longest[place - 1] = longest[place - 1].max(longest[place]);
    }
    longest
}

/// A flow under way.
struct Lane<F> {
    flow: F,
    digests: Digests,
    buffer: Buffer,
    filled: usize,
    /// Bytes still to come, as far as anyone knows.
    rest: u64,
    /// Whether nothing had come when it was asked last.
    waits: bool,
    /// Whether it is not among the flows whose lengths are known.
    beside: bool,
}

/// Who is where, and what is handed over.
struct Crew<F> {
    /// Workers that move flows.
    busy: usize,
    /// Workers that look out for work.
    idle: usize,
    /// How many of those somebody counts on.
    promised: usize,
    /// Lanes that wait for one of them. They are never given to a worker that has others under way: those would
    /// stand still.
    handed: Vec<Vec<Lane<F>>>,
}

/// What all workers share.
struct Engine<'a, F: Flow> {
    workers: &'a Workers,
    lanes: usize,
    next: &'a (dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &'a (dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
    longest_from: Vec<u64>,
    /// Flows that somebody has begun.
    begun: AtomicUsize,
    /// Bytes of those that nobody has.
    waiting_bytes: AtomicU64,
    /// Whether `next` had nothing any more.
    dry: AtomicBool,
    halted: AtomicBool,
    /// Whether any flow ever had to wait: only many such flows together keep a network busy.
    network: AtomicBool,
    /// Workers that keep to a single flow though others wait.
    alone: AtomicUsize,
    crew: Mutex<Crew<F>>,
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

    fn crew(&self) -> MutexGuard<'_, Crew<F>> {
        // Its numbers are right after every change.
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves flows, and those that others hand over, until all are moved.
    fn work(&self) -> io::Result<()> {
        let mut ends = HaltUnlessWell { halted: &self.halted, well: false };
        self.crew().busy += 1;
        let mut lanes = Some(Vec::new());
        while let Some(begun) = lanes {
            self.move_lanes(begun)?;
            lanes = self.look_out()?;
        }
        ends.well = true;
        Ok(())
    }

    /// Moves these lanes, and whatever nobody has begun.
    fn move_lanes(&self, mut lanes: Vec<Lane<F>>) -> io::Result<()> {
        let mut spare = Spare::default();
        let mut claim = Claim { on: &self.alone, held: false };
        while self.goes_on() {
            if !self.stays_alone(&lanes, &mut claim) {
                self.take_more(&mut lanes, &mut spare)?;
            }
            if lanes.is_empty() {
                break;
            }
            if self.dry.load(Ordering::Relaxed) {
                if lanes.len() > 1 {
                    self.hand_over_half(&mut lanes);
                } else if let Some(lane) = lanes.pop_if(|lane| lane.rest >= WORTH_HELP_BYTES && !lane.waits) {
                    if self.finds_help() {
                        let moved = self.move_with_help(lane, &mut spare);
                        self.crew().promised -= 1;
                        lanes.extend(moved?);
                        continue;
                    }
                    lanes.push(lane);
                }
            }
            if !self.step(&mut lanes, &mut spare) {
                thread::sleep(IDLE);
            }
        }
        Ok(())
    }

    /// Waits for lanes that another worker hands over, or for a flow that comes late; meanwhile does what others
    /// share. `None` when nobody has anything left.
    fn look_out(&self) -> io::Result<Option<Vec<Lane<F>>>> {
        {
            let mut crew = self.crew();
            crew.busy -= 1;
            crew.idle += 1;
        }
        let (mut since, mut nap) = (Instant::now(), NAPS.0);
        loop {
            {
                let mut crew = self.crew();
                let handed = crew.handed.pop();
                if handed.is_some() {
                    crew.promised -= 1;
                }
                if handed.is_some() || crew.busy == 0 || !self.goes_on() {
                    crew.idle -= 1;
                    crew.busy += usize::from(handed.is_some());
                    return Ok(handed);
                }
            }
            if let Some(lane) = self.begin_next(&mut Spare::default())? {
                let mut crew = self.crew();
                crew.idle -= 1;
                crew.busy += 1;
                return Ok(Some(vec![lane]));
            }
            match rayon::yield_now() {
                Some(rayon::Yield::Executed) => (since, nap) = (Instant::now(), NAPS.0),
                _ if since.elapsed() < LOOKOUT => thread::yield_now(),
                _ => {
                    thread::sleep(nap);
                    nap = NAPS.1.min(2 * nap);
                }
            }
        }
    }

    /// Whether this worker keeps to its only flow: it would be the last one under way if it shared lanes, where
    /// each flow goes at a fraction of its speed, and by far: alike ones rather go together. One worker always
    /// takes more, or the others would wait.
    fn stays_alone(&self, lanes: &[Lane<F>], claim: &mut Claim<'_>) -> bool {
        let by_far_the_last = |lane: &Lane<F>| {
            let share = self.waiting_bytes.load(Ordering::Relaxed) / self.workers.count() as u64;
            let following = self.longest_from.get(self.begun.load(Ordering::Relaxed)).copied().unwrap_or(0);
            lane.rest.saturating_mul(self.lanes as u64) > share
                && lane.rest > following.saturating_add(following / 4)
        };
        match lanes {
            [lane] if !lane.beside && !self.network.load(Ordering::Relaxed) && by_far_the_last(lane) => {
                claim.is_held(self.workers.count() - 1)
            }
            _ => {
                claim.give_up();
                false
            }
        }
    }

    /// Begins flows, up to twice as many as are under way: a worker that filled all its lanes at once would take
    /// the longest flows from the others, and end alone.
    fn take_more(&self, lanes: &mut Vec<Lane<F>>, spare: &mut Spare) -> io::Result<()> {
        let wanted = (2 * lanes.len()).clamp(1, self.lanes);
        while lanes.len() < wanted && !self.dry.load(Ordering::Relaxed) {
            match self.begin_next(spare)? {
                Some(lane) => lanes.push(lane),
                None => self.dry.store(true, Ordering::Relaxed),
            }
        }
        Ok(())
    }

    /// Begins the next flow, if there is one.
    fn begin_next(&self, spare: &mut Spare) -> io::Result<Option<Lane<F>>> {
        while self.goes_on() {
            match (self.next)() {
                None => break,
                Some(Err(error)) => {
                    self.begun.fetch_add(1, Ordering::Relaxed);
                    self.report(Err(error));
                }
                Some(Ok(flow)) => {
                    let (rest, digests, beside) = (flow.bytes(), flow.digests(), flow.is_beside());
                    if !beside {
                        self.begun.fetch_add(1, Ordering::Relaxed);
                        let taken = |waiting: u64| Some(waiting.saturating_sub(rest));
                        let _ = self.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
                    }
                    let buffer = spare.take(buffer_bytes(self.lanes))?;
                    return Ok(Some(Lane { flow, digests, buffer, filled: 0, rest, waits: false, beside }));
                }
            }
        }
        Ok(None)
    }

    /// Moves every lane one block on: all read, all hash together, all write. Those that wait are passed over; false
    /// if all did.
    fn step(&self, lanes: &mut Vec<Lane<F>>, spare: &mut Spare) -> bool {
        let mut moved = false;
        let mut at = 0;
        while at < lanes.len() {
            let lane = &mut lanes[at];
            match lane.flow.fill(&mut lane.buffer) {
                Ok(Filled::End) => {
                    moved = true;
                    let lane = lanes.swap_remove(at);
                    spare.put(lane.buffer);
                    self.report(lane.flow.finish(lane.digests.finish()));
                }
                Ok(Filled::Bytes(filled)) => {
                    moved = true;
                    (lane.filled, lane.waits) = (filled, false);
                    at += 1;
                }
                Ok(Filled::Waiting) => {
                    (lane.filled, lane.waits) = (0, true);
                    self.network.store(true, Ordering::Relaxed);
                    at += 1;
                }
                Err(error) => {
                    moved = true;
                    spare.put(lanes.swap_remove(at).buffer);
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
                    spare.put(lanes.swap_remove(at).buffer);
                    self.report(Err(error));
                }
            }
        }
        moved
    }

    /// Moves a flow to its end, hashing each block while it is written and the next one is read, by whoever has
    /// nothing else to do. Gives the flow back if it has to wait.
    fn move_with_help(&self, lane: Lane<F>, spare: &mut Spare) -> io::Result<Option<Lane<F>>> {
        let Lane { mut flow, mut digests, buffer, mut rest, beside, .. } = lane;
        let (mut block, mut following) = (spare.take(SHARED_BUFFER_BYTES)?, spare.take(SHARED_BUFFER_BYTES)?);
        let mut filled = flow.fill(&mut block);
        let mut waits = false;
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
                    waits = true;
                    break;
                }
                Ok(Filled::End) => {
                    self.report(flow.finish(digests.finish()));
                    return Ok(None);
                }
                Err(error) => {
                    self.report(Err(error));
                    return Ok(None);
                }
            }
        }
        spare.put(block);
        spare.put(following);
        Ok(waits.then_some(Lane { flow, digests, buffer, filled: 0, rest, waits, beside }))
    }

    /// Counts on a worker that has nothing to do, if there is one.
    fn finds_help(&self) -> bool {
        let mut crew = self.crew();
        let found = crew.idle > crew.promised;
        crew.promised += usize::from(found);
        found
    }

    /// Hands half of these lanes to a worker that has nothing to do, if there is one.
    fn hand_over_half(&self, lanes: &mut Vec<Lane<F>>) {
        if self.finds_help() {
            let others = split_off_half(lanes);
            self.crew().handed.push(others);
        }
    }
}

/// Buffers that no lane needs now.
#[derive(Default)]
struct Spare(Vec<Buffer>);

impl Spare {
    /// One of this many bytes.
    fn take(&mut self, bytes: usize) -> io::Result<Buffer> {
        match self.0.iter().position(|buffer| buffer.len() == bytes) {
            Some(place) => Ok(self.0.swap_remove(place)),
            None => Buffer::new(bytes),
        }
    }

    fn put(&mut self, buffer: Buffer) {
        self.0.push(buffer);
    }
}

/// Has all workers end when one of them fails or panics: nobody would hand over what it had.
struct HaltUnlessWell<'a> {
    halted: &'a AtomicBool,
    well: bool,
}

impl Drop for HaltUnlessWell<'_> {
    fn drop(&mut self) {
        if !self.well {
            self.halted.store(true, Ordering::Relaxed);
        }
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
        /// Comes beside the others.
        Late,
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
    fn what_comes_late_is_begun_by_whoever_is_idle() {
        let workers = Workers::new(NonZeroUsize::new(2), Arc::default()).unwrap();
        let (asked, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let length = 3_000_000;
        pump(
            &workers,
            2,
            &[length],
            &|| {
                let name = asked.fetch_add(1, Ordering::SeqCst);
                let nature = match name {
                    // Under way for some while: it waits at every other block.
                    0 => Nature::Waits,
                    9 => Nature::Late,
                    _ => return None,
                };
                let source = Arc::new(vec![7; usize::try_from(length).unwrap()]);
                Some(Ok(Copying { name, nature, source, read: 0, written: Vec::new(), asked: 0 }))
            },
            &|end| {
                assert!(end.is_ok());
                ended.fetch_add(1, Ordering::SeqCst);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        assert_eq!(ended.into_inner(), 2);
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
                beside: false,
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
