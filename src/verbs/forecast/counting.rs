//! Counts the chunk files, several at once.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::report::{GuardReport, GuardedFile};
use crate::arrival::{OpenError, read_head};
use crate::content::archive::Contents;
use crate::diagnosis::{Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::body::BodyError;
use crate::guard::{Count, Guard, Limit};
use crate::medium::{ChunkFile, MediumError};
use crate::observe::{Event, Monitor, Phase};
use crate::stream::transfers::transfer_all;
use crate::stream::workers::Workers;

/// How many chunk files are counted at once, at most. Each may need 192 MiB for archives that are open in it.
const AT_ONCE_MAX: usize = 8;

/// A guard, made of a profile file.
pub struct ProfileFile {
    /// The name of the file, as given.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Sum,
    /// The guard.
    pub guard: Guard,
}

/// What is foreseen.
pub struct ForecastRequest<'a> {
    /// The files. Those that are not chunks are passed over.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// The guard.
    pub profile: &'a ProfileFile,
}

/// Counts what a guard with this profile will count in each chunk file.
///
/// # Errors
/// [`ForecastError`] if a file cannot be read, none is a chunk, or the run is interrupted. A file over a limit is no error.
pub fn forecast(
    request: &ForecastRequest<'_>,
    environment: &Environment<'_>,
) -> Result<GuardReport, ForecastError> {
    let ForecastRequest { files, profile } = *request;
    let mut chunks: Vec<&Arc<dyn ChunkFile>> = Vec::new();
    for file in files {
        match read_head(file.as_ref()) {
            Ok(_) => chunks.push(file),
            Err(BodyError::Format(_)) => {}
            Err(BodyError::Io(source)) => return Err(unreadable(file.as_ref(), source)),
        }
    }
    if chunks.is_empty() {
        return Err(OpenError::NoChunk { files: files.len(), first: None }.into());
    }
    let counted = count_all(&chunks, &profile.guard, environment)?;
    Ok(GuardReport {
        profile: profile.name.clone(),
        sha256: profile.sha256,
        allowed: counted.iter().all(|file| file.over.is_empty()),
        complete: counted.iter().all(|file| file.not_opened_places == 0 && file.ended_by.is_none()),
        foreseen: counted.iter().all(|file| file.unforeseen_places == 0 && file.ended_by.is_none()),
        not_checked: profile.guard.profile().not_checked.clone(),
        files: counted,
    })
}

/// Counts the chunks, the longest first so that the last ones are short. Returns what was counted by name.
fn count_all(
    chunks: &[&Arc<dyn ChunkFile>],
    guard: &Guard,
    environment: &Environment<'_>,
) -> Result<Vec<GuardedFile>, ForecastError> {
    let (workers, monitor) = (environment.workers, environment.monitor);
    let mut order = chunks.to_vec();
    order.sort_by_key(|file| std::cmp::Reverse(file.bytes()));
    let at_once = NonZeroUsize::new(workers.count().min(AT_ONCE_MAX)).unwrap_or(NonZeroUsize::MIN);
    let done: Mutex<Vec<GuardedFile>> = Mutex::default();
    let failed: Mutex<Option<ForecastError>> = Mutex::default();
    let total = order.iter().map(|file| file.bytes()).sum();
    monitor.phase(Phase::Guard, total, || {
        transfer_all(
            workers,
            at_once,
            &order,
            &|file| match count_one(file.as_ref(), guard, workers, monitor) {
                Ok(counted) => {
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(counted);
                    ControlFlow::Continue(())
                }
                Err(source) => {
                    let error = unreadable(file.as_ref(), source);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    ControlFlow::Break(())
                }
            },
        );
    });
    if workers.interrupted() {
        return Err(OpenError::Interrupted.into());
    }
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut counted = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    counted.sort();
    Ok(counted)
}

fn unreadable(file: &dyn ChunkFile, source: io::Error) -> ForecastError {
    MediumError::Io { what: "read", path: file.name().to_owned(), source }.into()
}

fn count_one(
    file: &dyn ChunkFile,
    guard: &Guard,
    workers: &Workers,
    monitor: Monitor<'_>,
) -> io::Result<GuardedFile> {
    let bytes = file.bytes();
    // A guard sees the name that the file has now. What is no text is replaced, as in the names of reports.
    let name = file
        .file_name()
        .map_or_else(|| file.name().rsplit('/').next().unwrap_or_default().to_owned(), ToOwned::to_owned);
    let mut source = Moving { source: file.stream(0, bytes)?, workers, monitor };
    let count = guard.count(name.as_bytes(), bytes, &mut source, &Contents::default())?;
    file.forget();
    Ok(reported(name, &count))
}

/// Tells how far reading has come, and ends it if the run is interrupted.
struct Moving<'a> {
    source: Box<dyn Read + Send>,
    workers: &'a Workers,
    monitor: Monitor<'a>,
}

impl Read for Moving<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.workers.interrupted() {
            return Err(io::Error::other("the run was interrupted"));
        }
        let read = self.source.read(buffer)?;
        if read > 0 {
            self.monitor.tell(Event::Moved { bytes: read as u64 });
        }
        Ok(read)
    }
}

fn reported(name: String, count: &Count) -> GuardedFile {
    let media_type = count.media_type.unwrap_or(crate::content::sniff::UNKNOWN);
    let mut media_types = std::collections::BTreeMap::new();
    for (media_type, files) in &count.media_types {
        let entry: &mut u64 = media_types.entry(media_type.tika.to_owned()).or_default();
        *entry = entry.saturating_add(*files);
    }
    let milli =
        u128::from(count.expanded_bytes).saturating_mul(1000).div_ceil(u128::from(count.bytes.max(1)));
    GuardedFile {
        name,
        bytes: count.bytes,
        media_type: media_type.tika.to_owned(),
        libmagic: media_type.libmagic.to_owned(),
        depth: count.depth,
        entries: count.entries,
        expanded: count.expanded_bytes,
        ratio_milli: u64::try_from(milli).unwrap_or(u64::MAX),
        media_types,
        over: count.over_places.iter().map(|(limit, places)| (limit.name().to_owned(), *places)).collect(),
        problems: count.over.iter().map(ToString::to_string).collect(),
        not_opened: count.not_opened.iter().map(ToString::to_string).collect(),
        not_opened_places: count.not_opened_places,
        unforeseen_places: count.unforeseen_places,
        ended_by: count.ended_by.map(Limit::name).map(ToOwned::to_owned),
    }
}

/// Nothing could be foreseen.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// No file is a chunk, or the run was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file cannot be read.
    #[error(transparent)]
    Medium(#[from] MediumError),
}

impl Diagnose for ForecastError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            ForecastError::Open(error) => error.diagnosis(),
            ForecastError::Medium(error) => error.diagnosis(),
        }
    }
}
