//! Collects files from folders and individual paths, in any order and under any names.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ArrivedFile, ChunkFile, MediumError};
use crate::diagnosis::count;

/// The maximum depth of nested folders that are read.
const FOLDER_DEPTH_MAX: u32 = 8;

/// The maximum number of files in one call.
pub(super) const FILES_MAX: usize = 1_000_000;

/// How many paths a note names.
const NAMED_MAX: usize = 5;

/// The files that paths name, and what was passed over on the way.
pub struct Collected {
    /// The regular files, sorted by path. A file that is named twice is there once.
    pub files: Vec<Arc<dyn ChunkFile>>,
    /// What was passed over in folders, one entry for each reason.
    pub passed_over: Vec<PassedOver>,
    /// The folders that were read.
    pub folders: Vec<PathBuf>,
}

/// Entries of folders that were passed over for one reason. Its text is a note for the operator.
#[derive(Debug)]
pub struct PassedOver {
    /// The reason.
    pub why: Why,
    /// How many entries there are.
    pub count: u64,
    /// The paths of the first few, with the error of the system if they cannot be read.
    pub first: Vec<String>,
}

/// The reason why an entry of a folder is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It cannot be read.
    Unreadable,
    /// It is a folder below too many others.
    TooDeep,
    /// It is a symbolic link.
    Link,
    /// It is a pipe, a socket or a device.
    Special,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.why {
            Why::Unreadable => count(self.count, "entry that cannot be read", "entries that cannot be read"),
            Why::TooDeep => {
                let folders = count(self.count, "folder", "folders");
                format!("{folders} nested more than {FOLDER_DEPTH_MAX} deep")
            }
            Why::Link => count(self.count, "symbolic link", "symbolic links"),
            Why::Special => count(self.count, "pipe, socket or device", "pipes, sockets or devices"),
        };
        write!(f, "passed over {what}: {}", self.first.join(", "))?;
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Returns the regular files that `paths` name: files, and the contents of folders without hidden entries. Links and
/// special files in folders, and folders that cannot be read or are nested too deeply, are passed over.
///
/// # Errors
/// If one of `paths` does not exist, cannot be read, or is neither a file nor a folder; or if there are too many files.
pub fn collect(paths: &[PathBuf]) -> Result<Collected, MediumError> {
    let mut collecting = Collecting::default();
    for path in paths {
        let failed = |source| MediumError::Io { what: "read", path: path.display().to_string(), source };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let entries = fs::read_dir(path).map_err(failed)?;
            collecting.entries(path, entries, 1)?;
        } else {
            collecting.files.push(ArrivedFile::new(path)?);
        }
    }
    let Collecting { mut files, mut passed_over, folders } = collecting;
    // Comparing paths as bytes is ten times as fast as component by component.
    files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| file.is_unreadable() || seen.insert(file.identity));
    for passed in &mut passed_over {
        passed.first.sort();
    }
    let files = files.into_iter().map(|file| Arc::new(file) as Arc<dyn ChunkFile>).collect();
    Ok(Collected { files, passed_over, folders })
}

#[derive(Default)]
struct Collecting {
    files: Vec<ArrivedFile>,
    passed_over: Vec<PassedOver>,
    folders: Vec<PathBuf>,
}

impl Collecting {
    fn entries(&mut self, folder: &Path, entries: fs::ReadDir, depth: u32) -> Result<(), MediumError> {
        self.folders.push(folder.to_owned());
        for entry in entries {
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok(found) => found,
                // The system does not say which entries are left. A folder that was named is not passed over.
                Err(source) if depth == 1 => {
                    let path = folder.display().to_string();
                    return Err(MediumError::Io { what: "read", path, source });
                }
                Err(error) => {
                    self.unreadable(folder, &error);
                    return Ok(());
                }
            };
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                continue;
            }
            if kind.is_symlink() {
                self.pass_over(Why::Link, path.display().to_string());
            } else if kind.is_dir() && depth == FOLDER_DEPTH_MAX {
                self.pass_over(Why::TooDeep, path.display().to_string());
            } else if kind.is_dir() {
                match fs::read_dir(&path) {
                    Ok(entries) => self.entries(&path, entries, depth + 1)?,
                    Err(error) => self.unreadable(&path, &error),
                }
            } else if kind.is_file() {
                if self.files.len() == FILES_MAX {
                    return Err(MediumError::TooMany { limit: FILES_MAX });
                }
                match ArrivedFile::new(&path) {
                    Ok(file) => self.files.push(file),
                    // It may be a chunk, which must not be called missing.
                    Err(MediumError::Io { source, .. }) => {
                        self.files.push(ArrivedFile::unreadable(&path, source));
                    }
                    Err(_) => self.pass_over(Why::Special, path.display().to_string()),
                }
            } else {
                self.pass_over(Why::Special, path.display().to_string());
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.pass_over(Why::Unreadable, format!("{} ({error})", path.display()));
    }

    fn pass_over(&mut self, why: Why, what: String) {
        let at = self.passed_over.iter().position(|passed| passed.why == why).unwrap_or_else(|| {
            self.passed_over.push(PassedOver { why, count: 0, first: Vec::new() });
            self.passed_over.len() - 1
        });
        let passed = &mut self.passed_over[at];
        passed.count += 1;
        if passed.first.len() < NAMED_MAX {
            passed.first.push(what);
        }
    }
}
