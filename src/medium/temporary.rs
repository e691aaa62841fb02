//! Files that become others: written beside them, synced, renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// How many names are tried.
const TRIES: u32 = 100;

/// A new file beside another. Dropped before it is put in place, it is gone.
pub(crate) struct Temporary {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Temporary {
    /// Makes a new, hidden file beside `target`. What lies on a medium under such a name, a link say, is
    /// neither followed nor overwritten.
    pub(crate) fn beside(target: &Path) -> io::Result<Temporary> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 0..TRIES {
            let path = target.with_file_name(format!(".{name}.{}-{number}.partial", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Temporary { path, file, placed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("every name for a temporary file is taken"))
    }

    /// The open file.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs it and gives it the name `target`, replacing what is there, whole.
    pub(crate) fn place(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        self.placed = true;
        sync_folder_of(target)
    }

    /// Syncs it and gives it the name `target`, whole, unless something has that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something has.
    pub(crate) fn place_new(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        match fs::hard_link(&self.path, target) {
            // The other name goes when this is dropped.
            Ok(()) => sync_folder_of(target),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // Media without links: look first, then rename.
            Err(_) if fs::symlink_metadata(target).is_err() => self.place(target),
            Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
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
    fn a_link_that_waits_there_is_not_followed() {
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
    fn nothing_is_left_of_one_that_was_not_placed() {
        let folder = tempfile::tempdir().unwrap();
        drop(Temporary::beside(&folder.path().join("x")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
