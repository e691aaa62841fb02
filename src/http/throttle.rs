//! The limit of what moves per second over all connections.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How much may move at once, as a part of a second: small steps make an even flow.
const STEPS_PER_SECOND: u64 = 20;

/// Lets this many bytes pass per second; without a rate, all.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: Option<u64>,
    /// When what has passed so far is paid for.
    paid: Mutex<Instant>,
}

impl Throttle {
    pub(super) fn new(rate: Option<u64>) -> Throttle {
        Throttle { rate, paid: Mutex::new(Instant::now()) }
    }

    /// The longest piece to move at once, in bytes, of `wanted`.
    pub(super) fn piece(&self, wanted: usize) -> usize {
        match self.rate {
            Some(rate) => wanted.min(usize::try_from(rate / STEPS_PER_SECOND).unwrap_or(usize::MAX).max(1)),
            None => wanted,
        }
    }

    /// Waits until `bytes` that have just moved are paid for.
    pub(super) fn pass(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let nanoseconds = (bytes as u64).saturating_mul(1_000_000_000) / rate;
        let cost = Duration::from_nanos(nanoseconds);
        let until = {
            let mut paid = self.paid.lock().expect("no thread panicked");
            *paid = (*paid).max(Instant::now()) + cost;
            *paid
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_move_share_the_rate() {
        let throttle = Throttle::new(Some(1_000_000));
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..5).for_each(|_| throttle.pass(20_000)));
            }
        });
        assert!(begun.elapsed() >= Duration::from_millis(199), "200 kB take 200 ms at 1 MB/s");
        assert_eq!(throttle.piece(1 << 20), 50_000);
        assert_eq!(Throttle::new(None).piece(1 << 20), 1 << 20);
    }
}
