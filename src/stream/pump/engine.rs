//! What the workers do: begin flows, move them block by block, hand them over, and help.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::crew::{Claim, Crew, HaltUnlessOk};
use super::lane::{Lane, Spare, split_off_half};

use crate::stream::buffer::buffer_bytes;
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{self, Stream};
use crate::stream::workers::Workers;

/// How long a worker sleeps if all its flows wait for the network.
const IDLE: Duration = Duration::from_micros(500);

/// How long a worker without flows polls for work before it starts to sleep.
const POLL: Duration = Duration::from_micros(200);

/// The first and the longest sleep. Each is twice the previous one, so that many idle workers cost little.
const NAPS: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// A flow with at least this many remaining bytes is worth the help of another worker.
const WORTH_HELP_BYTES: u64 = 2 << 20;

/// Buffer size for a flow that two workers move, in bytes. Handing a block over costs some microseconds.
const SHARED_BUFFER_BYTES: usize = 512 << 10;

/// Returns, for each index, the greatest length from there on.
fn longest_from(lengths: &[u64]) -> Vec<u64> {
    let mut longest = lengths.to_vec();
    for place in (1..longest.len()).rev() {
        longest[place - 1] = longest[place - 1].max(longest[place]);
    }
    longest
}

/// The state that all workers share.
pub(super) struct Engine<'a, F: Flow> {
    workers: &'a Workers,
    lanes: usize,
    next: &'a (dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &'a (dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
    longest_from: Vec<u64>,
    /// The number of flows that were started.
    begun: AtomicUsize,
    /// The total bytes of the flows that were not started.
    waiting_bytes: AtomicU64,
    /// Whether `next` has returned `None`.
    exhausted: AtomicBool,
    halted: AtomicBool,
    /// Whether any flow had to wait for data: only many such flows together keep a network busy.
    network: AtomicBool,
    /// The number of workers that move a single flow although others wait.
    alone: AtomicUsize,
    crew: Mutex<Crew<F>>,
}

