//! What all connections of a run share: settings, limits, and the stop signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::permits::{Permit, Permits};
use super::throttle::Throttle;
use super::{Settings, retry};

/// Interval at which a waiting thread checks for the stop signal.
pub(super) const STOP_CHECK: Duration = Duration::from_millis(250);

/// The state shared by all connections of a run.
pub(crate) struct Connections {
    pub(super) settings: Settings,
    pub(super) throttle: Arc<Throttle>,
    permits: Arc<Permits>,
}

impl Connections {
    /// Opens no connection yet.
    pub(crate) fn new(settings: Settings) -> Connections {
        let throttle = Arc::new(Throttle::new(settings.rate));
        let permits = Permits::new(settings.connections);
        Connections { settings, throttle, permits }
    }

    /// The settings that all connections share.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Waits until another transfer may start, and returns its permit.
    pub(crate) fn permit(&self) -> Permit {
        self.permits.take()
    }

    /// The maximum number of retries of a request.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries
    }

    /// The time after which a connection without enough progress counts as stalled.
    pub(crate) fn stall(&self) -> Duration {
        self.settings.stall
    }

    /// Returns whether the stop signal was received.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop().load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) -> &Arc<AtomicBool> {
        &self.settings.stop
    }

    /// Waits after attempt number `attempt`, counted from 0: for `retry_after` if the server sent one, otherwise
    /// twice as long after each attempt. Returns false as soon as the stop signal is received.
    pub(crate) fn wait(&self, attempt: u32, retry_after: Option<Duration>) -> bool {
        let until = Instant::now() + retry::wait(attempt, retry_after);
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            if self.is_stopped() {
                return false;
            }
            std::thread::sleep(rest.min(STOP_CHECK));
        }
        !self.is_stopped()
    }
}
