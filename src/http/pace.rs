//! Detects connections that are too slow.

use std::time::{Duration, Instant};

/// The minimum number of bytes that must arrive within the stall limit. Fewer means that the connection stalls, or
/// that the server sends slowly on purpose to keep it open.
pub(crate) const PACE_BYTES_MIN: u64 = 1 << 10;

/// Compares the bytes received with the time spent waiting for them. Time between two reads does not count.
#[derive(Debug)]
pub(super) struct Pace {
    limit: Duration,
    waited: Duration,
    received: u64,
}

impl Pace {
    pub(super) fn new(limit: Duration) -> Pace {
        Pace { limit, waited: Duration::ZERO, received: 0 }
    }

    /// Records `bytes` received since `started`. Returns false if the connection is too slow.
    pub(super) fn record(&mut self, started: Instant, bytes: usize) -> bool {
        self.waited += started.elapsed();
        self.received += bytes as u64;
        if self.waited < self.limit {
            return true;
        }
        let enough = self.received >= PACE_BYTES_MIN;
        (self.waited, self.received) = (Duration::ZERO, 0);
        enough
    }
}
