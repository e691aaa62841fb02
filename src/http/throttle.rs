//! The rate limit over all connections.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Transfers are split into steps of this fraction of a second, so that they are even.
const STEPS_PER_SECOND: u64 = 20;

/// Limits transfers to a number of bytes per second, if a rate is set.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: Option<u64>,
    /// When the bytes transferred so far are within the rate.
    due: Mutex<Instant>,
}

impl Throttle {
    pub(super) fn new(rate: Option<u64>) -> Throttle {
        Throttle { rate, due: Mutex::new(Instant::now()) }
    }

    /// How many of `wanted` bytes may be transferred in one step.
    pub(super) fn piece(&self, wanted: usize) -> usize {
        match self.rate {
            Some(rate) => wanted.min(usize::try_from(rate / STEPS_PER_SECOND).unwrap_or(usize::MAX).max(1)),
            None => wanted,
        }
    }

    /// Waits until the transfer of `bytes`, which has just happened, is within the rate.
    pub(super) fn pass(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let nanoseconds = (bytes as u64).saturating_mul(1_000_000_000) / rate;
        let cost = Duration::from_nanos(nanoseconds);
        let until = {
            let mut due = self.due.lock().expect("no thread panicked");
            *due = (*due).max(Instant::now()) + cost;
            *due
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_transfers_share_the_rate() {
        let throttle = Throttle::new(Some(1_000_000));
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..5).for_each(|_| throttle.pass(20_000)));
            }
        });
        assert!(started.elapsed() >= Duration::from_millis(199), "200 kB take 200 ms at 1 MB/s");
        assert_eq!(throttle.piece(1 << 20), 50_000);
        assert_eq!(Throttle::new(None).piece(1 << 20), 1 << 20);
    }
}
