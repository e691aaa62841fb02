//! The engine: workers that move many flows at once, each flow one blob on its way.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::buffer::{Buffer, buffer_bytes};
use super::hash::{self, Stream};

/// One blob on its way: where its bytes come from, which streams hash them, where they go.
pub trait Flow: Send {
    /// What comes out at its end.
    type Done;
    /// How it fails.
    type Error;

    /// Reads the next bytes into `buffer`, at most as many as [`Flow::drain`] can take at once.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Self::Error>;

    /// The streams that hash the block just read.
    fn streams(&mut self) -> &mut [Stream];

    /// Takes the block just read and hashed where it belongs.
    fn drain(&mut self, block: &[u8]) -> Result<(), Self::Error>;

    /// Ends the flow after its last block.
    fn finish(self) -> Result<Self::Done, Self::Error>;
}

/// What came when a flow was asked for its next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing yet: the flow is passed over until something is there.
    Waiting,
    /// Nothing any more.
    End,
}

impl Filled {
    /// What a reader that never waits gave: no bytes are its end.
    pub fn of(read: usize) -> Filled {
        if read == 0 { Filled::End } else { Filled::Bytes(read) }
    }
}

/// The worker threads.
pub struct Workers {
    pool: rayon::ThreadPool,
    /// How many flows a worker may have under way before the process runs out of open files.
    lanes_max: usize,
    /// Set from outside to stop early, as by a signal.
    stop: Arc<AtomicBool>,
}

impl Workers {
    /// As many workers as asked for; `None` takes one a processor.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(jobs: Option<std::num::NonZeroUsize>, stop: Arc<AtomicBool>) -> io::Result<Workers> {
        let threads = jobs.map_or(0, std::num::NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("worker-{number}"))
            .build()
            .map_err(io::Error::other)?;
        let lanes_max = lanes_max(pool.current_num_threads());
        Ok(Workers { pool, lanes_max, stop })
    }

    /// The flag that says so, for whoever waits elsewhere.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether to stop early.
    pub fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Files that one flow has open at most: one that it reads and one that it writes.
const FILES_PER_FLOW: usize = 2;

/// How long a worker sleeps all of whose flows wait for a network.
const IDLE: Duration = Duration::from_micros(500);

/// Files that the rest of the process has open: the standard streams, locks, folders.
const FILES_BESIDE: usize = 24;

fn lanes_max(threads: usize) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    (files.saturating_sub(FILES_BESIDE) / (FILES_PER_FLOW * threads.max(1))).max(1)
}

struct Lane<F> {
    flow: F,
    buffer: Buffer,
    filled: usize,
}

/// Moves every flow that `next` gives until there is none, and tells `done` of each end; `done` may stop
/// all. The order of flows is that of `next`; when they end is not determined.
///
/// Each worker has up to `lanes` flows under way, as many as their hash function takes together.
///
/// # Errors
/// Only when the system has no memory for buffers. How flows end is for `done` to judge.
pub fn pump<F: Flow>(
    workers: &Workers,
    lanes: usize,
    next: &(dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &(dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
) -> io::Result<()> {
    let halted = AtomicBool::new(false);
    let lanes = lanes.min(workers.lanes_max);
    let outcomes = workers.pool.broadcast(|_| {
        let worked = work(workers, lanes, next, done, &halted);
        if worked.is_err() {
            halted.store(true, Ordering::Relaxed);
        }
        worked
    });
    outcomes.into_iter().collect()
}

fn work<F: Flow>(
    workers: &Workers,
    lanes: usize,
    next: &(dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    done: &(dyn Fn(Result<F::Done, F::Error>) -> ControlFlow<()> + Sync),
    halted: &AtomicBool,
) -> io::Result<()> {
    let report = |outcome| {
        if done(outcome).is_break() {
            halted.store(true, Ordering::Relaxed);
        }
    };
    let bytes = buffer_bytes(lanes);
    let mut under_way: Vec<Lane<F>> = Vec::with_capacity(lanes);
    let mut spare: Vec<Buffer> = Vec::new();
    let mut dry = false;
    while !halted.load(Ordering::Relaxed) && !workers.interrupted() {
        // Twice as many each round: a worker that filled all its lanes at once would take the longest flows
        // from the others, and end alone.
        let wanted = (2 * under_way.len()).clamp(1, lanes);
        while !dry && under_way.len() < wanted {
            match next() {
                None => dry = true,
                Some(Err(error)) => report(Err(error)),
                Some(Ok(flow)) => {
                    let buffer = spare.pop().map_or_else(|| Buffer::new(bytes), Ok)?;
                    under_way.push(Lane { flow, buffer, filled: 0 });
                }
            }
        }
        if under_way.is_empty() {
            break;
        }
        if !step(&mut under_way, &mut spare, &report) {
            std::thread::sleep(IDLE);
        }
    }
    Ok(())
}

/// Moves every lane one block on: all read, all hash together, all write. Those that wait are passed over; false
/// if all did.
fn step<F: Flow>(
    lanes: &mut Vec<Lane<F>>,
    spare: &mut Vec<Buffer>,
    report: &dyn Fn(Result<F::Done, F::Error>),
) -> bool {
    let mut moved = false;
    let mut at = 0;
    while at < lanes.len() {
        let lane = &mut lanes[at];
        match lane.flow.fill(&mut lane.buffer) {
            Ok(Filled::End) => {
                moved = true;
                let lane = lanes.swap_remove(at);
                spare.push(lane.buffer);
                report(lane.flow.finish());
            }
            Ok(Filled::Bytes(filled)) => {
                moved = true;
                lane.filled = filled;
                at += 1;
            }
            Ok(Filled::Waiting) => {
                lane.filled = 0;
                at += 1;
            }
            Err(error) => {
                moved = true;
                spare.push(lanes.swap_remove(at).buffer);
                report(Err(error));
            }
        }
    }
    let mut blocks: Vec<(&mut Stream, &[u8])> = Vec::new();
    for lane in lanes.iter_mut().filter(|lane| lane.filled > 0) {
        let block = &lane.buffer[..lane.filled];
        blocks.extend(lane.flow.streams().iter_mut().map(|stream| (stream, block)));
    }
    hash::update_together(&mut blocks);
    let mut at = 0;
    while at < lanes.len() {
        let lane = &mut lanes[at];
        if lane.filled == 0 {
            at += 1;
            continue;
        }
        match lane.flow.drain(&lane.buffer[..lane.filled]) {
            Ok(()) => at += 1,
            Err(error) => {
                spare.push(lanes.swap_remove(at).buffer);
                report(Err(error));
            }
        }
    }
    moved
}
