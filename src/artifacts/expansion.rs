//! Compressed archives: expanded once, into a nameless file, so that blobs can be read at their offsets
//! (docs/decisions/0044).

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::ArtifactError;
use super::staging::{create_new, unique_suffix};
use crate::content::inflate::{InflateError, InflateLimits, Inflater, StreamKind};

/// The most bytes that an archive may expand to. Images of 1 TiB exist.
const EXPANDED_BYTES_MAX: u64 = 16 << 40;

/// How much is written at once, in bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// Where compressed archives may be expanded.
#[derive(Clone, Debug)]
pub struct Expansion {
    folder: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Expansion {
    /// Expands into files in `folder`, until `stop` is set.
    pub fn new(folder: &Path, stop: Arc<AtomicBool>) -> Expansion {
        Expansion { folder: folder.to_owned(), stop }
    }

    /// Expands the archive `compressed`, which messages call `path`. The new file has no name, so nothing is left of it
    /// when the process ends.
    ///
    /// # Errors
    /// If the archive is damaged, expands to far more than its size, or is compressed in a way that is not read; if the
    /// folder is full; or if the work is interrupted.
    pub(super) fn expand(&self, compressed: &File, path: &Path) -> Result<File, ArtifactError> {
        let refuse = |problem: String| ArtifactError::Archive { path: path.to_owned(), problem };
        let limits = InflateLimits { expanded_bytes_max: EXPANDED_BYTES_MAX, ..InflateLimits::default() };
        let mut source = compressed;
        source.rewind().map_err(ArtifactError::io("cannot read", path))?;
        let mut inflater = Inflater::new(source, limits);
        let failed =
            |error: io::Error| match error.get_ref().and_then(|inner| inner.downcast_ref::<InflateError>()) {
                Some(problem) => refuse(problem.to_string()),
                None => ArtifactError::io("cannot read", path)(error),
            };
        let kind = inflater.recognise().map_err(failed)?;
        if !matches!(kind, StreamKind::Gzip | StreamKind::Zstd) {
            return Err(refuse("it is neither compressed with gzip nor with zstd".to_owned()));
        }
        let mut expanded = self.nameless()?;
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ArtifactError::Interrupted);
            }
            let read = inflater.read(&mut block).map_err(failed)?;
            let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            expanded
                .write_all(bytes)
                .map_err(ArtifactError::io("cannot expand an archive into", &self.folder))?;
        }
        match inflater.encoding().trailing_bytes {
            0 => Ok(expanded),
            bytes => Err(refuse(format!("{bytes} bytes follow the compressed data"))),
        }
    }

    /// Creates a file without a name. Where the file system cannot do that, its name is removed at once.
    fn nameless(&self) -> Result<File, ArtifactError> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        if let Ok(file) = openat(CWD, &self.folder, flags, Mode::RUSR | Mode::WUSR) {
            return Ok(file.into());
        }
        let path = self.folder.join(format!(".carnet-expanded-{}", unique_suffix(&self.folder)?));
        let file = create_new(&path)?;
        fs::remove_file(&path).map_err(ArtifactError::io("cannot remove", &path))?;
        Ok(file)
    }
}
