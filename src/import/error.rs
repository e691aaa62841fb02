//! Why a bundle is not imported, or an artifact of it.

use std::io;

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::oci::Digest;
use crate::oci::document::DocumentError;
use crate::registry::{NameError, RegistryError, Tag};
use crate::unpack::UnpackError;

/// A tag that points at something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagConflict {
    /// Host, repository and tag.
    pub tag: String,
    /// What it points at.
    pub existing: Digest,
    /// What it was to point at.
    pub wanted: Digest,
}

/// Why a bundle is not imported, or an artifact of it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bundle cannot be used, or a blob of it.
    #[error(transparent)]
    Bundle(#[from] UnpackError),
    /// The registry cannot be used, or refuses something.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Artifacts that do not say which repository they belong to.
    #[error("these artifacts have no repository name: {}", names.join(", "))]
    Unnamed {
        /// Their names, or digests where they have none.
        names: Vec<String>,
    },
    /// An artifact whose name no registry takes.
    #[error("artifact {name} would become {becomes}: {problem}")]
    BadName {
        /// Its name, or its digest where it has none.
        name: String,
        /// What it becomes.
        becomes: String,
        /// Why that is no name.
        problem: NameError,
    },
    /// Two artifacts want one tag.
    #[error("{tag} would be both {} and {}", digests[0], digests[1])]
    Collision {
        /// Host, repository and tag.
        tag: String,
        /// The artifacts.
        digests: [Digest; 2],
    },
    /// Nothing in the bundle is called so.
    #[error("the bundle has no artifact {wanted:?}; it has {}", names.join(", "))]
    NoSuchArtifact {
        /// What was asked for.
        wanted: String,
        /// Some of what is there.
        names: Vec<String>,
    },
    /// Tags are taken.
    #[error("{}", conflicts.iter().map(said).collect::<Vec<_>>().join("; "))]
    TagsExist {
        /// Which, and by what.
        conflicts: Vec<TagConflict>,
    },
    /// The tag that was to keep the old artifact is taken.
    #[error("the old {tag} cannot be kept as {backup}: that points at {existing}")]
    BackupTaken {
        /// Host, repository and tag.
        tag: String,
        /// The tag that was to keep it.
        backup: String,
        /// What that points at.
        existing: Digest,
    },
    /// The tag that was to keep the old artifact cannot be.
    #[error("the old {tag} cannot be kept: {problem}")]
    BackupName {
        /// Host, repository and tag.
        tag: String,
        /// Why not.
        problem: String,
    },
    /// The registry refuses an index or a manifest that points at what the bundle does not carry.
    #[error(
        "the bundle was packed without {left_out}, which {digest} points at, and the registry insists: {source}"
    )]
    Narrowed {
        /// The index or manifest.
        digest: Digest,
        /// What it points at and is not carried.
        left_out: String,
        /// What the registry says.
        source: RegistryError,
    },
    /// A manifest of the bundle is damaged.
    #[error("{digest} is damaged in {files}")]
    Document {
        /// Which.
        digest: Digest,
        /// The chunk file or files it is in, escaped.
        files: String,
    },
    /// What refers to a manifest cannot be listed.
    #[error("{tag}, where this registry lists what refers to a manifest, holds something else: {problem}")]
    NotAList {
        /// Host, repository and tag.
        tag: String,
        /// What it holds.
        problem: DocumentError,
    },
    /// Others write a list as fast as we do.
    #[error(
        "{tag}, where this registry lists what refers to a manifest, was changed by others each time it was written"
    )]
    RestlessList {
        /// Host, repository and tag.
        tag: String,
    },
    /// A receipt would take the place of a file.
    #[error("{file} exists")]
    ReceiptExists {
        /// Which file, escaped.
        file: String,
    },
    /// A receipt's name that does not work.
    #[error("{file:?} names no file for the receipt")]
    ReceiptName {
        /// What was said.
        file: String,
    },
    /// A receipt cannot be written.
    #[error("cannot write the receipt {file}: {source}")]
    Receipt {
        /// Which file, escaped.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

fn said(conflict: &TagConflict) -> String {
    format!("{} is {} there, and would become {}", conflict.tag, conflict.existing, conflict.wanted)
}

impl ImportError {
    /// Whether nothing else could be done either.
    pub(super) fn ends_all(&self) -> bool {
        matches!(
            self,
            ImportError::Interrupted
                | ImportError::Registry(
                    RegistryError::Interrupted
                        | RegistryError::Unreachable { .. }
                        | RegistryError::Setup { .. }
                )
        )
    }
}

impl Diagnose for ImportError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            ImportError::Bundle(error) => return error.diagnosis(),
            ImportError::Registry(error) => return error.diagnosis(),
            ImportError::Unnamed { names } => {
                return Code::RepositoryUnnamed.with(names.first().map(|name| renaming(name)));
            }
            ImportError::BadName { name, .. } => {
                let (name, tag) = (name.clone(), TAG.to_owned());
                return Code::RepositoryName.with(Advice::RenameArtifact { name, tag });
            }
            ImportError::NoSuchArtifact { .. } => {
                return Code::NoSuchArtifact.with(Advice::CheckNamesOfBundle);
            }
            ImportError::Document { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            ImportError::RestlessList { .. } => return Code::ReferrersList.with(Advice::RunAgain),
            ImportError::NotAList { .. } => Code::ReferrersList,
            ImportError::Collision { .. } => Code::TagCollision,
            ImportError::TagsExist { .. } => Code::TagExists,
            ImportError::BackupTaken { .. } => Code::TagBackupExists,
            ImportError::BackupName { .. } => Code::TagBackupName,
            ImportError::Narrowed { .. } => Code::BundleNarrowed,
            ImportError::ReceiptExists { .. } => Code::ReceiptExists,
            ImportError::ReceiptName { .. } => Code::ReceiptName,
            ImportError::Receipt { .. } => Code::ReceiptUnwritten,
            ImportError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

/// The tag of an example.
const TAG: &str = "1.0";

fn renaming(name: &str) -> Advice {
    // A bare name may be its tag.
    let tag = name.parse::<Tag>().map_or_else(|_| TAG.to_owned(), |tag| tag.to_string());
    Advice::RenameArtifact { name: name.to_owned(), tag }
}
