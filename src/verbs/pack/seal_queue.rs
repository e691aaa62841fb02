//! Chunks that wait to be sealed while the workers go on with others, because their key takes its time: it is in a token, an
//! agent or a service (docs/decisions/0067-tokens-are-asked-on-a-thread.md).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::PackError;

/// How many chunks may wait for each thread. If it were more, the key would limit the speed all the same, and an interruption
/// would lose more of them.
const WAITING_MAX: usize = 4;

/// The queue. It takes chunks while [`SealQueue::serve_during`] runs.
#[derive(Default)]
pub(super) struct SealQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many threads take from the queue; none if it is closed.
    threads: usize,
    waiting: VecDeque<u32>,
    /// How many chunks are being sealed.
    busy: usize,
    /// The first error that nobody was told yet. What waited when it happened is not sealed.
    error: Option<PackError>,
}

impl SealQueue {
    /// Runs `work`, and seals what is put into the queue meanwhile with `seal`, on `threads` threads. Returns when all of it is
    /// sealed; after an interruption, when what has begun is.
    ///
    /// # Errors
    /// That of `work`, else the first one of `seal`.
    pub(super) fn serve_during<T>(
        &self,
        threads: usize,
        seal: &(dyn Fn(u32) -> Result<(), PackError> + Sync),
        work: impl FnOnce() -> Result<T, PackError>,
    ) -> Result<T, PackError> {
        thread::scope(|scope| {
            // The threads end when this is dropped, also if something panics.
            let _open = Open(self);
            self.state().threads = threads;
            for _ in 0..threads {
                let builder = thread::Builder::new().name("seal".to_owned());
                builder.spawn_scoped(scope, || self.serve(seal)).map_err(PackError::System)?;
            }
            let done = work();
            if matches!(done, Err(PackError::Interrupted)) {
                self.state().waiting.clear();
            }
            let sealed = self.wait_until_empty();
            done.and_then(|done| sealed.map(|()| done))
        })
    }

    /// Puts a chunk into the queue, and waits if that is full. Returns false if the queue is closed.
    ///
    /// # Errors
    /// What happened to a chunk before.
    pub(super) fn put(&self, number: u32) -> Result<bool, PackError> {
        let mut state = self.state();
        while state.waiting.len() >= WAITING_MAX * state.threads && state.threads > 0 && state.error.is_none()
        {
            state = self.wait(state);
        }
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.threads == 0 {
            return Ok(false);
        }
        state.waiting.push_back(number);
        self.changed.notify_all();
        Ok(true)
    }

    /// Waits until every chunk that was put into the queue is sealed.
    ///
    /// # Errors
    /// The first error, if [`put`](SealQueue::put) has not returned it.
    pub(super) fn wait_until_empty(&self) -> Result<(), PackError> {
        let mut state = self.state();
        while !state.waiting.is_empty() || state.busy > 0 {
            state = self.wait(state);
        }
        state.error.take().map_or(Ok(()), Err)
    }

    /// Seals chunks until the queue is closed.
    fn serve(&self, seal: &(dyn Fn(u32) -> Result<(), PackError> + Sync)) {
        let mut state = self.state();
        while state.threads > 0 {
            let Some(number) = state.waiting.pop_front() else {
                state = self.wait(state);
                continue;
            };
            state.busy += 1;
            drop(state);
            let busy = Busy(self);
            let sealed = seal(number);
            state = self.state();
            if let Err(error) = sealed {
                state.waiting.clear();
                state.error.get_or_insert(error);
            }
            drop(state);
            drop(busy);
            state = self.state();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every change, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open queue. Closes it.
struct Open<'a>(&'a SealQueue);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.state().threads = 0;
        self.0.changed.notify_all();
    }
}

/// A thread that seals a chunk.
struct Busy<'a>(&'a SealQueue);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy -= 1;
        if thread::panicking() {
            // Nobody may wait for this thread any more. The scope passes the panic on.
            state.threads = 0;
            state.waiting.clear();
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn everything_is_sealed_before_the_end() {
        let (queue, sealed) = (SealQueue::default(), AtomicUsize::new(0));
        let seal = |_| {
            sealed.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        assert!(!queue.put(0).unwrap());
        let done = queue.serve_during(2, &seal, || {
            for number in 0..100 {
                assert!(queue.put(number)?);
            }
            queue.wait_until_empty()?;
            assert_eq!(sealed.load(Ordering::Relaxed), 100);
            queue.put(100)
        });
        assert!(done.unwrap());
        assert_eq!(sealed.into_inner(), 101);
        assert!(!queue.put(0).unwrap());
    }

    #[test]
    fn an_error_ends_the_work_and_nothing_is_sealed_after_it() {
        let queue = SealQueue::default();
        let seal = |number| match number {
            3 => Err(PackError::System(std::io::Error::other("three"))),
            4.. => panic!("{number} is after the error"),
            _ => Ok(()),
        };
        let done = queue.serve_during(1, &seal, || {
            for number in 0.. {
                queue.put(number)?;
            }
            Ok(())
        });
        assert!(matches!(done, Err(PackError::System(_))));
        let late = queue.serve_during(1, &seal, || queue.put(3));
        assert!(matches!(late, Err(PackError::System(_))));
    }

    #[test]
    #[should_panic = "a scoped thread panicked"]
    fn nobody_waits_for_a_thread_that_panicked() {
        let queue = SealQueue::default();
        let seal = |_| -> Result<(), PackError> { panic!("a fault") };
        let done = queue.serve_during(1, &seal, || {
            for number in 0..100 {
                queue.put(number)?;
            }
            queue.wait_until_empty()
        });
        drop(done);
    }

    #[test]
    fn after_an_interruption_nothing_new_is_sealed() {
        let (queue, sealed) = (SealQueue::default(), AtomicUsize::new(0));
        let all_put = AtomicBool::new(false);
        // The first one takes until the others, which wait, are dropped.
        let seal = |_| {
            sealed.fetch_add(1, Ordering::Relaxed);
            while !all_put.load(Ordering::Relaxed) || !queue.state().waiting.is_empty() {
                thread::yield_now();
            }
            Ok(())
        };
        let done = queue.serve_during(1, &seal, || {
            for number in 0..3 {
                queue.put(number)?;
            }
            all_put.store(true, Ordering::Relaxed);
            Err::<(), _>(PackError::Interrupted)
        });
        assert!(matches!(done, Err(PackError::Interrupted)));
        assert!(sealed.into_inner() <= 1);
    }
}
