//! What becomes of the bundles in an inbox: done before, waiting, tried again later, or ready now.
//!
//! Which bundles are done is also in a small file. Losing it is safe: doing the same again changes nothing.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::InboxBundle;
use super::serving::back_off;
use super::station_file::RETRY_SECONDS;
use crate::format::{Sum, Timestamp};
use crate::medium::Temporary;
use crate::missing::MissingBundle;
use crate::runs::RunsError;
use crate::small_file::SmallFile;

/// The file with the bundles that are done, and the lock beside it.
const FILE: &str = "received.json";
const LOCK: &str = "received.lock";

/// Maximum size of that file in bytes: more than 100,000 bundles.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// How many of the last bundles are remembered.
const BUNDLES_MAX: usize = 100_000;

/// How often an inbox is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Once: what is there now counts as finished. Its content is proven before it is used.
    Once,
    /// Again and again: files count only after they were seen unchanged.
    Repeated,
}

/// What is to be done with a bundle now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done already, since this time.
    Done {
        /// When.
        time: String,
    },
    /// It waits for these chunks.
    Waits {
        /// Their numbers, in order.
        missing: Vec<u32>,
    },
    /// It is complete, but its files changed since the last look.
    Settling,
    /// It failed, and is tried again later unless its files change.
    Later {
        /// When.
        next: Timestamp,
        /// Why it failed.
        reason: String,
    },
    /// It is complete.
    Ready,
}

#[derive(Clone, Serialize, Deserialize)]
struct Received {
    bundle: String,
    name: String,
    /// What was done with it.
    step: String,
    time: String,
}

struct Attempt {
    versions: String,
    failures: u32,
    next: Timestamp,
    reason: String,
}

/// An unfinished bundle.
struct Unfinished {
    missing: Vec<u32>,
    since: Timestamp,
    told: bool,
}

