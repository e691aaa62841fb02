//! Writes run records, and lists and reads them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chain::{ChainEvent, Entry, RunChain, io_error};
use super::files::{
    CHAIN, LOCK, LOCKS, RECORDS, ending, ending_path, is_name, lines, names, place, read, record_path,
    remove, reveal, write,
};
use super::history::{History, PastRun};
use super::{Progress, RunRecord, RunStatus, RunsError, Work};
use crate::chain::HeldLock;
use crate::clock::Clock;
use crate::format::{StreamName, Sum};
use crate::http::bounded;
use crate::medium::Temporary;
use crate::trust::Signer;

/// Maximum length of the name of a pipeline, in bytes.
const PIPELINE_NAME_BYTES_MAX: usize = 100;

/// Maximum length of the reason of a deletion, in bytes.
const REASON_BYTES_MAX: usize = 1000;

/// The shortest time between two writings of a record while it runs.
const REWRITE: Duration = Duration::from_secs(1);

/// A state folder, opened for writing. Several processes may have it open: each line of the chain is appended under a
/// lock, and every run under way holds a lock of its own.
pub struct Ledger {
    folder: PathBuf,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    history: Mutex<History>,
}

/// A run that is under way. If it is dropped before [`RunHandle::finish`], its record says so at the next start.
pub struct RunHandle<'a> {
    ledger: &'a Ledger,
    state: Mutex<(RunRecord, Instant)>,
    /// Held while the run is under way.
    _lock: HeldLock,
}