impl<'a, F: Flow> Engine<'a, F> {
    /// No flow has started. The parameters are those of [`super::pump`].
    pub(super) fn new(
        workers: &'a Workers,
        lanes: usize,
        lengths: &[u64],
        next: &'a (dyn Fn() -> Option<Result<F, F::Error>> + Sync),
        done: &'a (dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
    ) -> Engine<'a, F> {
        Engine {
            workers,
            lanes: lanes.min(workers.lanes_max()),
            next,
            done,
            longest_from: longest_from(lengths),
            begun: AtomicUsize::new(0),
            waiting_bytes: AtomicU64::new(lengths.iter().sum()),
            exhausted: AtomicBool::new(false),
            halted: AtomicBool::new(false),
            network: AtomicBool::new(false),
            alone: AtomicUsize::new(0),
            crew: Mutex::new(Crew { busy: 0, idle: 0, promised: 0, handed: Vec::new() }),
        }
    }

    fn report(&self, outcome: Result<F::Done, F::Error>) {
        if (self.done)(outcome).is_break() {
            self.halted.store(true, Ordering::Relaxed);
        }
    }

    fn is_running(&self) -> bool {
        !self.halted.load(Ordering::Relaxed) && !self.workers.interrupted()
    }

    fn crew(&self) -> MutexGuard<'_, Crew<F>> {
        // The numbers are consistent after every change, even if a thread panicked.
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves flows, including those that others hand over, until all are done.
    pub(super) fn work(&self) -> io::Result<()> {
        let mut ends = HaltUnlessOk { halted: &self.halted, ok: false };
        self.crew().busy += 1;
        let mut lanes = Some(Vec::new());
        while let Some(begun) = lanes {
            self.move_lanes(begun)?;
            lanes = self.wait_for_work()?;
        }
        ends.ok = true;
        Ok(())
    }

    /// Moves these lanes and flows that were not started.
    fn move_lanes(&self, mut lanes: Vec<Lane<F>>) -> io::Result<()> {
        let mut spare = Spare::default();
        let mut claim = Claim { on: &self.alone, held: false };
        while self.is_running() {
            if !self.stays_alone(&lanes, &mut claim) {
                self.take_more(&mut lanes, &mut spare)?;
            }
            if lanes.is_empty() {
                break;
            }
            if self.exhausted.load(Ordering::Relaxed) {
                if lanes.len() > 1 {
                    self.hand_over_half(&mut lanes);
                } else if let Some(lane) = lanes.pop_if(|lane| lane.rest >= WORTH_HELP_BYTES && !lane.waits) {
                    if self.reserve_helper() {
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

    /// Waits for lanes from another worker or for a late flow, and meanwhile runs shared work of others. Returns
    /// `None` when no worker has flows left.
    fn wait_for_work(&self) -> io::Result<Option<Vec<Lane<F>>>> {
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
                if handed.is_some() || crew.busy == 0 || !self.is_running() {
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
                _ if since.elapsed() < POLL => thread::yield_now(),
                _ => {
                    thread::sleep(nap);
                    nap = NAPS.1.min(2 * nap);
                }
            }
        }
    }

    /// Returns whether this worker moves its only flow alone. It does if the flow, slowed down by sharing lanes, would
    /// be the last one by far; flows of similar length share lanes. One worker always takes more flows, because the
    /// others would wait.
    fn stays_alone(&self, lanes: &[Lane<F>], claim: &mut Claim<'_>) -> bool {
        let last_by_far = |lane: &Lane<F>| {
            let share = self.waiting_bytes.load(Ordering::Relaxed) / self.workers.count() as u64;
            let following = self.longest_from.get(self.begun.load(Ordering::Relaxed)).copied().unwrap_or(0);
            lane.rest.saturating_mul(self.lanes as u64) > share
                && lane.rest > following.saturating_add(following / 4)
        };
        match lanes {
            [lane] if !lane.beside && !self.network.load(Ordering::Relaxed) && last_by_far(lane) => {
                claim.acquire(self.workers.count() - 1)
            }
            _ => {
                claim.release();
                false
            }
        }
    }

    /// Starts flows, up to twice as many as are active. A worker that filled all lanes at once would take the longest
    /// flows from the others and finish last.
    fn take_more(&self, lanes: &mut Vec<Lane<F>>, spare: &mut Spare) -> io::Result<()> {
        let wanted = (2 * lanes.len()).clamp(1, self.lanes);
        while lanes.len() < wanted && !self.exhausted.load(Ordering::Relaxed) {
            match self.begin_next(spare)? {
                Some(lane) => lanes.push(lane),
                None => self.exhausted.store(true, Ordering::Relaxed),
            }
        }
        Ok(())
    }

    /// Starts the next flow, if there is one.
    fn begin_next(&self, spare: &mut Spare) -> io::Result<Option<Lane<F>>> {
        while self.is_running() {
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

    /// Moves every lane by one block: reads all, hashes all together, writes all. Skips lanes without data, and
    /// returns false if all were skipped.
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
            let slice = lane.digests.advance(lane.filled);
            lane.rest = lane.rest.saturating_sub(lane.filled as u64);
            let drained = lane.flow.drain(&lane.buffer[..lane.filled]);
            match drained.and_then(|()| slice.map_or(Ok(()), |slice| lane.flow.end_slice(slice))) {
                Ok(()) => at += 1,
                Err(error) => {
                    spare.put(lanes.swap_remove(at).buffer);
                    self.report(Err(error));
                }
            }
        }
        moved
    }

    /// Moves a flow to its end. An idle worker hashes each block while it is written and the next one is read. Returns
    /// the flow if it has to wait.
    fn move_with_help(&self, lane: Lane<F>, spare: &mut Spare) -> io::Result<Option<Lane<F>>> {
        let Lane { mut flow, mut digests, buffer, mut rest, beside, .. } = lane;
        let (mut block, mut following) = (spare.take(SHARED_BUFFER_BYTES)?, spare.take(SHARED_BUFFER_BYTES)?);
        let mut filled = flow.fill(&mut block);
        let mut waits = false;
        while self.is_running() {
            match filled {
                Ok(Filled::Bytes(bytes)) => {
                    let read = &block[..bytes];
                    let transfer = || flow.drain(read).and_then(|()| flow.fill(&mut following));
                    let slice;
                    (slice, filled) = rayon::join(|| digests.update(read), transfer);
                    if let Some(slice) = slice
                        && filled.is_ok()
                        && let Err(error) = flow.end_slice(slice)
                    {
                        filled = Err(error);
                    }
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

    /// Reserves an idle worker, if there is one.
    fn reserve_helper(&self) -> bool {
        let mut crew = self.crew();
        let found = crew.idle > crew.promised;
        crew.promised += usize::from(found);
        found
    }

    /// Hands half of these lanes to an idle worker, if there is one.
    fn hand_over_half(&self, lanes: &mut Vec<Lane<F>>) {
        if self.reserve_helper() {
            let others = split_off_half(lanes);
            self.crew().handed.push(others);
        }
    }
}
