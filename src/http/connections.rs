//! What all connections of a run share: their settings, the limits, and the end that a signal puts to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::permits::{Permit, Permits};
use super::throttle::Throttle;
use super::{Settings, retry};

/// How often a wait looks whether a signal came.
pub(super) const STOP_CHECK: Duration = Duration::from_millis(100);

/// All connections of a run.
pub(crate) struct Connections {
    pub(super) settings: Settings,
    pub(super) throttle: Arc<Throttle>,
    permits: Arc<Permits>,
}

impl Connections {
    /// Nothing is connected yet.
    pub(crate) fn new(settings: Settings) -> Connections {
        let throttle = Arc::new(Throttle::new(settings.rate));
        let permits = Permits::new(settings.connections);
        Connections { settings, throttle, permits }
    }

    /// Waits until a transfer may begin.
    pub(crate) fn permit(&self) -> Permit {
        self.permits.take()
    }

    /// How often a request is sent again.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries
    }

    /// A connection on which too little moves for this long counts as broken.
    pub(crate) fn stall(&self) -> Duration {
        self.settings.stall
    }

    /// Whether a signal came.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop().load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) -> &Arc<AtomicBool> {
        &self.settings.stop
    }

    /// Waits after attempt number `attempt`, counted from 0, for as long as the server asked for or longer each time.
    /// Returns false at once when a signal comes.
    pub(crate) fn wait(&self, attempt: u32, asked: Option<Duration>) -> bool {
        let until = Instant::now() + retry::wait(attempt, asked);
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            if self.is_stopped() {
                return false;
            }
            std::thread::sleep(rest.min(STOP_CHECK));
        }
        !self.is_stopped()
    }
}
