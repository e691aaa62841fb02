//! When the pipelines of a running station last showed that they are alive.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::observe::{Event, Monitor, Observer, Run, RunId, Verb};

/// When each pipeline that runs last did something. Any thread may write and read it.
#[derive(Default)]
pub struct Alive(Mutex<BTreeMap<String, Instant>>);

impl Alive {
    fn times(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        // The times are right after every change, even if a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a pipeline is alive now.
    pub fn show(&self, pipeline: &str) {
        let now = Instant::now();
        let mut times = self.times();
        match times.get_mut(pipeline) {
            Some(time) => *time = now,
            None => drop(times.insert(pipeline.to_owned(), now)),
        }
    }

    /// Returns the pipelines that have shown nothing for longer than `most` before `now`.
    pub fn silent(&self, now: Instant, most: Duration) -> Vec<String> {
        let is_silent = |time: &Instant| now.saturating_duration_since(*time) > most;
        self.times().iter().filter(|(_, time)| is_silent(time)).map(|(name, _)| name.clone()).collect()
    }
}

/// Takes the progress of a verb as a sign of life of a pipeline.
pub(super) struct LifeSigns<'a> {
    pub(super) alive: &'a Alive,
    pub(super) pipeline: &'a str,
}

impl LifeSigns<'_> {
    /// A monitor for the runs of the pipeline.
    pub(super) fn monitor(&self) -> Monitor<'_> {
        Monitor::new(self, Run { id: RunId(0), verb: Verb::Verify })
    }
}

impl Observer for LifeSigns<'_> {
    fn on(&self, _: Run, _: Event) {
        self.alive.show(self.pipeline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_pipeline_is_found_among_others() {
        let (alive, minute) = (Alive::default(), Duration::from_secs(60));
        let begin = Instant::now();
        alive.show("a");
        alive.show("b");
        assert_eq!(alive.silent(Instant::now(), minute), Vec::<String>::new());
        let later = begin + minute * 3;
        *alive.times().get_mut("b").unwrap() = later;
        assert_eq!(alive.silent(later, minute), ["a"]);
    }
}
