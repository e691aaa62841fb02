//! A clock that never shows a time before the highest signed time: a bundle that was signed then proves that it has passed.

use crate::clock::Clock;
use crate::format::Timestamp;

/// A clock that is held against the highest signed time.
pub struct NotBefore<'a> {
    clock: &'a dyn Clock,
    latest: Option<Timestamp>,
}

impl<'a> NotBefore<'a> {
    /// Holds `clock` against the highest signed time, if there is one.
    pub fn new(clock: &'a dyn Clock, latest: Option<Timestamp>) -> NotBefore<'a> {
        NotBefore { clock, latest }
    }

    /// What the clock shows, and the highest signed time, if the clock is behind it.
    pub fn behind(&self) -> Option<(Timestamp, Timestamp)> {
        let now = self.clock.now();
        self.latest.filter(|latest| now < *latest).map(|latest| (now, latest))
    }
}

impl Clock for NotBefore<'_> {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        self.latest.map_or(now, |latest| latest.max(now))
    }
}
