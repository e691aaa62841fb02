//! Gives a finished file its name without ever replacing another file.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Renames a file to `target`, in the same folder, unless that name is taken. Atomic where the file system can rename
/// without replacing, or has hard links. On others, such as some network shares and FUSE, an empty file holds the name
/// for a moment before the finished file replaces it.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if the name is taken; otherwise why no way to give a new name works here.
pub(crate) fn rename_new(file: &Path, target: &Path) -> io::Result<()> {
    match renameat_with(CWD, file, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => {}
    }
    match fs::hard_link(file, target) {
        Ok(()) => return fs::remove_file(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).open(target)?;
    fs::rename(file, target).inspect_err(|_| {
        // The empty file is ours. If removing it fails too, the first error matters more.
        let _ = fs::remove_file(target);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_or_link_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, target, link] = ["file", "target", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "new").unwrap();
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        for taken in [&target, &link] {
            assert_eq!(rename_new(&file, taken).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        rename_new(&file, &folder.path().join("free")).unwrap();
        assert!(!file.exists());
    }
}
