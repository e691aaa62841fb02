//! Files without a name on the local disk. A process that is killed leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::format::Timestamp;
use crate::medium::on_disk::reserve;
use crate::medium::{ChunkFile, ReadAt};

/// Creates a file without a name in `folder` that may be read and written, and allocates its space.
///
/// # Errors
/// If the folder cannot be written or has too little space.
pub(super) fn nameless(folder: &Path, bytes: u64) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let flags = i32::try_from(rustix::fs::OFlags::TMPFILE.bits()).unwrap_or(0);
    let file = match options.clone().custom_flags(flags).open(folder) {
        Ok(file) => file,
        // Some file systems have no files without a name, so this one loses its name at once.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::IsADirectory) => {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".carnet-{}-{number}.spool", std::process::id()));
            let file = options.create_new(true).open(&path)?;
            fs::remove_file(&path)?;
            file
        }
        Err(error) => return Err(error),
    };
    reserve(&file, bytes)?;
    Ok(file)
}

/// A chunk in a file without a name.
#[derive(Clone)]
pub(super) struct SpooledFile {
    file: Arc<File>,
    /// The name that it will get in the store.
    name: String,
    bytes: u64,
}

impl SpooledFile {
    pub(super) fn new(file: Arc<File>, name: String, bytes: u64) -> SpooledFile {
        SpooledFile { file, name, bytes }
    }
}

impl ReadAt for SpooledFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

impl ChunkFile for SpooledFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<&str> {
        self.name.rsplit('/').next()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn version(&self) -> String {
        String::new()
    }

    fn modified(&self) -> Option<Timestamp> {
        None
    }

    fn open(&self) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.clone()))
    }

    fn remove(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn replace_front(
        &self,
        _: &[u8],
        _: u64,
        _: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
