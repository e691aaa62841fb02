//! The two ways to call the engine.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::engine::Engine;
use super::numbered::Numbered;
use crate::stream::flow::Flow;
use crate::stream::workers::Workers;

/// The engine stopped before every flow had ended.
#[derive(Debug)]
pub enum Halted {
    /// The system is out of memory or threads.
    System(io::Error),
    /// A signal interrupted the work.
    Interrupted,
}

/// Moves every flow that `next` returns until there is none, and calls `settle` at the end of each. The first error
/// of `settle` stops all flows and is returned. Flows start in the order of `next`, and the longest should come
/// first; the order in which they end is not determined. `lengths` are their expected lengths in bytes, in that
/// order. They do not include flows that are [`Flow::is_beside`]; `next` may return these even after it returned
/// `None`.
///
/// Each worker moves up to `lanes` flows at once, as many as their hash function processes together. A flow that
/// would still be active when all others are done is moved alone, which is faster for it. Workers with nothing
/// left to do help the others.
///
/// # Errors
/// The first error of `settle`, else [`Halted`].
pub fn pump<F: Flow, E: From<Halted> + Send>(
    workers: &Workers,
    lanes: usize,
    lengths: &[u64],
    next: &(dyn Fn() -> Option<Result<F, F::Error>> + Sync),
    settle: &(dyn Fn(Result<F::Done, F::Error>) -> Result<(), E> + Sync),
) -> Result<(), E> {
    let first_error: Mutex<Option<E>> = Mutex::new(None);
    let done = |outcome| match settle(outcome) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            ControlFlow::Break(())
        }
    };
    let engine = Engine::new(workers, lanes, lengths, next, &done);
    let moved: io::Result<()> = workers.each(|| engine.work()).into_iter().collect();
    drop(engine);
    match (first_error.into_inner().unwrap_or_else(PoisonError::into_inner), moved) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(Halted::System(error).into()),
        (None, Ok(())) if workers.interrupted() => Err(Halted::Interrupted.into()),
        (None, Ok(())) => Ok(()),
    }
}

/// Like [`pump`], for a list with one flow for each of `lengths`. `begin` and `settle` get the index in the list.
///
/// # Errors
/// Like [`pump`].
pub fn pump_list<F: Flow, E: From<Halted> + Send>(
    workers: &Workers,
    lanes: usize,
    lengths: &[u64],
    begin: impl Fn(usize) -> Result<F, F::Error> + Sync,
    settle: impl Fn(usize, Result<F::Done, F::Error>) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let begin = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        (at < lengths.len()).then(|| match begin(at) {
            Ok(flow) => Ok(Numbered { at, flow }),
            Err(error) => Err((at, error)),
        })
    };
    pump(workers, lanes, lengths, &begin, &|outcome| match outcome {
        Ok((at, done)) => settle(at, Ok(done)),
        Err((at, error)) => settle(at, Err(error)),
    })
}
