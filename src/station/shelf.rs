//! Copies of chunk files in a folder of their own, and files that are moved out of the way.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::arrival::read_release;
use crate::format::BundleName;
use crate::medium::{
    ArrivedFile, ChunkFile, Temporary, chunk_file_name, collect, release_file_name, rename_new,
};

/// Bytes that are copied at once.
const COPY_BLOCK_BYTES: usize = 1 << 20;

/// How many names a file that is moved out of the way may try.
const NAMES_MAX: u32 = 1000;

/// The copies of the chunk files of a bundle.
type Copies = [Arc<dyn ChunkFile>];

/// Copies chunk files and release files into the new folder `target`, under the names that `pack` and `sign` give them. `check`
/// inspects the copies before the folder is visible; if it fails, there is no folder. A folder that is there already is checked instead.
///
/// # Errors
/// If a file cannot be read or written, or if `check` fails.
pub fn shelve<E: From<io::Error>>(
    files: &[(u32, Arc<dyn ChunkFile>)],
    releases: &[Arc<dyn ChunkFile>],
    name: &BundleName,
    target: &Path,
    check: &dyn Fn(&Copies) -> Result<(), E>,
) -> Result<Vec<Arc<dyn ChunkFile>>, E> {
    let folder = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let partial = target.with_file_name(format!(".{folder}.partial"));
    if !target.exists() {
        // What a killed run left.
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        for (number, file) in files {
            copy(file.as_ref(), &partial.join(chunk_file_name(name, *number)))?;
        }
        for file in releases {
            copy_release(file.as_ref(), name, &partial)?;
        }
        if let Err(error) = files_of(&partial).map_err(E::from).and_then(|copies| check(&copies)) {
            fs::remove_dir_all(&partial)?;
            return Err(error);
        }
        rename_new(&partial, target)?;
        return Ok(files_of(target)?);
    }
    let copies = files_of(target)?;
    check(&copies)?;
    Ok(copies)
}

/// Copies a release file under the name of one of its keys. One whose names are all taken says nothing new.
fn copy_release(file: &dyn ChunkFile, name: &BundleName, folder: &Path) -> io::Result<()> {
    let head = read_release(file).map_err(io::Error::other)?;
    let names =
        head.signatures.iter().rev().map(|signature| folder.join(release_file_name(name, signature.key)));
    match names.into_iter().find(|target| !target.exists()) {
        Some(target) => copy(file, &target),
        None => Ok(()),
    }
}

fn files_of(folder: &Path) -> io::Result<Vec<Arc<dyn ChunkFile>>> {
    Ok(collect(&[folder.to_owned()]).map_err(io::Error::other)?.files)
}

fn copy(file: &dyn ChunkFile, target: &Path) -> io::Result<()> {
    let mut reader = file.stream(0, file.bytes())?;
    let mut temporary = Temporary::beside(target)?;
    let mut block = vec![0; COPY_BLOCK_BYTES];
    let mut rest = file.bytes();
    while rest > 0 {
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(block.len());
        reader.read_exact(&mut block[..length])?;
        temporary.file().write_all(&block[..length])?;
        rest -= length as u64;
    }
    temporary.place_new(target)
}

/// Moves a file of a folder into another folder of the same file system, with the reason in a file beside it. Returns
/// where it is now.
///
/// # Errors
/// If the file has changed since it was found, or cannot be moved.
pub fn move_aside(file: &dyn ChunkFile, folder: &Path, reason: &str) -> io::Result<PathBuf> {
    let path = Path::new(file.name());
    let found = ArrivedFile::new(path).map_err(io::Error::other)?;
    if found.version() != file.version() {
        return Err(io::Error::other("the file has changed since it was found"));
    }
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for number in 0..NAMES_MAX {
        let mut target = name.to_owned();
        if number > 0 {
            target.push(format!(".{number}"));
        }
        let target = folder.join(target);
        match rename_new(path, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                let mut beside = target.clone().into_os_string();
                beside.push(".reason.txt");
                fs::write(beside, format!("{reason}\n"))?;
                return Ok(target);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
