//! What an import has done so far, and what went wrong: written by all transfers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use super::ImportError;
use super::report::{Problem, Traffic};
use crate::artifacts::OnFailure;
use crate::oci::Digest;
use crate::registry::Pushed;

/// A blob or a document in a repository.
pub(super) type Item = (usize, Digest);

/// What has been done so far.
pub(super) struct Ledger {
    on_failure: OnFailure,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: Traffic,
    pub(super) documents: Traffic,
    pub(super) blobs_present: BTreeSet<Item>,
    pub(super) documents_present: BTreeSet<Item>,
    pub(super) lists: Vec<String>,
    /// Whether anything in the registry was changed.
    pub(super) touched: bool,
    failed: BTreeMap<Item, Problem>,
    ended: Option<ImportError>,
}

/// How something came to be where it should be.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Sent,
    Mounted,
    Present,
}

impl From<Pushed> for Way {
    fn from(pushed: Pushed) -> Self {
        match pushed {
            Pushed::Sent => Way::Sent,
            Pushed::Mounted => Way::Mounted,
        }
    }
}

impl Traffic {
    pub(super) fn count(&mut self, way: Way, bytes: u64) {
        let (number, sum) = match way {
            Way::Sent => (&mut self.sent, &mut self.sent_bytes),
            Way::Mounted => (&mut self.mounted, &mut self.mounted_bytes),
            Way::Present => (&mut self.present, &mut self.present_bytes),
        };
        *number += 1;
        *sum += bytes;
    }
}

impl Ledger {
    pub(super) fn new(on_failure: OnFailure) -> Ledger {
        Ledger { on_failure, state: Mutex::default() }
    }

    pub(super) fn open(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    /// Notes that something failed. Unless the others go on, that is the end.
    pub(super) fn fail(&self, item: Item, error: ImportError) -> ControlFlow<()> {
        let mut state = self.open();
        if self.on_failure == OnFailure::Stop || error.ends_all() {
            state.ended.get_or_insert(error);
            return ControlFlow::Break(());
        }
        state.failed.entry(item).or_insert_with(|| Problem::from(&error));
        ControlFlow::Continue(())
    }

    /// Notes that something cannot be done because of what failed before.
    pub(super) fn follow(&self, item: Item, problem: Problem) {
        self.open().failed.entry(item).or_insert(problem);
    }

    /// Why one of these is not there, if one is not.
    pub(super) fn failure(&self, mut items: impl Iterator<Item = Item>) -> Option<Problem> {
        let state = self.open();
        items.find_map(|item| state.failed.get(&item).cloned())
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// What ended the work.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        self.open().ended.take().map_or(Ok(()), Err)
    }
}
