//! The uploads of one bundle: each on a thread of its own while the next chunks are packed.

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::Place;
use super::parts::Parts;
use super::upload::{Aside, Outgoing, Staged, Target};
use crate::diagnosis::{Diagnose as _, Diagnosis};
use crate::medium::{MediumError, WholeSums};
use crate::storage::{Container, Precondition};

/// How many chunks are uploaded at once.
const UPLOADS_MAX: usize = 2;

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
    /// The chunks that will begin, with their sizes in bytes.
    claimed: BTreeMap<u32, u64>,
    /// Whether a chunk found no room since an upload ended.
    lacks_room: bool,
    /// The chunks that are packed, with their files and sizes in bytes.
    pending: BTreeMap<u32, (Arc<File>, u64)>,
    /// The chunks that are uploaded, with their sizes in bytes.
    under_way: BTreeMap<u32, u64>,
    /// The chunks that are not proven yet, and are in the store except for their fronts.
    aside: BTreeMap<u32, Aside>,
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
    /// Returns the size in bytes of what is on the local disk, or will be.
    fn spooled(&self) -> u64 {
        let pending = self.pending.values().map(|(_, bytes)| bytes);
        let aside: u64 = self.aside.values().map(Aside::bytes).sum();
        aside + self.claimed.values().chain(pending).chain(self.under_way.values()).sum::<u64>()
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

/// What became of a chunk.
enum Outcome {
    Visible,
    Staged(Staged),
    Aside(Aside),
}

/// A chunk that is complete.
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

    /// Computes the sums of a chunk, and describes its upload.
    fn outgoing(&self, sealed: Sealed, file: Arc<File>, bytes: u64) -> Result<Outgoing, MediumError> {
        let Sealed { number, key, name, mut metadata, precondition } = sealed;
        let sums = super::sums::of_file(&file, bytes).map_err(|source| MediumError::Io {
            what: "read back",
            path: name.clone(),
            source,
        })?;
        metadata.push(("carnetsha256".to_owned(), sums.sha256.to_string()));
        self.state().sums.insert(number, sums);
        self.changed.notify_all();
        Ok(Outgoing { target: Target { key, name, bytes, sums, metadata, precondition }, file })
    }

    fn container(&self) -> &dyn Container {
        self.place.container.as_ref()
    }

    /// Uploads a sealed chunk.
    fn upload(&self, outgoing: Outgoing) -> Result<Outcome, MediumError> {
        let (container, connections) = (self.container(), self.connections);
        match self.visible {
            Visible::AtOnce => {
                outgoing.publish(container, connections, &self.abandoned).map(|()| Outcome::Visible)
            }
            Visible::Later => outgoing.stage(container, connections, &self.abandoned).map(Outcome::Staged),
        }
    }

    /// Uploads the front of a chunk that was set aside.
    fn upload_front(&self, aside: Aside) -> Result<Outcome, MediumError> {
        let staged = aside.stage(self.container())?;
        match self.visible {
            Visible::AtOnce => staged.publish(self.container()).map(|()| Outcome::Visible),
            Visible::Later => Ok(Outcome::Staged(staged)),
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

    /// Keeps the file of a chunk that is packed from now on. If it was set aside before, that upload is ended.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn begin(&self, number: u32, file: File, bytes: u64) -> Result<(), MediumError> {
        let mut state = self.shared.wait_until(|state| !state.under_way.contains_key(&number))?;
        state.claimed.remove(&number);
        state.pending.insert(number, (Arc::new(file), bytes));
        let earlier = state.aside.remove(&number);
        drop(state);
        if let Some(earlier) = earlier {
            earlier.end(self.shared.container());
        }
        Ok(())
    }

    /// Returns the file of a chunk that is packed, and its size in bytes.
    pub(super) fn pending(&self, number: u32) -> Option<(Arc<File>, u64)> {
        self.shared.state().pending.get(&number).cloned()
    }

    /// Claims room on the local disk for a chunk, if no more than `most` bytes are used with it. After a failure it always
    /// succeeds: the next call returns the failure.
    pub(super) fn claim(&self, number: u32, bytes: u64, most: u64) -> bool {
        let mut state = self.shared.state();
        let has_room = state.claimed.contains_key(&number)
            || state.failed.is_some()
            || state.spooled().saturating_add(bytes) <= most;
        if has_room {
            state.claimed.insert(number, bytes);
        } else {
            state.lacks_room = true;
        }
        has_room
    }

    /// Waits until an upload has ended since a chunk found no room. Returns false if none has, and nothing is uploaded.
    ///
    /// # Errors
    /// The failure of an upload.
    pub(super) fn wait_for_room(&self) -> Result<bool, MediumError> {
        let state = self.shared.wait_until(|state| !state.lacks_room || state.under_way.is_empty())?;
        Ok(!state.lacks_room)
    }

    /// Returns how many bytes of a chunk stay on the local disk while it is set aside.
    pub(super) fn kept_aside(&self, bytes: u64) -> u64 {
        Parts::of_withheld(bytes, self.shared.container().part_limits()).first_bytes()
    }

    /// Sends a chunk that is not proven yet to the store, except for its front. Waits while too many are uploaded. One that
    /// is hardly longer than the front stays where it is.
    ///
    /// # Errors
    /// The failure of an earlier upload. That of this one is returned later.
    pub(super) fn set_aside(&self, sealed: Sealed) -> Result<(), MediumError> {
        let number = sealed.number;
        let mut state = self.shared.wait_until(|state| state.under_way.len() < UPLOADS_MAX)?;
        let (_, bytes) = state.pending.get(&number).expect("a chunk that was begun");
        if self.kept_aside(*bytes) == *bytes {
            return Ok(());
        }
        let (file, bytes) = state.pending.remove(&number).expect("it is there");
        state.under_way.insert(number, bytes);
        drop(state);
        self.start(number, move |shared| {
            let outgoing = shared.outgoing(sealed, file, bytes)?;
            outgoing.set_aside(shared.container(), shared.connections, &shared.abandoned).map(Outcome::Aside)
        })
    }

    /// Hands a sealed chunk over. Waits while too many are uploaded. The control chunk is uploaded after all others.
    ///
    /// # Errors
    /// The failure of an earlier upload. That of this one is returned later.
    pub(super) fn hand_over(&self, sealed: Sealed) -> Result<(), MediumError> {
        let number = sealed.number;
        let most = if number == 0 { 0 } else { UPLOADS_MAX - 1 };
        let ready = |state: &State| state.under_way.len() <= most && !state.under_way.contains_key(&number);
        let mut state = self.shared.wait_until(ready)?;
        if let Some(aside) = state.aside.remove(&number) {
            state.under_way.insert(number, aside.bytes());
            drop(state);
            return self.start(number, move |shared| shared.upload_front(aside));
        }
        let (file, bytes) = state.pending.remove(&number).expect("a chunk that was begun");
        state.under_way.insert(number, bytes);
        drop(state);
        self.start(number, move |shared| shared.upload(shared.outgoing(sealed, file, bytes)?))
    }

    /// Runs an upload on a thread of its own.
    fn start(
        &self,
        number: u32,
        work: impl FnOnce(&Shared) -> Result<Outcome, MediumError> + Send + 'static,
    ) -> Result<(), MediumError> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let outcome = work(&shared);
            let mut state = shared.state();
            state.under_way.remove(&number);
            state.lacks_room = false;
            match outcome {
                Ok(Outcome::Visible) => state.visible.push(number),
                Ok(Outcome::Staged(staged)) => drop(state.staged.insert(number, staged)),
                Ok(Outcome::Aside(aside)) => drop(state.aside.insert(number, aside)),
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
        let known =
            |state: &State| state.sums.contains_key(&number) || !state.under_way.contains_key(&number);
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
            if let Err(error) = next.publish(self.shared.container()) {
                staged.for_each(|(_, rest)| rest.end(self.shared.container()));
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
        let mut state = self.shared.state();
        let (staged, aside) = (std::mem::take(&mut state.staged), std::mem::take(&mut state.aside));
        drop(state);
        for staged in staged.into_values() {
            staged.end(self.shared.container());
        }
        for aside in aside.into_values() {
            aside.end(self.shared.container());
        }
    }
}
