//! Transfers that wait for the network more than they compute. A few run at once, each on a temporary thread.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::workers::Workers;

/// Calls `work` for every item, in order, at most `at_once` at a time, until all are done, `work` returns `Break`,
/// or the workers are told to stop. Items that were started are completed.
///
/// Fewer run at once if the system cannot create enough threads.
pub fn transfer_all<T: Sync>(
    workers: &Workers,
    at_once: NonZeroUsize,
    items: &[T],
    work: &(dyn Fn(&T) -> ControlFlow<()> + Sync),
) {
    let next = AtomicUsize::new(0);
    let halted = AtomicBool::new(false);
    let run = || {
        while !halted.load(Ordering::Relaxed) && !workers.interrupted() {
            let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if work(item).is_break() {
                halted.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for number in 1..at_once.get().min(items.len()) {
            let builder = thread::Builder::new().name(format!("transfer-{number}"));
            if builder.spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    fn workers() -> Workers {
        Workers::new(NonZeroUsize::new(1), Arc::default()).unwrap()
    }

    #[test]
    fn runs_each_item_once_and_respects_the_limit() {
        let (running, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
        let items: Vec<u32> = (0..100).collect();
        transfer_all(&workers(), NonZeroUsize::new(4).unwrap(), &items, &|item| {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            thread::yield_now();
            done.lock().unwrap().push(*item);
            running.fetch_sub(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        });
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, items);
        assert!(most.into_inner() <= 4);
    }

    #[test]
    fn starts_no_item_after_break() {
        let done = AtomicUsize::new(0);
        transfer_all(&workers(), NonZeroUsize::MIN, &[1, 2, 3], &|item| {
            done.fetch_add(1, Ordering::SeqCst);
            if *item == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(done.into_inner(), 2);
    }
}
