//! The worker threads.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Threads that move flows, and what tells them to stop.
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
    pub fn new(jobs: Option<NonZeroUsize>, stop: Arc<AtomicBool>) -> io::Result<Workers> {
        // Without a number the pool would look for one in the environment.
        let one_a_processor = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = jobs.unwrap_or_else(one_a_processor).get();
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

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// How many flows a worker may have under way.
    pub(super) fn lanes_max(&self) -> usize {
        self.lanes_max
    }

    /// Has every worker do `work` once; they help each other until the last is done.
    pub(super) fn each<T: Send>(&self, work: impl Fn() -> T + Sync) -> Vec<T> {
        self.pool.broadcast(|_| work())
    }
}

/// Files that one flow has open at most: one that it reads and one that it writes.
const FILES_PER_FLOW: usize = 2;

/// Files that the rest of the process has open: the standard streams, locks, folders.
const FILES_BESIDE: usize = 24;

fn lanes_max(threads: usize) -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    (files.saturating_sub(FILES_BESIDE) / (FILES_PER_FLOW * threads.max(1))).max(1)
}