impl Ledger {
    /// Opens a state folder for writing, and creates it if it does not exist. Runs whose process has ended become
    /// [`RunStatus::Interrupted`], and a run whose last line was not written gets it.
    ///
    /// # Errors
    /// If the folder cannot be written, or its records are damaged.
    pub fn open(folder: &Path, signer: Arc<dyn Signer>, clock: Arc<dyn Clock>) -> Result<Ledger, RunsError> {
        for part in [RECORDS, LOCKS] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|source| io_error("make folder", &path, source))?;
        }
        let ledger = Ledger { folder: folder.to_owned(), signer, clock, history: Mutex::default() };
        ledger.recover()?;
        Ok(ledger)
    }

    /// Tries whether files can be written in all folders. Nothing stays.
    ///
    /// # Errors
    /// [`RunsError::Io`] with the first folder in which they cannot.
    pub fn try_write(&self) -> Result<(), RunsError> {
        for folder in [self.folder.clone(), self.folder.join(RECORDS), self.folder.join(LOCKS)] {
            let tried = Temporary::beside(&folder.join("check")).map(drop);
            tried.map_err(|source| io_error("write", &folder, source))?;
        }
        Ok(())
    }

    /// Takes a lock by name, e.g. that of a pipeline.
    ///
    /// # Errors
    /// [`RunsError::Busy`] if another process, or another thread, has it.
    pub fn lock(&self, name: &str) -> Result<HeldLock, RunsError> {
        let path = self.folder.join(LOCKS).join(name);
        let busy = || RunsError::Busy { path: path.display().to_string() };
        HeldLock::take(path.clone(), false)?.ok_or_else(busy)
    }

    /// Finishes what processes that ended left behind.
    fn recover(&self) -> Result<(), RunsError> {
        // Runs end and are deleted under this lock, so what is half done now was left by a process that is gone.
        let (mut chain, _lock) = self.chain()?;
        let said: HashMap<String, (ChainEvent, String)> =
            lines(&self.folder)?.into_iter().map(|line| (line.run, (line.event, line.record))).collect();
        let is_said = |name: &str, event: ChainEvent, bytes: &[u8]| {
            said.get(name)
                .is_some_and(|(said, record)| *said == event && *record == Sum::of(bytes).to_string())
        };
        for name in ending(&self.folder)? {
            let path = ending_path(&self.folder, &name);
            let bytes = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
            if is_said(&name, ChainEvent::Finished, &bytes) {
                reveal(&self.folder, &name)?;
            } else {
                fs::remove_file(&path).map_err(|source| io_error("remove", &path, source))?;
            }
        }
        for name in names(&self.folder)? {
            match said.get(&name) {
                Some((ChainEvent::Finished, _)) => {}
                Some((ChainEvent::Deleted, _)) => {
                    let path = record_path(&self.folder, &name);
                    if fs::read(&path).is_ok_and(|bytes| is_said(&name, ChainEvent::Deleted, &bytes)) {
                        remove(&path)?;
                    }
                }
                Some((ChainEvent::Delivered, record)) => self.interrupt(&mut chain, &name, Some(record))?,
                None => self.interrupt(&mut chain, &name, None)?,
            }
        }
        Ok(())
    }

    /// Ends a run whose process is gone. A record that claims to be finished was not written by a ledger, which signs
    /// the line first; it is left for [`super::verify`] to tell, as is one that cannot be read.
    ///
    /// A run whose work was done, as a signed line says of exactly this record, has succeeded.
    fn interrupt(&self, chain: &mut RunChain, name: &str, delivered: Option<&str>) -> Result<(), RunsError> {
        let Some(_lock) = HeldLock::take(self.run_lock(name), true)? else { return Ok(()) };
        match read(&self.folder, name) {
            Ok((mut record, bytes)) if record.status == RunStatus::Running => {
                let is_delivered = delivered == Some(Sum::of(&bytes).to_string().as_str());
                let (status, message) = if is_delivered {
                    (RunStatus::Succeeded, "the process ended while source files were deleted")
                } else {
                    (RunStatus::Interrupted, "the process ended before the run did")
                };
                record.status = status;
                record.pipeline_run_error_message = Some(message.to_owned());
                self.conclude(chain, &mut record)
            }
            Ok(_) | Err(RunsError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the chain under its lock, and waits for it.
    fn chain(&self) -> Result<(RunChain, File), RunsError> {
        let path = self.folder.join(LOCK);
        let failed = |what| move |source| (what, source);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock
            .map_err(failed("write"))
            .and_then(|lock| lock.lock().map(|()| lock).map_err(failed("lock")))
            .map_err(|(what, source)| io_error(what, &path, source))?;
        Ok((RunChain::open(&self.folder.join(CHAIN))?, lock))
    }

    /// Begins a run and writes its first record. `name` of the record is replaced by a new one.
    ///
    /// # Errors
    /// [`RunsError::PipelineName`] if the name of the pipeline cannot be a part of the name of a file.
    pub fn begin(&self, mut record: RunRecord) -> Result<RunHandle<'_>, RunsError> {
        if !is_name(&record.pipeline) || record.pipeline.len() > PIPELINE_NAME_BYTES_MAX {
            return Err(RunsError::PipelineName { name: bounded(&record.pipeline) });
        }
        let now = self.clock.now().to_string();
        let time = now.replace(['-', ':'], "");
        record.start_time.clone_from(&now);
        record.status = RunStatus::Running;
        record.progress = Progress { percentage: "0".to_owned() };
        let (chain, chain_lock) = self.chain()?;
        let taken = |name: &str| record_path(&self.folder, name).exists();
        let numbered = (0..10_000).map(|number| format!("{time}-{number:04}-{}", record.pipeline));
        let free = numbered.into_iter().find(|name| !taken(name) && !self.was_used(name));
        record.name = free.ok_or_else(|| RunsError::Damaged {
            path: self.folder.display().to_string(),
            problem: "10000 runs began in the same second".to_owned(),
        })?;
        let path = self.run_lock(&record.name);
        let busy = || RunsError::Busy { path: path.display().to_string() };
        let lock = HeldLock::take(path.clone(), true)?.ok_or_else(busy)?;
        write(&self.folder, &record)?;
        drop((chain, chain_lock));
        Ok(RunHandle { ledger: self, state: Mutex::new((record, Instant::now())), _lock: lock })
    }

    /// The file that is locked while a run is under way.
    fn run_lock(&self, name: &str) -> PathBuf {
        self.folder.join(LOCKS).join(format!("run-{name}"))
    }

    /// Whether a deleted run had this name. A name is never used twice.
    fn was_used(&self, name: &str) -> bool {
        lines(&self.folder).is_ok_and(|lines| lines.iter().any(|line| line.run == name))
    }

    /// Ends a run: the final record is made durable beside its place, its line is signed and appended, and then the
    /// record gets its place. So no unsigned record ever looks finished.
    fn conclude(&self, chain: &mut RunChain, record: &mut RunRecord) -> Result<(), RunsError> {
        let now = self.clock.now();
        record.finish_time.get_or_insert_with(|| now.to_string());
        record.previous = Some(chain.head().to_owned());
        let sum = place(&ending_path(&self.folder, &record.name), record)?;
        let entry = Entry {
            event: ChainEvent::Finished,
            run: &record.name,
            record: &sum,
            work: Some(Work::of(record)),
            reason: None,
        };
        chain.append(entry, now, self.signer.as_ref())?;
        reveal(&self.folder, &record.name)
    }

    /// Deletes the record of a finished run. The chain says that it was deleted, when and why. At most
    /// 1,000 bytes of the reason are kept.
    ///
    /// # Errors
    /// [`RunsError::Damaged`] if the record is not the one that the chain names: deleting it would hide that.
    pub fn delete(&self, name: &str, reason: &str) -> Result<(), RunsError> {
        let (mut chain, _lock) = self.chain()?;
        let (record, bytes) = read(&self.folder, name)?;
        if record.status == RunStatus::Running {
            return Err(RunsError::StillRunning { name: name.to_owned() });
        }
        let (path, sum) = (record_path(&self.folder, name), Sum::of(&bytes));
        let last = lines(&self.folder)?.into_iter().rfind(|line| line.run == name);
        if last.is_none_or(|line| line.event != ChainEvent::Finished || line.record != sum.to_string()) {
            let problem = "it is not the record that the chain names".to_owned();
            return Err(RunsError::Damaged { path: path.display().to_string(), problem });
        }
        let (now, signer) = (self.clock.now(), self.signer.as_ref());
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let entry = Entry {
            event: ChainEvent::Deleted,
            run: name,
            record: &sum,
            work: Some(Work::of(&record)),
            reason: Some(&reason[..end]),
        };
        chain.append(entry, now, signer)?;
        remove(&path)
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Ledger {
    /// Returns the newest records, the newest first, as far as `keep` wants them. Reads no more records than needed, and
    /// needs no lock. Records that cannot be read are passed over; [`super::verify`] tells them.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn newest(
        folder: &Path,
        most: usize,
        keep: &dyn Fn(&RunRecord) -> bool,
    ) -> Result<Vec<RunRecord>, RunsError> {
        Ledger::newest_telling(folder, most, keep, &mut |_| {})
    }

    /// [`Ledger::newest`] that tells what is passed over.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn newest_telling(
        folder: &Path,
        most: usize,
        keep: &dyn Fn(&RunRecord) -> bool,
        tell: &mut dyn FnMut(&RunsError),
    ) -> Result<Vec<RunRecord>, RunsError> {
        let mut found = Vec::new();
        for name in names(folder)?.into_iter().rev() {
            if found.len() == most {
                break;
            }
            match read(folder, &name) {
                Ok((record, _)) if keep(&record) => found.push(record),
                // It may have been deleted since the folder was read.
                Ok(_) | Err(RunsError::NoSuchRun { .. }) => {}
                Err(error) => tell(&error),
            }
        }
        Ok(found)
    }

    /// Returns the last run that imported everything in a bundle in a pipeline, if one did, also if its record was deleted.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub fn imported(&self, pipeline: &str, bundle: &Sum) -> Result<Option<String>, RunsError> {
        Ok(self.history()?.imported(pipeline, bundle))
    }

    /// Returns the run of a pipeline that exported the bundle with the highest number, also if its record was deleted.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub fn exported(&self, pipeline: &str) -> Result<Option<PastRun>, RunsError> {
        Ok(self.history()?.exported(pipeline))
    }

    /// Returns the run of a pipeline that took the highest number for a bundle, whatever became of it. The caller holds
    /// the lock of the pipeline.
    ///
    /// # Errors
    /// If the chain or the folder cannot be read.
    pub fn numbered(&self, pipeline: &str) -> Result<Option<PastRun>, RunsError> {
        self.history()?.numbered(&self.folder, pipeline)
    }

    /// Returns the run that exported the bundle with the highest number of a stream, and the run that took the highest number
    /// of it, whatever became of it, also if their records were deleted.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub fn in_stream(&self, stream: &StreamName) -> Result<[Option<PastRun>; 2], RunsError> {
        Ok(self.history()?.in_stream(stream.as_str()))
    }

    /// Returns the run of a pipeline that imported the bundle with the highest number of a stream, also if its record was
    /// deleted.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub fn accepted(&self, pipeline: &str, stream: &StreamName) -> Result<Option<PastRun>, RunsError> {
        Ok(self.history()?.accepted(pipeline, stream.as_str()))
    }

    /// What the chain says by now. Each line is read once.
    fn history(&self) -> Result<MutexGuard<'_, History>, RunsError> {
        // Every line is taken up as a whole, even if a thread panicked.
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.read(&self.folder)?;
        Ok(history)
    }

    /// Reads the record of one run. Needs no lock.
    pub fn record(folder: &Path, name: &str) -> Result<RunRecord, RunsError> {
        read(folder, name).map(|(record, _)| record)
    }
}

