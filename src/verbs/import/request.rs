//! The request of `import`, and how it ends early.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::ImportError;
use super::naming::RenameRule;
use super::report::ImportReport;
use crate::arrival::{Beside, WholeBundle};
use crate::artifacts::{OnFailure, RegistryDestination};
use crate::format::plan::Carriage;
use crate::registry::{Registry, RepositoryName};

/// The request of `import`.
pub struct ImportRequest<'a> {
    /// The bundle to import.
    pub bundle: &'a WholeBundle<'a>,
    /// The bundles that were given beside it. They may carry what it leaves out.
    pub beside: &'a Beside<'a>,
    /// The registry that `to` names.
    pub registry: Arc<Registry>,
    /// The destination.
    pub to: &'a RegistryDestination,
    /// Names or digests of the artifacts to import; empty for all.
    pub artifacts: &'a [String],
    /// Repositories of the registry that may have what the bundle leaves out.
    pub mount_from: &'a [RepositoryName],
    /// The rename rules; the first one that matches applies.
    pub rename: &'a [RenameRule],
    /// What to do with tags that point at another digest.
    pub tags: TagPolicy,
    /// Whether signatures, SBOMs and other referrers are pushed with their subjects.
    pub referrers: Carriage,
    /// Whether to continue when an artifact fails.
    pub on_failure: OnFailure,
    /// Who sends the blobs.
    pub sending: Sending,
    /// Whether to push nothing and only report what would be pushed.
    pub dry_run: bool,
    /// The maximum number of concurrent transfers.
    pub connections: NonZeroUsize,
}

/// Who sends the blobs of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// This import.
    All,
    /// Other processes have sent those of data chunks, each a piece of this number of pieces. What they sent must be in the
    /// registry.
    AfterPieces(u32),
}

/// An import that stopped early.
#[derive(Debug)]
pub struct Stopped {
    /// The error that stopped it.
    pub error: ImportError,
    /// The report up to that point, if the registry was changed.
    pub report: Option<Box<ImportReport>>,
}

impl<E: Into<ImportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Stopped { error: error.into(), report: None }
    }
}

/// What to do with tags that point at another digest.
#[derive(Clone, Debug, Default)]
pub struct TagPolicy {
    /// Whether to move them.
    pub overwrite: bool,
    /// The suffix for backup tags: the old artifact gets the tag with this suffix, then the tag is moved.
    pub backup: Option<String>,
}
