//! Temporary files: written beside their target, synced, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
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
    /// nor overwritten.
    pub(crate) fn beside(target: &Path) -> io::Result<Temporary> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 0..ATTEMPTS {
            let path = target.with_file_name(format!(".{name}.{}-{number}.partial", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Temporary { path, file, placed: false }),
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

    /// Syncs the file and renames it to `target`, atomically replacing an existing file.
    pub(crate) fn place(mut self, target: &Path) -> io::Result<()> {
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

fn sync_folder_of(target: &Path) -> io::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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
    fn removes_the_file_if_it_is_not_placed() {
        let folder = tempfile::tempdir().unwrap();
        drop(Temporary::beside(&folder.path().join("x")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
