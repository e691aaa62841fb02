//! The clock. The library never asks the system for the time; the program supplies a clock.

use crate::format::Timestamp;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time, to the second.
    fn now(&self) -> Timestamp;
}

/// A clock that always returns the same time, for tests and reproducible bundles.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}
