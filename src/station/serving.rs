//! What all pipelines of a running station share.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::log::Log;
use super::{Board, Equipment, Station, StationError};
use crate::format::Timestamp;
use crate::runs::Ledger;
use crate::stream::workers::Workers;
use crate::trust::Signer;

/// How often a waiting thread looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(250);

/// The longest wait in seconds after a failure.
const BACK_OFF_SECONDS_MAX: u64 = 3600;

/// What all pipelines of a running station share.
pub struct Serving<'a> {
    /// The station.
    pub station: &'a Station,
    /// Connections and clock.
    pub equipment: &'a Equipment,
    /// The records.
    pub ledger: &'a Ledger,
    /// The keys of the export pipelines, by the name of the pipeline.
    pub signers: &'a HashMap<String, Arc<dyn Signer>>,
    /// The number of worker threads of each pipeline; one per CPU if absent.
    pub jobs: Option<NonZeroUsize>,
    /// Set from outside to stop.
    pub stop: Arc<AtomicBool>,
    /// Receives the log.
    pub log: &'a dyn Log,
    /// Receives what the pipelines are doing.
    pub board: &'a Board,
}

impl Serving<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.equipment.clock.now()
    }

    /// The wait in seconds after this many failures in a row.
    pub(super) fn back_off(&self, failures: u32) -> u64 {
        back_off(self.station.retry_after, failures)
    }

    /// Lets a pipeline wait this long, or until told to stop.
    pub(super) fn wait(&self, pipeline: &str, mut rest: Duration) {
        while !rest.is_zero() && !self.is_stopped() {
            self.equipment.alive.show(pipeline);
            let step = rest.min(STOP_CHECK);
            thread::sleep(step);
            rest -= step;
        }
    }

    pub(super) fn workers(&self) -> Result<Workers, StationError> {
        Workers::new(self.jobs, Arc::clone(&self.stop)).map_err(StationError::System)
    }
}

/// The wait in seconds after this many failures in a row, if it is `first` seconds after the first one.
pub(super) fn back_off(first: u64, failures: u32) -> u64 {
    let longest = BACK_OFF_SECONDS_MAX.max(first);
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}
