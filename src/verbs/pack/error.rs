//! Errors of packing.

use crate::artifacts::ArtifactError;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis, count};
use crate::format::error::FormatError;
use crate::format::resend::ShortId;
use crate::format::signature::SignatureAlgorithm;
use crate::format::volume::NoVolume;
use crate::format::{Profile, Sum};
use crate::logbook::LogbookError;
use crate::medium::MediumError;
use crate::oci::digest::{BlobMismatch, found_bytes};
use crate::oci::document::DocumentError;
use crate::oci::graph::WalkError;
use crate::oci::{Digest, MediaType, RefName};
use crate::registry::RegistryError;
use crate::stream::digesting::Unreadable;
use crate::stream::pump::Halted;
use crate::trust::SignerError;

use super::base_error::BaseError;
use super::failure::ArtifactFailure;

/// An error that stops packing, or fails one artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A source cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The chunk store cannot be read or written.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// A base does not come before the number that the bundle gets.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The number of the bundle cannot be taken.
    #[error(transparent)]
    Logbook(#[from] LogbookError),
    /// A manifest or index is malformed or exceeds a limit.
    #[error("{artifact}: {source}")]
    Document {
        /// The source and name of the artifact.
        artifact: String,
        /// The problem with the document.
        source: DocumentError,
    },
    /// The graph of an artifact is malformed or exceeds a limit.
    #[error("{artifact}: {source}")]
    Graph {
        /// The source and name of the artifact.
        artifact: String,
        /// The problem with the graph.
        source: WalkError,
    },
    /// The requested name or digest is a blob, not a manifest or index.
    #[error("{digest} is neither a manifest nor an index; its media type is {media_type}")]
    NotAnArtifact {
        /// The digest that was requested or that the name points at.
        digest: Digest,
        /// Its media type.
        media_type: MediaType,
    },
    /// The source does not have a manifest or blob that the artifact references.
    #[error(
        "{artifact}: {digest} ({media_type}) is not in the source, but {} references it",
        by(digest, parent)
    )]
    Missing {
        /// The source and name of the artifact.
        artifact: String,
        /// The digest of the manifest or blob.
        digest: Digest,
        /// Its media type.
        media_type: MediaType,
        /// The digest of the document that references it; its own for an entry of the source's list.
        parent: Digest,
        /// Its platform, if it is a child of an index.
        platform: Option<String>,
    },
    /// The source does not have some non-distributable layers.
    #[error(
        "{artifact}: the source does not have {}: {}",
        count(layers.len() as u64, "non-distributable layer", "non-distributable layers"),
        list_layers(layers)
    )]
    AbsentNondistributable {
        /// The source and name of the artifact.
        artifact: String,
        /// The digest of each layer, and the URLs in its descriptor.
        layers: Vec<(Digest, Vec<String>)>,
    },
    /// A blob in the source does not have the size in its descriptor.
    #[error(
        "blob {digest} has the wrong size: expected {expected} bytes (from its descriptor), found {}",
        found_bytes(*expected, *found)
    )]
    Size {
        /// The digest of the blob.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        expected: u64,
        /// The size in the source, in bytes.
        found: u64,
    },
    /// The bytes of a blob do not match its digest.
    #[error("{source_name}: {mismatch}")]
    Damaged {
        /// The name of the source.
        source_name: String,
        /// The expected and the found digest.
        mismatch: BlobMismatch,
    },
    /// A blob was read twice, and the second time its bytes were other ones.
    #[error(
        "{source_name}: blob {digest} matched its digest when it was read first, and not when it was read again"
    )]
    Changed {
        /// The name of the source.
        source_name: String,
        /// The digest of the blob.
        digest: Digest,
    },
    /// Reading a blob failed.
    #[error("{source_name}: cannot read blob {digest}: {source}")]
    Unreadable {
        /// The name of the source.
        source_name: String,
        /// The digest of the blob.
        digest: Digest,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A chunk file cannot be written.
    #[error("cannot write {file}: {source}")]
    Unwritable {
        /// The path of the chunk file.
        file: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// One new name was given for a source with several artifacts.
    #[error(
        "cannot rename {source_name} to {name}: it holds {found} artifacts, and a name can be given to one only"
    )]
    RenameSeveral {
        /// The name of the source.
        source_name: String,
        /// The new name.
        name: RefName,
        /// The number of artifacts in the source.
        found: usize,
    },
    /// Two different artifacts have the same name.
    #[error("two different artifacts are named {name}: {first}, and {second} in {source_name}")]
    NameTwice {
        /// The name of both artifacts.
        name: RefName,
        /// The digest of the first artifact.
        first: Digest,
        /// The digest of the second artifact.
        second: Digest,
        /// The name of the source with the second artifact.
        source_name: String,
    },
    /// Blobs do not fit into a chunk, and splitting is forbidden.
    #[error(
        "{} would have to be split to fit into chunks of {chunk_bytes} bytes: {}",
        count(blobs.len() as u64, "blob", "blobs"),
        list_blobs(blobs)
    )]
    TooLarge {
        /// The maximum size of a chunk file, in bytes.
        chunk_bytes: u64,
        /// The digest of each blob, and its size in bytes.
        blobs: Vec<(Digest, u64)>,
    },
    /// The bundle needs more chunks than the format allows.
    #[error("the bundle needs more than {limit} chunks of {chunk_bytes} bytes")]
    TooManyChunks {
        /// The maximum size of a chunk file, in bytes.
        chunk_bytes: u64,
        /// The maximum number of chunks.
        limit: u32,
    },
    /// The sources and options do not give the bundle of the request.
    #[error(
        "the request is for bundle {wanted}, and these sources and options give {}: one of them is not what it was",
        ShortId::of(found)
    )]
    OtherBundle {
        /// The short id in the request.
        wanted: ShortId,
        /// The id of the bundle that would be packed.
        found: Sum,
    },
    /// The request names a chunk that the bundle does not have.
    #[error("the request asks for chunk {highest}, but the bundle has only chunks 0 to {last}")]
    NoSuchChunk {
        /// The highest number that was asked for.
        highest: u32,
        /// The highest number of the bundle.
        last: u32,
    },
    /// A work plan is malformed.
    #[error("the work plan cannot be used: {problem}")]
    WorkPlan {
        /// What is wrong with it.
        problem: String,
    },
    /// The keys are not those that the work plan names.
    #[error("the work plan is for {}, found {}", keys(expected), keys(found))]
    OtherKeys {
        /// The short ids in the plan.
        expected: Vec<String>,
        /// The short ids of the keys that were given.
        found: Vec<String>,
    },
    /// No key is of the algorithm that the profile demands.
    #[error("the profile {profile} needs a key of mldsa87, found {}", algorithms(found))]
    ProfileKey {
        /// The profile.
        profile: Profile,
        /// The algorithms of the keys.
        found: Vec<SignatureAlgorithm>,
    },
    /// A bundle of a profile leaves nothing out.
    #[error(
        "a bundle of the profile {profile} has no base: what an earlier bundle carries would be bound by SHA-256 alone"
    )]
    ProfileDelta {
        /// The profile.
        profile: Profile,
    },
    /// The work plan has no such piece.
    #[error("the work plan has no piece {piece}; {}", numbered(*pieces))]
    NoSuchPiece {
        /// The number that was asked for.
        piece: u32,
        /// The number of pieces.
        pieces: usize,
    },
    /// Chunks of some pieces are not there.
    #[error(
        "missing pieces: {}; {} not there",
        pieces.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        count(*chunks as u64, "chunk is", "chunks are")
    )]
    PiecesMissing {
        /// The numbers of the pieces.
        pieces: Vec<u32>,
        /// How many chunks are not there.
        chunks: usize,
    },
    /// The chunks do not fit into volumes.
    #[error(transparent)]
    Volumes(#[from] NoVolume),
    /// There is no artifact to pack.
    #[error("nothing to pack{}", list_failures(failures))]
    Nothing {
        /// The artifacts that failed.
        failures: Vec<ArtifactFailure>,
    },
    /// The plan or the index would exceed a limit of the format.
    #[error("the bundle would exceed a limit of the format: {0}")]
    Format(#[from] FormatError),
    /// The key of the packer cannot sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The system is out of memory or threads.
    #[error("out of memory or threads: {0}")]
    System(std::io::Error),
    /// The operation was interrupted by a signal.
    #[error("interrupted")]
    Interrupted,
}

impl From<Unreadable> for PackError {
    /// A chunk file that was just written cannot be read.
    fn from(Unreadable { file, source }: Unreadable) -> PackError {
        MediumError::Io { what: "read", path: file, source }.into()
    }
}

impl From<Halted> for PackError {
    fn from(halted: Halted) -> PackError {
        match halted {
            Halted::System(source) => PackError::System(source),
            Halted::Interrupted => PackError::Interrupted,
        }
    }
}

fn keys(ids: &[String]) -> String {
    let word = if ids.len() == 1 { "the key" } else { "the keys" };
    format!("{word} {}", ids.join(" and "))
}

fn algorithms(found: &[SignatureAlgorithm]) -> String {
    found.iter().map(SignatureAlgorithm::as_str).collect::<Vec<_>>().join(" and ")
}

fn numbered(pieces: usize) -> String {
    match pieces {
        0 => "all is in the control chunk, which `carnet seal` writes".to_owned(),
        1 => "its only piece is 0".to_owned(),
        pieces => format!("its pieces are 0 to {}", pieces - 1),
    }
}

fn list_layers(layers: &[(Digest, Vec<String>)]) -> String {
    let each = layers.iter().map(|(digest, urls)| match urls.as_slice() {
        [] => format!("{digest} (no URLs)"),
        urls => format!("{digest} ({})", urls.join(", ")),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn list_blobs(blobs: &[(Digest, u64)]) -> String {
    blobs.iter().map(|(digest, size)| format!("{digest} ({size} bytes)")).collect::<Vec<_>>().join(", ")
}

fn list_failures(failures: &[ArtifactFailure]) -> String {
    failures.iter().map(|failure| format!("; {}: {}", failure.artifact, failure.error)).collect()
}

impl PackError {
    /// Returns the digest of the blob that caused the error, if one did.
    pub(super) fn damaged_blob(&self) -> Option<Digest> {
        match self {
            PackError::Damaged { mismatch, .. } => Some(mismatch.expected),
            PackError::Unreadable { digest, source, .. } => match registry_error(source) {
                // The registry itself fails: excluding one blob after another would not help.
                Some(error) if !error.is_of_one_blob() => None,
                _ => Some(*digest),
            },
            PackError::Size { digest, .. } | PackError::Changed { digest, .. } => Some(*digest),
            _ => None,
        }
    }
}

/// Returns the registry error inside an I/O error of a reader, if there is one.
pub(super) fn registry_error(error: &std::io::Error) -> Option<&RegistryError> {
    error.get_ref()?.downcast_ref()
}

/// What references a missing manifest or blob.
fn by(digest: &Digest, parent: &Digest) -> String {
    if digest == parent { "its list of artifacts".to_owned() } else { parent.to_string() }
}

impl Diagnose for PackError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            PackError::Artifact(error) => return error.diagnosis(),
            PackError::Medium(error) => return error.diagnosis(),
            PackError::Base(error) => return error.diagnosis(),
            PackError::Logbook(error) => return error.diagnosis(),
            PackError::Signer(error) => return error.diagnosis(),
            PackError::Volumes(error) => return error.diagnosis(),
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
            PackError::Graph { source: WalkError::NoSuchPlatform { .. }, .. } => {
                return Code::RefusedGraph.with(Advice::SelectOfferedPlatforms);
            }
            PackError::Graph { .. } => Code::RefusedGraph,
            PackError::NotAnArtifact { .. } => Code::NotAnArtifact,
            PackError::AbsentNondistributable { .. } => Code::NondistributableAbsent,
            PackError::Size { .. } => Code::BlobSizeMismatch,
            PackError::Damaged { .. } | PackError::Changed { .. } => Code::BlobMismatch,
            PackError::Unwritable { .. } => Code::ChunkUnwritable,
            PackError::RenameSeveral { .. } => Code::RenameSeveral,
            PackError::NameTwice { .. } => Code::NameTwice,
            PackError::TooLarge { .. } => Code::BlobTooLarge,
            PackError::TooManyChunks { .. } => Code::TooManyChunks,
            PackError::OtherBundle { .. } => {
                return Code::RequestElsewhere.with(Advice::RepeatTheFirstPacking);
            }
            PackError::NoSuchChunk { .. } => Code::RequestBeyond,
            PackError::WorkPlan { .. } => Code::WorkPlanMalformed,
            PackError::OtherKeys { .. } => Code::WorkPlanKey,
            PackError::ProfileKey { .. } => Code::ProfileKey,
            PackError::ProfileDelta { .. } => Code::ProfileDelta,
            PackError::NoSuchPiece { .. } => Code::NoSuchPiece,
            PackError::PiecesMissing { .. } => Code::PiecesMissing,
            PackError::Nothing { .. } => Code::NothingToPack,
            PackError::Format(_) => Code::BundleTooLarge,
            PackError::System(_) => Code::System,
            PackError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}
