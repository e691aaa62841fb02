//! Errors of an import.

use std::collections::BTreeSet;
use std::io;

use crate::arrival::BlobError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis, count};
use crate::oci::Digest;
use crate::oci::document::DocumentError;
use crate::registry::{NameError, RegistryError, RepositoryName, Tag};
use crate::trust::SignerError;
use crate::verbs::report::BaseMissing;

/// A tag that already points at a different digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagConflict {
    /// The host, repository and tag.
    pub tag: String,
    /// The digest that the tag points at now.
    pub existing: Digest,
    /// The digest that the import would set.
    pub wanted: Digest,
}

/// An error that stops an import, or fails one of its artifacts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A blob cannot be read from the chunk files.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The key cannot sign the receipt.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The registry cannot be reached, or rejects a request.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The registry lacks what the delta leaves out.
    #[error(transparent)]
    BaseMissing(#[from] BaseMissing),
    /// The registry has what the delta leaves out, but does not mount it.
    #[error(
        "{to} lacks {digest}, which the delta leaves out, and the registry does not mount it from {from}"
    )]
    NotMounted {
        /// The digest of the blob.
        digest: Digest,
        /// The repository that has it.
        from: RepositoryName,
        /// The host and the repository that need it.
        to: String,
    },
    /// The names of these artifacts have no repository.
    #[error("{} without a repository name: {}", count(names.len() as u64, "artifact", "artifacts"), names.join(", "))]
    Unnamed {
        /// Their names, or their digests if they have no name.
        names: Vec<String>,
    },
    /// The name of an artifact in the registry would be invalid.
    #[error("artifact {name} would be pushed as {becomes}, which is not a valid name: {problem}")]
    BadName {
        /// The name of the artifact, or its digest if it has no name.
        name: String,
        /// The invalid name in the registry.
        becomes: String,
        /// Why that name is invalid.
        problem: NameError,
    },
    /// The registry lacks what other processes should have sent.
    #[error(
        "missing pieces: {}; the registry lacks {} of them, such as {first}",
        pieces.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        count(*blobs as u64, "blob", "blobs")
    )]
    PiecesMissing {
        /// The numbers of the pieces.
        pieces: BTreeSet<u32>,
        /// How many blobs are missing, once for each repository.
        blobs: usize,
        /// The digest of one of them.
        first: Digest,
    },
    /// Two artifacts would get the same tag.
    #[error("{tag} would have to point at both {} and {}", digests[0], digests[1])]
    Collision {
        /// The host, repository and tag.
        tag: String,
        /// The digests of the two artifacts.
        digests: [Digest; 2],
    },
    /// An artifact would get the tag of a referrers list that does not consist of the same referrers.
    #[error("{tag} would have to be both the list of referrers of {subject} and the artifact {artifact}")]
    ListCollision {
        /// The host, repository and tag.
        tag: String,
        /// The digest of the manifest whose referrers would be listed.
        subject: Digest,
        /// The digest of the artifact of the bundle.
        artifact: Digest,
    },
    /// The bundle has no artifact with this name or digest.
    #[error("the bundle has no artifact {wanted:?}; it contains: {}", names.join(", "))]
    NoSuchArtifact {
        /// The name or digest that was requested.
        wanted: String,
        /// Some of the artifacts in the bundle.
        names: Vec<String>,
    },
    /// Tags already point at other digests.
    #[error("{}", conflicts.iter().map(conflict_text).collect::<Vec<_>>().join("; "))]
    TagsExist {
        /// The tags, with the digests they point at.
        conflicts: Vec<TagConflict>,
    },
    /// The backup tag for the old artifact already points at something else.
    #[error("cannot keep the old {tag} as {backup}: {backup} already points at {existing}")]
    BackupTaken {
        /// The host, repository and tag.
        tag: String,
        /// The backup tag.
        backup: String,
        /// The digest that the backup tag points at.
        existing: Digest,
    },
    /// The backup tag for the old artifact cannot be set.
    #[error("cannot keep the old {tag}: {problem}")]
    BackupName {
        /// The host, repository and tag.
        tag: String,
        /// The reason.
        problem: String,
    },
    /// The registry rejects an index or manifest because the bundle omits something that it references.
    #[error(
        "the registry rejected {digest} because the bundle omits {omitted}, which it references: {source}"
    )]
    Narrowed {
        /// The digest of the index or manifest.
        digest: Digest,
        /// The omitted children.
        omitted: String,
        /// The response of the registry.
        source: RegistryError,
    },
    /// A manifest or index of the bundle is damaged.
    #[error("manifest {digest} is damaged in {files}")]
    Document {
        /// The digest of the manifest or index.
        digest: Digest,
        /// The chunk files that contain it.
        files: String,
    },
    /// The tag for the referrers list of a manifest points at something that is not such a list.
    #[error("{tag} should be a referrers list, but is not: {problem}")]
    NotAReferrersList {
        /// The host, repository and tag.
        tag: String,
        /// Why its content is not a referrers list.
        problem: DocumentError,
    },
    /// Other clients changed a referrers list after each attempt to write it.
    #[error(
        "cannot update the referrers list {tag}: another client changed it after each of {attempts} attempts"
    )]
    ReferrersListRace {
        /// The host, repository and tag.
        tag: String,
        /// How often the list was written.
        attempts: usize,
    },
    /// A file with the name of the receipt already exists.
    #[error("cannot write the receipt: {file} already exists")]
    ReceiptExists {
        /// The path of the file.
        file: String,
    },
    /// The path of the receipt has no file name.
    #[error("invalid path {file:?} for the receipt: it has no file name")]
    ReceiptName {
        /// The path that was given.
        file: String,
    },
    /// A file of the receipt cannot be written.
    #[error("cannot write the receipt {file}: {source}")]
    Receipt {
        /// The path of the file.
        file: String,
        /// The I/O error.
        source: io::Error,
    },
    /// The operation was interrupted by a signal.
    #[error("interrupted")]
    Interrupted,
}

