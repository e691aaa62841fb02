//! The worker threads.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The threads that move flows, with their stop flag.
pub struct Workers {
    pool: rayon::ThreadPool,
    /// How many flows a worker may move at once without exceeding the limit of open files.
    lanes_max: usize,
    /// Set from outside to stop early, e.g. by a signal handler.
    stop: Arc<AtomicBool>,
}

impl Workers {
    /// Starts this many workers; `None` starts one per CPU.
    ///
    /// # Errors
    /// If the system cannot create threads.
    pub fn new(jobs: Option<NonZeroUsize>, stop: Arc<AtomicBool>) -> io::Result<Workers> {
        // Without a number, the pool would read one from the environment.
        let one_per_cpu = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = jobs.unwrap_or_else(one_per_cpu).get();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("worker-{number}"))
            .build()
            .map_err(io::Error::other)?;
        let lanes_max = lanes_max(pool.current_num_threads());
        Ok(Workers { pool, lanes_max, stop })
    }

    /// Returns the stop flag, for code that waits elsewhere.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Returns whether to stop early.
    pub fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns the number of workers.
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Returns how many flows a worker may move at once.
    pub(crate) fn lanes_max(&self) -> usize {
        self.lanes_max
    }

    /// Runs `work` once on every worker. Idle workers help the others until the last is done.
    pub(super) fn each<T: Send>(&self, work: impl Fn() -> T + Sync) -> Vec<T> {
        self.pool.broadcast(|_| work())
    }
}

/// Maximum number of files that a flow has open: one to read and one to write.
const FILES_PER_FLOW: usize = 2;

/// Files that the rest of the process has open: standard streams, locks, folders.
const FILES_OTHER: usize = 24;

/// Maximum number of files that a transfer has open: a connection, an idle one, a chunk file, a staged file.
const FILES_PER_TRANSFER: usize = 4;

/// The number of files that may be open besides [`FILES_OTHER`].
fn files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    files.saturating_sub(FILES_OTHER)
}

fn lanes_max(threads: usize) -> usize {
    (files_max() / (FILES_PER_FLOW * threads.max(1))).max(1)
}

/// Returns how many transfers may run at once without exceeding the limit of open files.
#[doc(hidden)]
pub fn transfers_max() -> NonZeroUsize {
    NonZeroUsize::new(files_max() / FILES_PER_TRANSFER).unwrap_or(NonZeroUsize::MIN)
}