impl RunHandle<'_> {
    fn state(&self) -> MutexGuard<'_, (RunRecord, Instant)> {
        // A record is consistent after every change, even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the run.
    pub fn name(&self) -> String {
        self.state().0.name.clone()
    }

    /// Changes the record. It is written now if `at_once`, else at most once a second.
    pub fn update(&self, at_once: bool, change: impl FnOnce(&mut RunRecord)) -> Result<(), RunsError> {
        let mut state = self.state();
        change(&mut state.0);
        state.0.status = RunStatus::Running;
        if at_once || state.1.elapsed() >= REWRITE {
            state.1 = Instant::now();
            write(&self.ledger.folder, &state.0)?;
        }
        Ok(())
    }

    /// Records that the work of the run is done, before its source is deleted: a signed line names the record as it is
    /// now. If the process ends before the run does, the run has succeeded all the same. The record must not be
    /// changed any more until the run is finished.
    pub fn delivered(&self, change: impl FnOnce(&mut RunRecord)) -> Result<(), RunsError> {
        let mut state = self.state();
        change(&mut state.0);
        "100".clone_into(&mut state.0.progress.percentage);
        let sum = place(&record_path(&self.ledger.folder, &state.0.name), &state.0)?;
        let (mut chain, _lock) = self.ledger.chain()?;
        let (now, signer) = (self.ledger.clock.now(), self.ledger.signer.as_ref());
        let run = &state.0.name;
        let entry = Entry { event: ChainEvent::Delivered, run, record: &sum, work: None, reason: None };
        chain.append(entry, now, signer)
    }

    /// Ends the run: writes the final record, and appends it to the chain.
    ///
    /// # Errors
    /// If that fails. The next start then finishes it.
    pub fn finish(
        self,
        status: RunStatus,
        change: impl FnOnce(&mut RunRecord),
    ) -> Result<RunRecord, RunsError> {
        let RunHandle { ledger, state, _lock } = self;
        let (mut record, _) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        change(&mut record);
        // A run that has ended does not run.
        record.status = if status == RunStatus::Running { RunStatus::Failed } else { status };
        if status == RunStatus::Succeeded {
            "100".clone_into(&mut record.progress.percentage);
        }
        let (mut chain, _chain_lock) = ledger.chain()?;
        ledger.conclude(&mut chain, &mut record)?;
        Ok(record)
    }
}
