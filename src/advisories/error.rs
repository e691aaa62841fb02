//! Why a database cannot be used.

use std::io;
use std::path::PathBuf;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    /// The operating system does not provide it.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is none of the known databases.
    #[error(
        "{}: expected OSV records, the JSON of the Debian security tracker, a secdb, or a zip file of OSV records; found {found}",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it has instead.
        found: String,
    },
    /// The file breaks off or breaks its format, so that records are lost.
    #[error("{}: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What breaks, and where.
        why: String,
    },
    /// The folder has no database.
    #[error("{}: the folder has no file that ends in .json or .zip", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has too many files.
    #[error("{}: the folder has more than {limit} files, or folders more than {depth} deep", path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
        /// The most files.
        limit: usize,
        /// The most folders in each other.
        depth: usize,
    },
}
