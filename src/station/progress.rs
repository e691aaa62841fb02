//! Writes the progress of a run into its record, and passes it on.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::observe::{Event, Monitor, Observer, Run};
use crate::runs::RunHandle;

/// Receives the events of a run.
pub(super) struct RunProgress<'a> {
    run: &'a RunHandle<'a>,
    /// Is told the same.
    monitor: Monitor<'a>,
    total: AtomicU64,
    moved: AtomicU64,
}

impl<'a> RunProgress<'a> {
    pub(super) fn new(run: &'a RunHandle<'a>, monitor: Monitor<'a>) -> RunProgress<'a> {
        RunProgress { run, monitor, total: AtomicU64::new(0), moved: AtomicU64::new(0) }
    }
}

impl Observer for RunProgress<'_> {
    fn on(&self, _: Run, event: Event) {
        self.monitor.tell(event.clone());
        match event {
            Event::Started { bytes, .. } => {
                self.total.store(bytes, Ordering::Relaxed);
                self.moved.store(0, Ordering::Relaxed);
            }
            Event::Moved { bytes } => {
                let moved = self.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
                let total = self.total.load(Ordering::Relaxed).max(1);
                // 100 is for a run that has ended.
                let percentage = (moved.saturating_mul(100) / total).min(99).to_string();
                // A record that cannot be written now is written at the end, or says so then.
                let _ = self.run.update(false, |record| record.progress.percentage = percentage);
            }
            _ => {}
        }
    }
}
