//! The uploads of one bundle: each on a thread of its own while the next chunks are packed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::Place;
use super::upload::{Outgoing, Staged};
use crate::diagnosis::{Diagnose as _, Diagnosis};
use crate::medium::{MediumError, WholeSums};
use crate::storage::Precondition;

/// How many chunks are uploaded at once.
const UPLOADS_MAX: usize = 2;

/// How many chunks are on the local disk: those that are packed and those that are uploaded.
const SPOOLED_MAX: usize = 3;

/// When an uploaded chunk becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    /// As soon as it is uploaded.
    AtOnce,
    /// When the bundle is complete.
    Later,
}

/// The uploads of one bundle.
pub(super) struct Uploads {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    place: Arc<Place>,
    connections: NonZeroUsize,
    visible: Visible,
    /// Set when the uploads under way are no longer wanted.
    abandoned: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The chunks that will begin.
    claimed: BTreeSet<u32>,
    /// The chunks that are packed, with their files and sizes in bytes.
    pending: BTreeMap<u32, (Arc<File>, u64)>,
    /// The chunks that are uploaded.
    under_way: BTreeSet<u32>,
    /// The sums of the chunks that were handed over.
    sums: BTreeMap<u32, WholeSums>,
    /// The chunks that are visible.
    visible: Vec<u32>,
    /// The chunks that are in the store and not visible yet.
    staged: BTreeMap<u32, Staged>,
    /// The first failure of an upload, until it is returned.
    failure: Option<MediumError>,
    /// The same, for all later calls.
    failed: Option<(String, Diagnosis)>,
}

impl State {
    fn spooled(&self) -> usize {
        self.claimed.len() + self.pending.len() + self.under_way.len()
    }

    /// # Errors
    /// The failure of an upload.
    fn check(&mut self) -> Result<(), MediumError> {
        match (self.failure.take(), self.failed.clone()) {
            (Some(failure), _) => Err(failure),
            (None, Some((problem, diagnosis))) => Err(MediumError::UploadFailed { problem, diagnosis }),
            (None, None) => Ok(()),
        }
    }

    fn fail(&mut self, error: MediumError) {
        // Errors that follow from the first one say less.
        if self.failed.is_none() {
            self.failed = Some((error.to_string(), error.diagnosis()));
            self.failure = Some(error);
        }
    }
}

/// A chunk that is handed over.
pub(super) struct Sealed {
    pub(super) number: u32,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) precondition: Precondition,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The lists are consistent after every change, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `holds`, or until an upload has failed.
    ///
    /// # Errors
    /// The failure of an upload.
    fn wait_until(&self, holds: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>, MediumError> {
        let state = self.state();
        let waits = |state: &mut State| !holds(state) && state.failed.is_none();
        let mut state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        Ok(state)
    }

    /// Computes the sums of a sealed chunk and uploads it.
    fn upload(&self, sealed: Sealed, file: Arc<File>, bytes: u64) -> Result<Option<Staged>, MediumError> {
        let Sealed { number, key, name, mut metadata, precondition } = sealed;
        let sums = super::sums::of_file(&file, bytes).map_err(|source| MediumError::Io {
            what: "read back",
            path: name.clone(),
            source,
        })?;
        metadata.push(("carnetsha256".to_owned(), sums.sha256.to_string()));
        self.state().sums.insert(number, sums);
        self.changed.notify_all();
        let outgoing = Outgoing { key, name, file, bytes, sums, metadata, precondition };
        let container = self.place.container.as_ref();
        match self.visible {
            Visible::AtOnce => outgoing.publish(container, self.connections, &self.abandoned).map(|()| None),
            Visible::Later => outgoing.stage(container, self.connections, &self.abandoned).map(Some),
        }
    }
}

impl Uploads {
    pub(super) fn new(place: &Arc<Place>, connections: NonZeroUsize, visible: Visible) -> Uploads {
        let (abandoned, state, changed) = Default::default();
        let place = Arc::clone(place);
        let shared = Arc::new(Shared { place, connections, visible, abandoned, state, changed });
        Uploads { shared, threads: Mutex::default() }
    }

