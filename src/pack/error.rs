//! Why a bundle cannot be packed.

use crate::artifacts::ArtifactError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::format::error::FormatError;
use crate::medium::MediumError;
use crate::oci::document::DocumentError;
use crate::oci::graph::WalkError;
use crate::oci::{Digest, MediaType, RefName, digest::BlobMismatch};

use crate::registry::RegistryError;

use super::ArtifactFailure;

/// Why a bundle cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A source failed.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The medium failed.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// A manifest or index is refused.
    #[error("{artifact}: {source}")]
    Document {
        /// The artifact, escaped.
        artifact: String,
        /// Why.
        source: DocumentError,
    },
    /// A graph is refused.
    #[error("{artifact}: {source}")]
    Graph {
        /// The artifact, escaped.
        artifact: String,
        /// Why.
        source: WalkError,
    },
    /// The root is an opaque blob.
    #[error("{digest} is of type {media_type}, neither a manifest nor an index")]
    NotAnArtifact {
        /// The root.
        digest: Digest,
        /// Its type.
        media_type: MediaType,
    },
    /// A blob is not in the source.
    #[error("{artifact}: {media_type} {digest}, which {parent} points at, is not in the source")]
    Missing {
        /// The artifact, escaped.
        artifact: String,
        /// The blob.
        digest: Digest,
        /// Its type.
        media_type: MediaType,
        /// What points at it.
        parent: Digest,
        /// Its platform, where it is a child of an index.
        platform: Option<String>,
    },
    /// Non-distributable layers are not in the source.
    #[error("{artifact}: {} non-distributable layer(s) are not in the source: {}", layers.len(), list_layers(layers))]
    AbsentNondistributable {
        /// The artifact, escaped.
        artifact: String,
        /// Each layer, and where its descriptor says that it may be had.
        layers: Vec<(Digest, Vec<String>)>,
    },
    /// A blob has another size than announced.
    #[error("blob {digest}: its descriptor announces {expected} bytes, the source has {found}")]
    Size {
        /// The blob.
        digest: Digest,
        /// What the descriptor says, in bytes.
        expected: u64,
        /// What the source has, in bytes.
        found: u64,
    },
    /// A blob's bytes are not those of its digest.
    #[error("{source_name}: {mismatch}")]
    Damaged {
        /// The source, escaped.
        source_name: String,
        /// What was expected and found.
        mismatch: BlobMismatch,
    },
    /// A blob cannot be read to its end.
    #[error("{source_name}: blob {digest} cannot be read: {source}")]
    Unreadable {
        /// The source, escaped.
        source_name: String,
        /// The blob.
        digest: Digest,
        /// Why.
        source: std::io::Error,
    },
    /// A chunk cannot be written.
    #[error("{file} cannot be written: {source}")]
    Unwritable {
        /// The chunk's file, escaped.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A new name was given to several artifacts.
    #[error("{source_name} holds {found} artifacts, and one name was given for them: {name}")]
    RenameSeveral {
        /// The source, escaped.
        source_name: String,
        /// The name.
        name: RefName,
        /// How many artifacts it would have.
        found: usize,
    },
    /// Two artifacts have one name.
    #[error("two artifacts are named {name}: {first}, and {second} in {source_name}")]
    NameTwice {
        /// The name.
        name: RefName,
        /// The first.
        first: Digest,
        /// The second.
        second: Digest,
        /// Where the second is, escaped.
        source_name: String,
    },
    /// Blobs are larger than a chunk, and cutting was forbidden.
    #[error("{} blob(s) are larger than a chunk of {chunk_bytes} bytes takes whole: {}", blobs.len(), list_blobs(blobs))]
    TooLarge {
        /// The limit, in bytes.
        chunk_bytes: u64,
        /// Each blob and its size in bytes.
        blobs: Vec<(Digest, u64)>,
    },
    /// More chunks than numbers.
    #[error("the bundle needs more than {limit} chunks of {chunk_bytes} bytes")]
    TooManyChunks {
        /// The limit of a file, in bytes.
        chunk_bytes: u64,
        /// How many chunks there may be.
        limit: u32,
    },
    /// Nothing is left to pack.
    #[error("there is nothing to pack{}", list_failures(failures))]
    Nothing {
        /// What failed before.
        failures: Vec<ArtifactFailure>,
    },
    /// More than any reader takes.
    #[error("the bundle would break a limit of the format: {0}")]
    Format(#[from] FormatError),
    /// No memory or threads.
    #[error("the system gives no more memory or threads: {0}")]
    System(std::io::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

fn list_layers(layers: &[(Digest, Vec<String>)]) -> String {
    let each = layers.iter().map(|(digest, urls)| match urls.as_slice() {
        [] => format!("{digest} (no url)"),
        urls => format!(
            "{digest} ({})",
            urls.iter().map(|url| url.escape_debug().to_string()).collect::<Vec<_>>().join(", ")
        ),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn list_blobs(blobs: &[(Digest, u64)]) -> String {
    blobs.iter().map(|(digest, size)| format!("{digest} ({size} bytes)")).collect::<Vec<_>>().join(", ")
}

fn list_failures(failures: &[ArtifactFailure]) -> String {
    failures.iter().map(|failure| format!("; {}: {}", failure.artifact, failure.error)).collect()
}

/// What a registry did, where a reader failed for that.
pub(super) fn registry_error(error: &std::io::Error) -> Option<&RegistryError> {
    error.get_ref()?.downcast_ref()
}

impl Diagnose for PackError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            PackError::Artifact(error) => return error.diagnosis(),
            PackError::Medium(error) => return error.diagnosis(),
            PackError::Unreadable { source, .. } => match registry_error(source) {
                Some(error) => return error.diagnosis(),
                None => Code::BlobUnreadable,
            },
            PackError::Missing { platform, .. } => {
                let platform = platform.clone();
                return Code::BlobMissing
                    .with(platform.map(|platform| Advice::PlatformIsNotThere { platform }));
            }
            PackError::Document { .. } => Code::MalformedDocument,
            PackError::Graph { source: WalkError::SizesDiffer { .. }, .. } => Code::BlobSizesDiffer,
            PackError::Graph { .. } => Code::RefusedGraph,
            PackError::NotAnArtifact { .. } => Code::NotAnArtifact,
            PackError::AbsentNondistributable { .. } => Code::NondistributableAbsent,
            PackError::Size { .. } => Code::BlobSizeMismatch,
            PackError::Damaged { .. } => Code::BlobMismatch,
            PackError::Unwritable { .. } => Code::ChunkUnwritable,
            PackError::RenameSeveral { .. } => Code::RenameSeveral,
            PackError::NameTwice { .. } => Code::NameTwice,
            PackError::TooLarge { .. } => Code::BlobTooLarge,
            PackError::TooManyChunks { .. } => Code::TooManyChunks,
            PackError::Nothing { .. } => Code::NothingToPack,
            PackError::Format(_) => Code::BundleTooLarge,
            PackError::System(_) => Code::System,
            PackError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}
