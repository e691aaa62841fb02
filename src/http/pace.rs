//! Whether enough moves on a connection.

use std::time::{Duration, Instant};

/// The least that must move while we wait for as long as the limit, in bytes: less is a stall, or a server that
/// drips to keep us busy.
pub(crate) const PACE_BYTES_MIN: u64 = 1 << 10;

/// Counts what moves against the time that was spent waiting for it. Time that we ourselves take between two
/// reads does not count.
#[derive(Debug)]
pub(super) struct Pace {
    limit: Duration,
    waited: Duration,
    moved: u64,
}

impl Pace {
    pub(super) fn new(limit: Duration) -> Pace {
        Pace { limit, waited: Duration::ZERO, moved: 0 }
    }

    /// Notes `bytes` that moved since `begun`; false if that is too slow.
    pub(super) fn keeps(&mut self, begun: Instant, bytes: usize) -> bool {
        self.waited += begun.elapsed();
        self.moved += bytes as u64;
        if self.waited < self.limit {
            return true;
        }
        let enough = self.moved >= PACE_BYTES_MIN;
        (self.waited, self.moved) = (Duration::ZERO, 0);
        enough
    }
}
