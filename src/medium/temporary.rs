//! Temporary files: written beside their target, synced, then renamed. They are locked while they are in use, so that the
//! next run can tell which ones a killed run left.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::rename_new;

/// The maximum number of names to try.
const ATTEMPTS: u32 = 100;

/// A new file beside its target. It is removed if it is dropped before it is renamed.
pub(crate) struct Temporary {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Temporary {
    /// Creates a new, hidden file beside `target`. An existing file or link of the same name is neither followed
    /// nor overwritten. Temporary files of the same target that a killed run left are removed.
    pub(crate) fn beside(target: &Path) -> io::Result<Temporary> {
        Temporary::with_mode(target, 0o666)
    }

    /// Like [`Temporary::beside`], for a file with these permissions, as far as the umask allows.
    pub(crate) fn with_mode(target: &Path, mode: u32) -> io::Result<Temporary> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        remove_stale(target, &name);
        for number in 0..ATTEMPTS {
            let path = target.with_file_name(format!(".{name}.{}-{number}.partial", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) if is_ours(&file, &path) => return Ok(Temporary { path, file, placed: false }),
                // Another run removed it as stale before it was locked.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("all names for a temporary file are taken"))
    }

    /// Returns the open file.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Returns the path of the temporary file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file and renames it to `target`, atomically replacing an existing file or link.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is that of a device or a pipe, such as `/dev/null`.
    pub(crate) fn place(mut self, target: &Path) -> io::Result<()> {
        let is_replaced = |found: fs::Metadata| found.is_file() || found.is_symlink() || found.is_dir();
        if fs::symlink_metadata(target).is_ok_and(|found| !is_replaced(found)) {
            let problem = "it is a device or a pipe, not a file that can be replaced";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        self.placed = true;
        sync_folder_of(target)
    }

    /// Syncs the file and renames it to `target` unless that name is taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken.
    pub(crate) fn place_new(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        rename_new(&self.path, target)?;
        self.placed = true;
        sync_folder_of(target)
    }
}

/// Locks a new file, and returns whether it is still at its path and nobody else locked it. On a file system without
/// locks it is not locked.
fn is_ours(file: &File, path: &Path) -> bool {
    if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
        return false;
    }
    let (Ok(open), Ok(at)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (open.dev(), open.ino()) == (at.dev(), at.ino())
}

/// Removes the temporary files of a target that no run has locked. Errors are ignored: such a file only takes up room.
fn remove_stale(target: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(folder_of(target)) else { return };
    for entry in entries.flatten() {
        let is_temporary =
            entry.file_name().to_str().is_some_and(|temporary| is_temporary_name(temporary, name));
        if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let opened = OpenOptions::new().write(true).custom_flags(flags).open(entry.path());
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file name is that of a temporary file of the target `name`: `.NAME.PROCESS-NUMBER.partial`.
fn is_temporary_name(temporary: &str, name: &str) -> bool {
    let middle = temporary
        .strip_prefix('.')
        .and_then(|rest| rest.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(".partial"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    middle
        .and_then(|middle| middle.split_once('-'))
        .is_some_and(|(process, number)| is_number(process) && is_number(number))
}

fn folder_of(target: &Path) -> &Path {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn sync_folder_of(target: &Path) -> io::Result<()> {
    File::open(folder_of(target))?.sync_all()
}

impl io::Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn replaces_no_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("pipe");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &target, kind, mode, 0).unwrap();
        let error = Temporary::beside(&target).unwrap().place(&target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(!fs::symlink_metadata(&target).unwrap().is_file());
    }

    #[test]
    fn does_not_follow_an_existing_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, victim) = (folder.path().join("x.tar"), folder.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        let trap = folder.path().join(format!(".x.tar.{}-0.partial", std::process::id()));
        std::os::unix::fs::symlink(&victim, &trap).unwrap();
        let mut temporary = Temporary::beside(&target).unwrap();
        temporary.file().write_all(b"new").unwrap();
        temporary.place(&target).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    #[test]
    fn removes_only_what_killed_runs_left_for_the_same_target() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.json");
        let mut used = Temporary::beside(&target).unwrap();
        let others =
            [".x.json.partial", ".x.json.1-.partial", ".x.json.txt.1-0.partial", "x.json.1-0.partial"];
        for name in others.into_iter().chain([".x.json.1-0.partial", ".x.json.2-7.partial"]) {
            fs::write(folder.path().join(name), "left").unwrap();
        }
        drop(Temporary::beside(&target).unwrap());
        used.file().write_all(b"new").unwrap();
        used.place_new(&target).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut expected: Vec<_> = others.into_iter().chain(["x.json"]).map(str::to_owned).collect();
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
    }

    #[test]
    fn removes_the_file_if_it_is_not_placed() {
        let folder = tempfile::tempdir().unwrap();
        drop(Temporary::beside(&folder.path().join("x")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
