//! The progress of an import: what was transferred and what failed. All transfers update it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use super::ImportError;
use super::report::{Problem, RemovedReferrer, Traffic};
use crate::artifacts::OnFailure;
use crate::oci::Digest;
use crate::registry::{Pushed, RepositoryName};

/// A blob or a document in a repository.
pub(super) type Item = (usize, Digest);

/// The progress of an import.
pub(super) struct Progress {
    on_failure: OnFailure,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: Traffic,
    pub(super) documents: Traffic,
    pub(super) blobs_present: BTreeSet<Item>,
    /// Blobs whose bytes this import sent.
    pub(super) blobs_sent: BTreeSet<Item>,
    /// The repositories that blobs are mounted from which the bundle leaves out.
    pub(super) mounts: BTreeMap<Item, RepositoryName>,
    pub(super) documents_present: BTreeSet<Item>,
    pub(super) lists: Vec<String>,
    pub(super) removed: Vec<RemovedReferrer>,
    /// Whether the registry was changed.
    pub(super) touched: bool,
    failed: BTreeMap<Item, Problem>,
    ended: Option<ImportError>,
}

/// How a blob or document got into its repository.
#[derive(Clone, Copy)]
pub(super) enum Transfer {
    Sent,
    Mounted,
    Present,
}

impl From<Pushed> for Transfer {
    fn from(pushed: Pushed) -> Self {
        match pushed {
            Pushed::Sent => Transfer::Sent,
            Pushed::Mounted => Transfer::Mounted,
        }
    }
}

impl Traffic {
    pub(super) fn count(&mut self, transfer: Transfer, bytes: u64) {
        let (number, sum) = match transfer {
            Transfer::Sent => (&mut self.sent, &mut self.sent_bytes),
            Transfer::Mounted => (&mut self.mounted, &mut self.mounted_bytes),
            Transfer::Present => (&mut self.present, &mut self.present_bytes),
        };
        *number += 1;
        *sum += bytes;
    }

    /// Counts a transfer as sent that was counted otherwise before.
    pub(super) fn recount_as_sent(&mut self, before: Transfer, bytes: u64) {
        let (number, sum) = match before {
            Transfer::Sent => return,
            Transfer::Mounted => (&mut self.mounted, &mut self.mounted_bytes),
            Transfer::Present => (&mut self.present, &mut self.present_bytes),
        };
        *number -= 1;
        *sum -= bytes;
        self.count(Transfer::Sent, bytes);
    }
}

impl Progress {
    pub(super) fn new(on_failure: OnFailure) -> Progress {
        Progress { on_failure, state: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    /// Records a failure. Stops the import, unless it should continue with other items.
    pub(super) fn fail(&self, item: Item, error: ImportError) -> ControlFlow<()> {
        let mut state = self.lock();
        if self.on_failure == OnFailure::Stop || error.is_fatal() {
            state.ended.get_or_insert(error);
            return ControlFlow::Break(());
        }
        state.failed.entry(item).or_insert_with(|| Problem::from(&error));
        ControlFlow::Continue(())
    }

    /// Records that an item cannot be pushed because of an earlier failure.
    pub(super) fn fail_dependent(&self, item: Item, problem: Problem) {
        self.lock().failed.entry(item).or_insert(problem);
    }

    /// Returns why one of the items failed, if one did.
    pub(super) fn failure(&self, mut items: impl Iterator<Item = Item>) -> Option<Problem> {
        let state = self.lock();
        items.find_map(|item| state.failed.get(&item).cloned())
    }

    /// Returns what failed so far.
    pub(super) fn failures(&self) -> Vec<Problem> {
        self.lock().failed.values().cloned().collect()
    }

    /// Checks whether the import should continue.
    ///
    /// # Errors
    /// The error that stopped the import.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        self.lock().ended.take().map_or(Ok(()), Err)
    }
}