fn conflict_text(conflict: &TagConflict) -> String {
    format!(
        "{} already points at {}; importing would move it to {}",
        conflict.tag, conflict.existing, conflict.wanted
    )
}

impl ImportError {
    /// Whether this error would also stop every other transfer.
    pub(super) fn is_fatal(&self) -> bool {
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
            ImportError::Blob(error) => return error.diagnosis(),
            ImportError::Signer(error) => return error.diagnosis(),
            ImportError::Registry(error) => return error.diagnosis(),
            ImportError::BaseMissing(error) => return error.diagnosis(),
            ImportError::NotMounted { .. } => return Code::BaseMissing.with(Advice::GiveBaseChunks),
            ImportError::Unnamed { names } => {
                return Code::RepositoryUnnamed.with(names.first().map(|name| rename_advice(name)));
            }
            ImportError::BadName { name, .. } => {
                let (name, tag) = (name.clone(), EXAMPLE_TAG.to_owned());
                return Code::RepositoryName.with(Advice::RenameArtifact { name, tag });
            }
            ImportError::NoSuchArtifact { .. } => {
                return Code::NoSuchArtifact.with(Advice::CheckNamesOfBundle);
            }
            ImportError::PiecesMissing { .. } => return Code::PiecesMissing.with(Advice::ImportPieces),
            ImportError::Document { .. } => return Code::BlobMismatch.with(Advice::ChunksAreDamaged),
            ImportError::ReferrersListRace { .. } => return Code::ReferrersList.with(Advice::RunAgain),
            ImportError::NotAReferrersList { .. } => Code::ReferrersList,
            ImportError::Collision { .. } | ImportError::ListCollision { .. } => Code::TagCollision,
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

/// The tag in the example of the advice.
const EXAMPLE_TAG: &str = "1.0";

fn rename_advice(name: &str) -> Advice {
    // A name without a repository may be just a tag.
    let tag = name.parse::<Tag>().map_or_else(|_| EXAMPLE_TAG.to_owned(), |tag| tag.to_string());
    Advice::RenameArtifact { name: name.to_owned(), tag }
}
