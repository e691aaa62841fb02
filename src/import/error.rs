//! Why a bundle is not imported, or an artifact of it.

use std::io;

use crate::arrival::BlobError;
use crate::diagnosis::{Diagnose, Failure};
use crate::oci::Digest;
use crate::oci::document::DocumentError;
use crate::registry::{NameError, RegistryError, Tag};

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
    /// A blob cannot be had from the chunk files.
    #[error(transparent)]
    Blob(#[from] BlobError),
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

/// A name as the left side of a rule. A dot matches itself, too; a plus does not.
fn expression(name: &str) -> String {
    name.replace('+', "\\+")
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
    fn code(&self) -> &'static str {
        match self {
            ImportError::Blob(error) => error.code(),
            ImportError::Registry(error) => error.code(),
            ImportError::Unnamed { .. } => "repository-unnamed",
            ImportError::BadName { .. } => "repository-name",
            ImportError::Collision { .. } => "tag-collision",
            ImportError::NoSuchArtifact { .. } => "no-such-artifact",
            ImportError::TagsExist { .. } => "tag-exists",
            ImportError::BackupTaken { .. } | ImportError::BackupName { .. } => "tag-backup",
            ImportError::Narrowed { .. } => "bundle-narrowed",
            ImportError::Document { .. } => "blob-mismatch",
            ImportError::NotAList { .. } | ImportError::RestlessList { .. } => "referrers-list",
            ImportError::ReceiptExists { .. } => "receipt-exists",
            ImportError::ReceiptName { .. } => "receipt-name",
            ImportError::Receipt { .. } => "receipt-unwritten",
            ImportError::Interrupted => "interrupted",
        }
    }

    fn failure(&self) -> Failure {
        match self {
            ImportError::Blob(error) => error.failure(),
            ImportError::Registry(error) => error.failure(),
            ImportError::Unnamed { .. }
            | ImportError::BadName { .. }
            | ImportError::Collision { .. }
            | ImportError::BackupName { .. }
            | ImportError::ReceiptName { .. } => Failure::Usage,
            ImportError::Document { .. } => Failure::Damaged,
            ImportError::Interrupted => Failure::Interrupted,
            _ => Failure::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            ImportError::Blob(error) => return error.hint(),
            ImportError::Registry(error) => return error.hint(),
            ImportError::Unnamed { names } => {
                let name = names.first().map_or("", String::as_str);
                // A bare name may be its tag.
                let tag = name.parse::<Tag>().map_or_else(|_| "1.0".to_owned(), |tag| tag.to_string());
                return Some(format!("say where it belongs: --rename '{}=team/app:{tag}'", expression(name)));
            }
            ImportError::BadName { name, .. } => {
                return Some(format!(
                    "say what it is called there: --rename '{}=team/app:1.0'",
                    expression(name)
                ));
            }
            ImportError::Collision { .. } => "tell them apart with --rename, or choose with --artifact",
            ImportError::NoSuchArtifact { .. } => {
                "name it as the bundle does, or by its digest; `carnet inspect` lists all"
            }
            ImportError::TagsExist { .. } => {
                "replace with --overwrite-tags, or keep the old one too with --backup-tags SUFFIX"
            }
            ImportError::BackupTaken { .. } => {
                "choose another suffix for --backup-tags; with --overwrite-tags beside it the earlier backup is replaced"
            }
            ImportError::BackupName { .. } => "choose another suffix for --backup-tags",
            ImportError::Narrowed { .. } => {
                "pack the whole artifact, or let the registry take indexes that are not whole: a distribution registry \
                 (3.0 or later) does once validation.manifests.indexes.platforms in its configuration says none"
            }
            ImportError::Document { .. } => {
                "run `carnet verify` for all that is damaged, and ask for those chunks again"
            }
            ImportError::NotAList { .. } => "move that tag away, and run the same command again",
            ImportError::RestlessList { .. } => "run the same command again",
            ImportError::ReceiptExists { .. } => "receipts are kept: choose another name for --receipt",
            ImportError::ReceiptName { .. } => {
                "name the JSON file, as receipt.json; the text becomes receipt.json.txt"
            }
            ImportError::Receipt { .. } => return None,
            ImportError::Interrupted => "run the same command again: what is there is skipped",
        };
        Some(hint.to_owned())
    }
}
