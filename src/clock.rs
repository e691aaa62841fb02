//! The time, which only the binary knows.

use crate::format::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, to the second.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still: for tests, and for builds that must repeat.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}