    /// Keeps the file of a chunk that is packed from now on.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn begin(&self, number: u32, file: File, bytes: u64) -> Result<(), MediumError> {
        let mut state = self.shared.state();
        state.check()?;
        state.claimed.remove(&number);
        state.pending.insert(number, (Arc::new(file), bytes));
        Ok(())
    }

    /// Returns the file of a chunk that is packed.
    pub(super) fn pending(&self, number: u32) -> Option<Arc<File>> {
        self.shared.state().pending.get(&number).map(|(file, _)| Arc::clone(file))
    }

    /// Claims room on the local disk for a chunk, unless there is none.
    pub(super) fn claim(&self, number: u32) -> bool {
        let mut state = self.shared.state();
        let has_room = state.claimed.contains(&number) || state.spooled() < SPOOLED_MAX;
        if has_room {
            state.claimed.insert(number);
        }
        has_room
    }

    /// Waits until the local disk may take another chunk, or until nothing is uploaded.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn wait_for_room(&self) -> Result<(), MediumError> {
        let room = |state: &State| state.spooled() < SPOOLED_MAX || state.under_way.is_empty();
        self.shared.wait_until(room).map(drop)
    }

    /// Hands a sealed chunk over. Waits while too many are uploaded. The control chunk is uploaded after all others.
    ///
    /// # Errors
    /// The failure of an earlier upload. That of this one is returned later.
    pub(super) fn hand_over(&self, sealed: Sealed) -> Result<(), MediumError> {
        let number = sealed.number;
        let most = if number == 0 { 0 } else { UPLOADS_MAX - 1 };
        let mut state = self.shared.wait_until(|state| state.under_way.len() <= most)?;
        let (file, bytes) = state.pending.remove(&number).expect("a chunk that was begun");
        state.under_way.insert(number);
        drop(state);
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let outcome = shared.upload(sealed, file, bytes);
            let mut state = shared.state();
            state.under_way.remove(&number);
            match outcome {
                Ok(None) => state.visible.push(number),
                Ok(Some(staged)) => drop(state.staged.insert(number, staged)),
                Err(error) => state.fail(error),
            }
            drop(state);
            shared.changed.notify_all();
        };
        let thread = thread::Builder::new().name(format!("chunk-{number}")).spawn(run);
        let thread = thread.map_err(|source| {
            self.shared.state().under_way.remove(&number);
            MediumError::Io { what: "start the upload of", path: self.shared.place.name.clone(), source }
        })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Returns the sums of a chunk that was handed over, as soon as they are known; `None` for any other.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn sums(&self, number: u32) -> Result<Option<WholeSums>, MediumError> {
        let known = |state: &State| state.sums.contains_key(&number) || !state.under_way.contains(&number);
        Ok(self.shared.wait_until(known)?.sums.get(&number).copied())
    }

    /// Waits until everything is uploaded, and then makes the chunks visible that wait for it, the control chunk last.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn publish(&self) -> Result<(), MediumError> {
        let staged = std::mem::take(&mut self.shared.wait_until(|state| state.under_way.is_empty())?.staged);
        let mut staged = staged.into_iter().rev();
        while let Some((_, next)) = staged.next() {
            if let Err(error) = next.publish(self.shared.place.container.as_ref()) {
                staged.for_each(|(_, rest)| rest.end(self.shared.place.container.as_ref()));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the chunks that became visible, and forgets them.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn take_visible(&self) -> Result<Vec<u32>, MediumError> {
        let mut state = self.shared.wait_until(|state| state.under_way.is_empty())?;
        Ok(std::mem::take(&mut state.visible))
    }
}

impl Drop for Uploads {
    /// Ends the uploads that are under way or not visible.
    fn drop(&mut self) {
        self.shared.abandoned.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic was printed already.
            let _ = thread.join();
        }
        let staged = std::mem::take(&mut self.shared.state().staged);
        for staged in staged.into_values() {
            staged.end(self.shared.place.container.as_ref());
        }
    }
}
