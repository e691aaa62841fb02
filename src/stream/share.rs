//! Work on a list of items by all workers.

use std::sync::Mutex;

use super::workers::Workers;

/// Calls `work` once for each item, on at most `at_once` workers, in any order. Each of them has a state, which `start`
/// creates. Ends early, without an error, if the workers are told to stop: then items are left.
pub(crate) fn share<S, T: Send>(
    workers: &Workers,
    at_once: usize,
    items: impl ExactSizeIterator<Item = T> + Send,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) + Sync,
) {
    let most = at_once.max(1).min(items.len());
    let (running, items) = (Mutex::new(0), Mutex::new(items));
    workers.each(|| {
        {
            let mut running = running.lock().expect("no thread panicked");
            if *running == most {
                return;
            }
            *running += 1;
        }
        let mut state = start();
        while !workers.interrupted() {
            let item = items.lock().expect("no thread panicked").next();
            let Some(item) = item else { return };
            work(&mut state, item);
        }
    });
}
