//! What the pipelines of a station are doing now, for the status page.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::{Sum, Timestamp};
use crate::runs::{RunRecord, RunStatus};

/// The views of all pipelines. Any thread may write and read them.
#[derive(Default)]
pub struct Board(Mutex<BTreeMap<String, PipelineView>>);

/// What a pipeline is doing.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct PipelineView {
    /// The run under way, if there is one.
    pub run: Option<String>,
    /// When the inbox was last looked into, or the schedule was last checked.
    pub looked: Option<Timestamp>,
    /// When that last succeeded.
    pub reached: Option<Timestamp>,
    /// When the next run is due, if there is a schedule.
    pub due: Option<Timestamp>,
    /// When the last run succeeded or found nothing to do.
    pub succeeded: Option<Timestamp>,
    /// What keeps the pipeline from working.
    pub problem: Option<String>,
    /// The bundles in the inbox.
    pub bundles: Vec<BundleView>,
    /// How many files are in the inbox.
    pub files: usize,
    /// How many of them are passed over, by the reason.
    pub passed_over: BTreeMap<&'static str, u64>,
    /// By what access the object store is used, without secrets.
    pub access: Option<String>,
    /// How many runs ended since the station started, by state.
    pub ended: BTreeMap<&'static str, u64>,
    /// The size of the chunk files in these runs, in bytes.
    pub bytes: u64,
    /// The time within which the pipeline should have been reached again, in seconds.
    pub patience: u64,
}

impl PipelineView {
    /// Counts a run that ended.
    pub(super) fn count(&mut self, record: &RunRecord) {
        self.access.clone_from(&record.store_access);
        *self.ended.entry(record.status.word()).or_default() += 1;
        if record.status == RunStatus::Succeeded {
            self.bytes += record.bytes;
        }
    }
}

/// A bundle in an inbox.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BundleView {
    /// The id.
    pub bundle: Sum,
    /// The name.
    pub name: String,
    /// How many chunks it has.
    pub chunks: u32,
    /// The numbers of the chunks that have not arrived.
    pub missing: Vec<u32>,
    /// When its first chunk was seen.
    pub since: Timestamp,
    /// What becomes of it.
    pub state: String,
}

impl Board {
    fn views(&self) -> MutexGuard<'_, BTreeMap<String, PipelineView>> {
        // A view is consistent after every change, even if a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the view of a pipeline.
    pub fn change(&self, pipeline: &str, change: impl FnOnce(&mut PipelineView)) {
        change(self.views().entry(pipeline.to_owned()).or_default());
    }

    /// Returns all views, by name.
    pub fn all(&self) -> BTreeMap<String, PipelineView> {
        self.views().clone()
    }
}
