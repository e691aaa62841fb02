//! The way in for every verb: files become bundles, and one of them is selected.

use std::sync::Arc;

use super::{Bundle, Gate, NotAChunk, sort};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::medium::ChunkFile;
use crate::stream::pump::Halted;
use crate::trust::TrustPolicy;

/// How many bundles are looked at where nobody is trusted: each may claim many chunks.
const UNVERIFIED_BUNDLES_MAX: usize = 256;

/// How many characters of an id name a bundle.
const ID_CHARS_MIN: usize = 8;

/// Why files could not be opened as bundles.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No chunk is among them.
    #[error("no chunk is among the {files} file(s) named{}", first.as_ref().map(|why| format!("; {why}")).unwrap_or_default())]
    NoChunk {
        /// How many files were looked at.
        files: usize,
        /// Why the first of them is none.
        first: Option<String>,
    },
    /// More bundles than anyone sends at once, and nobody to say which of them count.
    #[error(
        "{found} bundles arrived, and without a trust file at most {UNVERIFIED_BUNDLES_MAX} are looked at"
    )]
    TooManyBundles {
        /// How many.
        found: usize,
    },
    /// Several bundles, and none was named.
    #[error("several bundles arrived: {}", bundles.join(", "))]
    SeveralBundles {
        /// Their ids.
        bundles: Vec<String>,
    },
    /// None of the bundles has this name or id.
    #[error("no bundle {wanted:?} arrived")]
    NoSuchBundle {
        /// Its name, or the beginning of its id.
        wanted: String,
    },
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
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
            OpenError::TooManyBundles { .. } => Code::TooManyBundles,
            OpenError::SeveralBundles { .. } => Code::SeveralBundles,
            OpenError::NoSuchBundle { .. } => Code::NoSuchBundle,
            OpenError::System(_) => Code::System,
            OpenError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

/// What is to be opened, and who must have signed it.
#[derive(Clone, Copy)]
pub struct OpenRequest<'a> {
    /// Files, in any mixture and order, under any names.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// Who is trusted; `None` looks at integrity only, and nothing is called verified.
    pub policy: Option<&'a TrustPolicy>,
}

/// What arrived: bundles, and files that are no chunks.
pub struct Arrivals {
    /// The bundles, by id.
    pub bundles: Vec<Bundle>,
    /// What is no chunk.
    pub others: Vec<NotAChunk>,
}

/// Opens every bundle among the files. Control chunks are wholly hashed, layers excepted: those are hashed by what
/// moves them.
///
/// # Errors
/// [`OpenError`]: no chunk is among them, or too many bundles where nobody is trusted.
pub fn open(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<Arrivals, OpenError> {
    let OpenRequest { files, policy } = *request;
    let gate = policy.map_or(Gate::Unverified, |policy| Gate::Policy(policy, environment.clock.now()));
    let (lots, others) = sort(files);
    if lots.is_empty() {
        let first = others.first().map(|other| format!("{}: {}", other.file.name(), other.error));
        return Err(OpenError::NoChunk { files: files.len(), first });
    }
    if policy.is_none() && lots.len() > UNVERIFIED_BUNDLES_MAX {
        return Err(OpenError::TooManyBundles { found: lots.len() });
    }
    let bundles = lots.into_iter().map(|(id, lot)| Bundle::open(id, lot, gate, environment.workers));
    Ok(Arrivals { bundles: bundles.collect::<Result<_, Halted>>()?, others })
}

impl Arrivals {
    /// The one bundle that is meant: of this name, or whose id begins so, or the only one.
    ///
    /// # Errors
    /// [`OpenError::SeveralBundles`] and [`OpenError::NoSuchBundle`].
    pub fn select(mut self, wanted: Option<&str>) -> Result<Bundle, OpenError> {
        if let Some(wanted) = wanted {
            self.bundles.retain(|bundle| {
                let id_begins_so =
                    || wanted.len() >= ID_CHARS_MIN && bundle.id.to_string().starts_with(wanted);
                bundle.name().as_str() == wanted || id_begins_so()
            });
        }
        // A stranger's files beside ours must not stop ours.
        let trusted = |bundle: &Bundle| bundle.files.iter().any(|opened| opened.accepted.is_some());
        if self.bundles.iter().any(trusted) {
            self.bundles.retain(trusted);
        }
        if self.bundles.len() > 1 {
            let bundles = self.bundles.iter().map(|bundle| bundle.id.to_string()).collect();
            return Err(OpenError::SeveralBundles { bundles });
        }
        self.bundles
            .pop()
            .ok_or_else(|| OpenError::NoSuchBundle { wanted: wanted.unwrap_or_default().to_owned() })
    }
}
