//! Transfers that wait for others more than they compute: a few at once, each on a thread of its own for as
//! long as they last.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::workers::Workers;

/// Does `work` for every item, begun in their order, at most `at_once` at a time, until it is done, `work` says
/// that it is enough, or the workers are told to stop. What was begun is ended.
///
/// Fewer run at once where the system gives no more threads.
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
    fn each_item_is_done_once_and_never_more_at_once_than_asked() {
        let (under_way, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
        let items: Vec<u32> = (0..100).collect();
        transfer_all(&workers(), NonZeroUsize::new(4).unwrap(), &items, &|item| {
            let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            thread::yield_now();
            done.lock().unwrap().push(*item);
            under_way.fetch_sub(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        });
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, items);
        assert!(most.into_inner() <= 4);
    }

    #[test]
    fn nothing_is_begun_after_one_says_enough() {
        let done = AtomicUsize::new(0);
        transfer_all(&workers(), NonZeroUsize::MIN, &[1, 2, 3], &|item| {
            done.fetch_add(1, Ordering::SeqCst);
            if *item == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(done.into_inner(), 2);
    }
}
