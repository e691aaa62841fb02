//! The files of a state folder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::chain::{ChainLine, LINE_BYTES_MAX, io_error};
use super::{RunRecord, RunsError};
use crate::chain::Lines;
use crate::format::Sum;
use crate::medium::Temporary;

/// The files and folders in a state folder.
pub(super) const LOCK: &str = "lock";
pub(super) const CHAIN: &str = "chain.jsonl";
pub(super) const RECORDS: &str = "runs";
pub(super) const LOCKS: &str = "locks";

/// How the hidden files end in which final records wait.
const ENDING: &str = ".ending";

/// Maximum size of a record in bytes.
const RECORD_BYTES_MAX: u64 = 64 << 20;

pub(super) fn record_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(RECORDS).join(format!("{name}.json"))
}

/// Where the final record of a run waits until its line is in the chain.
pub(super) fn ending_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(RECORDS).join(format!(".{name}{ENDING}"))
}

/// Returns the names of the runs whose final records wait.
pub(super) fn ending(folder: &Path) -> Result<Vec<String>, RunsError> {
    let path = folder.join(RECORDS);
    let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| io_error("read", &path, source))?;
    let name = |name: OsString| {
        let name = name.to_str()?.strip_prefix('.')?.strip_suffix(ENDING)?;
        is_name(name).then(|| name.to_owned())
    };
    Ok(entries.into_iter().filter_map(|entry| name(entry.file_name())).collect())
}

/// Reads the final record of a run that waits, if there is one.
pub(super) fn read_ending(folder: &Path, name: &str) -> Option<Vec<u8>> {
    fs::read(ending_path(folder, name)).ok()
}

/// Gives the final record of a run its place.
pub(super) fn reveal(folder: &Path, name: &str) -> Result<(), RunsError> {
    let path = record_path(folder, name);
    let moved = fs::rename(ending_path(folder, name), &path).and_then(|()| sync_folder_of(&path));
    moved.map_err(|source| io_error("write", &path, source))
}

/// Removes a file for good.
pub(super) fn remove(path: &Path) -> Result<(), RunsError> {
    let removed = fs::remove_file(path).and_then(|()| sync_folder_of(path));
    removed.map_err(|source| io_error("remove", path, source))
}

/// Makes the names in the folder of a file durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Writes the record of a run that is under way, atomically.
pub(super) fn write(folder: &Path, record: &RunRecord) -> Result<(), RunsError> {
    place(&record_path(folder, &record.name), record).map(drop)
}

/// Writes a record atomically. Returns the sum of its file.
pub(super) fn place(path: &Path, record: &RunRecord) -> Result<Sum, RunsError> {
    let bytes = record.render();
    let written = Temporary::beside(path).and_then(|mut temporary| {
        temporary.file().write_all(&bytes)?;
        temporary.place(path)
    });
    written.map_err(|source| io_error("write", path, source))?;
    Ok(Sum::of(&bytes))
}

/// Whether a text can be the name of a run.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 200 && !text.starts_with('.') && text.bytes().all(is_allowed)
}

/// Returns the names of all runs whose records are there, the oldest first. Only the folder is read.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, RunsError> {
    let path = folder.join(RECORDS);
    let failed = |source| io_error("read", &path, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        names.extend(name.filter(|name| is_name(name)).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a record, and the bytes of its file.
///
/// # Errors
/// [`RunsError::NoSuchRun`] and [`RunsError::Damaged`].
pub(super) fn read(folder: &Path, name: &str) -> Result<(RunRecord, Vec<u8>), RunsError> {
    let path = record_path(folder, name);
    let gone = || RunsError::NoSuchRun { name: name.to_owned(), path: folder.display().to_string() };
    if !is_name(name) {
        return Err(gone());
    }
    let bytes = match fs::metadata(&path).map(|found| found.len()) {
        Ok(bytes) if bytes > RECORD_BYTES_MAX => {
            let problem = format!("it has more than {RECORD_BYTES_MAX} bytes");
            return Err(RunsError::Damaged { path: path.display().to_string(), problem });
        }
        Ok(_) => fs::read(&path).map_err(|source| io_error("read", &path, source))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
        Err(source) => return Err(io_error("read", &path, source)),
    };
    let damaged = |problem: String| RunsError::Damaged { path: path.display().to_string(), problem };
    let record: RunRecord =
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("it is no run record: {error}")))?;
    if record.name != name {
        return Err(damaged(format!("it is the record of {:?}", record.name)));
    }
    Ok((record, bytes))
}

/// Reads all whole lines of the chain.
///
/// # Errors
/// If one is damaged.
pub(super) fn lines(folder: &Path) -> Result<Vec<ChainLine>, RunsError> {
    let path = folder.join(CHAIN);
    let mut lines = Vec::new();
    for (at, line) in raw_lines(folder)?.enumerate() {
        lines.push(ChainLine::parse(&line?).map_err(|problem| RunsError::Damaged {
            path: path.display().to_string(),
            problem: format!("line {}: {problem}", at + 1),
        })?);
    }
    Ok(lines)
}

/// The whole lines of the chain, without their line feeds.
pub(super) fn raw_lines(folder: &Path) -> Result<Lines, RunsError> {
    Ok(Lines::open(&folder.join(CHAIN), LINE_BYTES_MAX)?)
}
