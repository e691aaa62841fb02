//! Reasons why files cannot be opened as bundles.

use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::format::limits::{UNVERIFIED_ENTRIES_MAX, UNVERIFIED_HEADS_BYTES_MAX};
use crate::stream::pump::Halted;

/// The maximum number of bundles opened without a trust policy: each may claim many chunks.
pub(super) const UNVERIFIED_BUNDLES_MAX: usize = 256;

/// The files could not be opened as bundles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// None of the files is a chunk.
    #[error("found no chunk in {}{}", count(*files as u64, "file", "files"), after_semicolon(first.as_deref()))]
    NoChunk {
        /// The number of files.
        files: usize,
        /// The name of the first file, and why it is not a chunk.
        first: Option<String>,
    },
    /// No chunk was found, and some of the files cannot be read.
    #[error("found no chunk: {} cannot be read: {first}", count(*unreadable as u64, "file", "files"))]
    Unreadable {
        /// The number of files that cannot be read.
        unreadable: usize,
        /// The name of the first one, and the reason.
        first: String,
    },
    /// Too many bundles to open without a trust policy.
    #[error("found {found} bundles; without a trust file, at most {UNVERIFIED_BUNDLES_MAX} are allowed")]
    TooManyBundles {
        /// The number of bundles.
        found: usize,
    },
    /// Files without a trust policy say too much about themselves.
    #[error(
        "the chunks have more than {UNVERIFIED_ENTRIES_MAX} entries or {UNVERIFIED_HEADS_BYTES_MAX} bytes of statements \
         and signatures, which is the limit without a trust file"
    )]
    TooManyEntries,
    /// Several bundles, and none was selected.
    #[error("found several bundles: {}", bundles.join(", "))]
    SeveralBundles {
        /// The ids of the bundles.
        bundles: Vec<String>,
    },
    /// None of the bundles has this name or id.
    #[error("found no bundle with the name or id {wanted:?}")]
    NoSuchBundle {
        /// The requested name or the beginning of the id.
        wanted: String,
    },
    /// The system is out of memory or threads.
    #[error("out of memory or threads: {0}")]
    System(std::io::Error),
    /// A signal interrupted the run.
    #[error("interrupted")]
    Interrupted,
}

fn after_semicolon(why: Option<&str>) -> String {
    why.map(|why| format!("; {why}")).unwrap_or_default()
}

impl From<Halted> for OpenError {
    fn from(halted: Halted) -> OpenError {
        match halted {
            Halted::System(source) => OpenError::System(source),
            Halted::Interrupted => OpenError::Interrupted,
        }
    }
}

impl Diagnose for OpenError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            OpenError::NoChunk { .. } => Code::NoChunk,
            OpenError::Unreadable { .. } => Code::ChunkUnreadable,
            OpenError::TooManyBundles { .. } | OpenError::TooManyEntries => Code::TooManyBundles,
            OpenError::SeveralBundles { .. } => Code::SeveralBundles,
            OpenError::NoSuchBundle { .. } => Code::NoSuchBundle,
            OpenError::System(_) => Code::System,
            OpenError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}