/// What is known of the bundles that are received with one step.
pub struct Reception {
    step: String,
    folder: Option<PathBuf>,
    received: Vec<Received>,
    /// When each bundle was done with this step.
    done: HashMap<Sum, String>,
    attempts: HashMap<Sum, Attempt>,
    unfinished: HashMap<Sum, Unfinished>,
    /// Held as long as this lives.
    lock: Option<File>,
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> RunsError {
    let path = path.display().to_string();
    move |source| RunsError::Io { what, path: path.clone(), source }
}

impl Reception {
    /// Begins to receive with a step, which is a text that names all that is done with a bundle. If there is a state
    /// folder, it is created, locked, and remembers which bundles are done. If its file cannot be understood, nothing is
    /// done before.
    ///
    /// # Errors
    /// If another process uses the folder, or it cannot be written.
    pub fn open(folder: Option<&Path>, step: String) -> Result<Reception, RunsError> {
        let mut reception = Reception {
            step,
            folder: folder.map(Path::to_owned),
            received: Vec::new(),
            done: HashMap::new(),
            attempts: HashMap::new(),
            unfinished: HashMap::new(),
            lock: None,
        };
        let Some(folder) = folder else { return Ok(reception) };
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(failed("write", &path))?;
        match lock.try_lock() {
            Ok(()) => reception.lock = Some(lock),
            Err(TryLockError::WouldBlock) => {
                return Err(RunsError::Busy { path: path.display().to_string() });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        let text = SmallFile::read(&folder.join(FILE), FILE_BYTES_MAX);
        let read = text.ok().and_then(|file| serde_json::from_slice::<Vec<Received>>(file.bytes()).ok());
        reception.received = read.unwrap_or_default();
        for received in reception.received.iter().filter(|received| received.step == reception.step) {
            if let Ok(bundle) = received.bundle.parse() {
                reception.done.insert(bundle, received.time.clone());
            }
        }
        Ok(reception)
    }

    /// Forgets what is not in the inbox any more. What is done stays done.
    pub fn keep(&mut self, bundles: &[InboxBundle]) {
        let is_there = |id: &Sum| bundles.iter().any(|bundle| bundle.id == *id);
        self.attempts.retain(|id, _| is_there(id));
        self.unfinished.retain(|id, _| is_there(id));
    }

    /// Returns whether a bundle failed and is tried again.
    pub fn tries_again(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Forgets what failed, so that it is tried again at once.
    pub fn forget_failures(&mut self) {
        self.attempts.clear();
    }

    /// Forgets that a bundle failed, so that it is tried again at once.
    pub fn forget_failure(&mut self, bundle: &Sum) {
        self.attempts.remove(bundle);
    }

    /// Returns what is to be done with a bundle now.
    pub fn fate(&self, bundle: &InboxBundle, looks: Looks, now: Timestamp) -> Fate {
        if let Some(time) = self.done.get(&bundle.id) {
            return Fate::Done { time: time.clone() };
        }
        if !bundle.missing.is_empty() {
            return Fate::Waits { missing: bundle.missing.clone() };
        }
        if looks == Looks::Repeated && !bundle.steady {
            return Fate::Settling;
        }
        match self.attempts.get(&bundle.id) {
            Some(attempt) if attempt.versions == bundle.versions && now < attempt.next => {
                Fate::Later { next: attempt.next, reason: attempt.reason.clone() }
            }
            _ => Fate::Ready,
        }
    }

    /// Notes that a bundle is done.
    ///
    /// # Errors
    /// If the file in the state folder cannot be written. It is written atomically. The bundle is done all the same, as
    /// long as this process runs.
    pub fn succeeded(&mut self, bundle: &InboxBundle, now: Timestamp) -> Result<(), RunsError> {
        self.attempts.remove(&bundle.id);
        self.done.insert(bundle.id, now.to_string());
        self.received.push(Received {
            bundle: bundle.id.to_string(),
            name: bundle.name.to_string(),
            step: self.step.clone(),
            time: now.to_string(),
        });
        let more = self.received.len().saturating_sub(BUNDLES_MAX);
        self.received.drain(..more);
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join(FILE);
        let bytes = serde_json::to_vec_pretty(&self.received).expect("texts serialise");
        let written = Temporary::beside(&path).and_then(|mut temporary| {
            temporary.file().write_all(&bytes)?;
            temporary.place(&path)
        });
        written.map_err(failed("write", &path))
    }

    /// Notes that a bundle could not be used. Returns when it is tried again, and whether the reason is a new one.
    pub fn failed(&mut self, bundle: &InboxBundle, reason: &str, now: Timestamp) -> (Timestamp, bool) {
        let before = self.attempts.get(&bundle.id);
        let same = before.filter(|attempt| attempt.versions == bundle.versions);
        let failures = same.map_or(0, |attempt| attempt.failures) + 1;
        let is_new = before.is_none_or(|attempt| attempt.reason != reason);
        let next = now.plus_seconds(back_off(RETRY_SECONDS, failures)).unwrap_or(now);
        let (versions, reason) = (bundle.versions.clone(), reason.to_owned());
        self.attempts.insert(bundle.id, Attempt { versions, failures, next, reason });
        (next, is_new)
    }

    /// Returns the line to send back if a bundle is unfinished and nothing of it has arrived for `after` seconds, once
    /// for each list of missing chunks. It is the line of `missing`.
    pub fn reminder(&mut self, bundle: &InboxBundle, after: u64, now: Timestamp) -> Option<MissingBundle> {
        let new = || Unfinished { missing: bundle.missing.clone(), since: now, told: false };
        let unfinished = self.unfinished.entry(bundle.id).or_insert_with(new);
        if unfinished.missing != bundle.missing {
            *unfinished = new();
        }
        if unfinished.told || unfinished.since.plus_seconds(after).is_none_or(|time| time > now) {
            return None;
        }
        unfinished.told = true;
        Some(unfinished_line(bundle))
    }
}

/// The chunks that a bundle in an inbox waits for, as `missing` writes them.
pub fn unfinished_line(bundle: &InboxBundle) -> MissingBundle {
    let (name, missing) = (bundle.name.clone(), bundle.missing.clone());
    MissingBundle::new(name, bundle.id, None, bundle.last.saturating_add(1), missing, Vec::new())
}

/// Returns a name for things that belong to one bundle: its name and the first digits of its id.
pub fn bundle_folder(bundle: &InboxBundle) -> String {
    format!("{}-{}", bundle.name, &bundle.id.to_string()[..8])
}
