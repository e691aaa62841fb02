//! Errors of artifact sources and sinks.

use std::io;
use std::path::{Path, PathBuf};

use super::kind::Kind;
use super::transport::Transport;
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis, count};
use crate::oci::digest::{BlobMismatch, found_bytes};
use crate::oci::document::DocumentError;
use crate::oci::reference::RefNameError;
use crate::oci::{Digest, RefName};
use crate::registry::{Refusal, RegistryError};

/// Why a source could not provide an artifact, or a sink could not accept one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// An operation of the operating system failed.
    #[error("{what} {path:?}: {source}")]
    Io {
        /// The operation that failed, e.g. `cannot open`.
        what: &'static str,
        /// The file that it failed on.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The source has no artifact of that name or digest.
    #[error("{place:?} has no artifact {wanted:?}{}", similar_names_text(.similar))]
    NoSuchArtifact {
        /// The source that was searched.
        place: String,
        /// The name or digest that was requested.
        wanted: String,
        /// Similar names in the source, at most five.
        similar: Vec<String>,
    },
    /// A source lists one name for two artifacts. Tools differ on which one they use.
    #[error("the name {:?} is ambiguous in {place:?}: it points at {first} and at {second}", .name.as_str())]
    AmbiguousName {
        /// The source or the index that lists the name.
        place: String,
        /// The ambiguous name.
        name: RefName,
        /// The digest of the artifact that is listed first.
        first: Box<Digest>,
        /// The digest of the other artifact.
        second: Box<Digest>,
    },
    /// A source lists an artifact under a name that a bundle cannot carry.
    #[error("the name of {digest} in {place:?} cannot be carried in a bundle: {source}")]
    BadName {
        /// The source that lists the name.
        place: String,
        /// The digest of the artifact.
        digest: Digest,
        /// What is wrong with the name.
        source: RefNameError,
    },
    /// The registry does not list its repositories.
    #[error("registry {place:?} does not list its repositories")]
    NoCatalogue {
        /// The registry that was asked.
        place: String,
    },
    /// A non-distributable layer is neither in the registry nor at any of its URLs.
    #[error("non-distributable layer {digest} is neither in {place:?} nor at any of its URLs{}", refusals_text(.refusals))]
    NondistributableAbsent {
        /// The repository that was searched.
        place: String,
        /// The digest of the layer.
        digest: Digest,
        /// Each URL that was tried, with the reason why it failed.
        refusals: Vec<Refusal>,
    },
    /// A request to a registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The directory or archive is not an image layout.
    #[error("{path:?} is not an OCI image layout: {problem}")]
    NotALayout {
        /// The path of the directory or archive.
        path: PathBuf,
        /// What is missing or wrong.
        problem: String,
    },
    /// The `index.json` of a layout is malformed.
    #[error("malformed index.json in {path:?}: {source}")]
    BadIndex {
        /// The path of the directory or archive.
        path: PathBuf,
        /// What is wrong. Its digest is the digest of `index.json`.
        source: Box<DocumentError>,
    },
    /// A manifest or index is malformed.
    #[error(transparent)]
    Document(Box<DocumentError>),
    /// A blob was selected by digest, but it is not a manifest or index.
    #[error("{digest} in {place:?} is not a manifest: {problem}")]
    NotAManifest {
        /// The source of the blob.
        place: String,
        /// The digest of the blob.
        digest: Digest,
        /// Why it is not a manifest.
        problem: String,
    },
    /// A blob is missing.
    #[error("blob {digest} is missing in {place:?}")]
    NoSuchBlob {
        /// The source or sink that lacks the blob.
        place: String,
        /// The digest of the blob.
        digest: Digest,
    },
    /// The content of a blob does not match its digest.
    #[error(transparent)]
    BlobMismatch(Box<BlobMismatch>),
    /// A blob has more or fewer bytes than its descriptor says.
    #[error("blob {digest} has the wrong size: expected {announced} bytes, found {}", found_bytes(*announced, *found))]
    BlobSize {
        /// The digest of the blob.
        digest: Digest,
        /// The size in its descriptor, in bytes.
        announced: u64,
        /// The number of bytes found. If the blob is too long, the number read until that was known.
        found: u64,
    },
    /// A document is larger than the limit for documents that are read into memory.
    #[error("{file:?} in {path:?} is too large: {bytes} bytes; the limit is {limit} bytes")]
    TooLarge {
        /// The path of the directory or archive.
        path: PathBuf,
        /// The path of the file inside it.
        file: String,
        /// The size of the file in bytes.
        bytes: u64,
        /// The largest allowed size in bytes.
        limit: u64,
    },
    /// The archive is malformed, or different tools would read it differently.
    #[error("archive {path:?}: {problem}")]
    Archive {
        /// The path of the archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The archive has a sparse file: only parts of its content, and a map of where they belong.
    #[error("archive {path:?}: the entry before byte {at} is a sparse file")]
    SparseArchive {
        /// The path of the archive.
        path: PathBuf,
        /// The offset of the end of the entry's header in bytes.
        at: u64,
    },
    /// `docker load` would take more from the source than its layout lists.
    #[error(
        "the layout in {path:?} lacks {} of manifest.json: Docker 25.0 writes such layouts",
        count(*.images as u64, "image", "images")
    )]
    LayoutLacksImages {
        /// The path of the directory or archive.
        path: PathBuf,
        /// The number of images that the layout lacks, or has with other layers.
        images: usize,
        /// Whether it is an archive.
        archive: bool,
    },
    /// The source is something else than its prefix says.
    #[error("{path:?} is {kind}")]
    OtherKind {
        /// The path of the source.
        path: PathBuf,
        /// What it was taken for.
        wanted: Transport,
        /// What it is.
        kind: Kind,
    },
    /// The path does not exist, but the path with what was taken for a name behind it does.
    #[error("{path:?} does not exist, but {whole:?} does")]
    SeparatorInPath {
        /// The path as it was read.
        path: PathBuf,
        /// The path that exists.
        whole: PathBuf,
        /// The source with the separators in its path escaped.
        written: String,
    },
    /// The archive is compressed, so blobs cannot be read at their offsets.
    #[error("archive {path:?} is compressed with {with}; an uncompressed tar file is needed")]
    Compressed {
        /// The path of the archive.
        path: PathBuf,
        /// The program that can decompress it, e.g. `gzip`.
        with: &'static str,
    },
    /// A signal ended the work.
    #[error("interrupted")]
    Interrupted,
    /// `docker load` would not accept the archive or artifact.
    #[error("{place:?} cannot be a Docker archive: {problem}")]
    NotADockerImage {
        /// The source or destination archive.
        place: String,
        /// Which artifact is not a Docker image, and why.
        problem: String,
    },
    /// A symbolic link, device or directory is where a regular file must be, or a path has no file name.
    #[error("unsafe path {path:?}: {problem}")]
    UnsafePath {
        /// The unsafe path.
        path: PathBuf,
        /// Why the path is not used.
        problem: String,
    },
    /// The destination already has the name, for another artifact.
    #[error("the name {:?} in {place:?} already points at {existing}; the new artifact is {new}", .name.as_str())]
    NameTaken {
        /// The destination that has the name.
        place: String,
        /// The name in question.
        name: RefName,
        /// The digest that the name points at now.
        existing: Box<Digest>,
        /// The digest that the name would point at.
        new: Box<Digest>,
    },
    /// The target file exists, and files are never replaced.
    #[error("file {path:?} already exists")]
    TargetExists {
        /// The path of the existing file.
        path: PathBuf,
    },
    /// The archive was planned without this blob, or with another size for it.
    #[error("blob {digest} ({bytes} bytes) is not in the plan of archive {place:?}, or is already written")]
    NotPlanned {
        /// The destination archive.
        place: String,
        /// The digest of the blob.
        digest: Digest,
        /// The size of the blob in bytes.
        bytes: u64,
    },
}

fn similar_names_text(similar: &[String]) -> String {
    if similar.is_empty() {
        return String::new();
    }
    let names: Vec<String> = similar.iter().map(|name| format!("{name:?}")).collect();
    format!("; similar names: {}", names.join(", "))
}

impl From<BlobMismatch> for ArtifactError {
    fn from(mismatch: BlobMismatch) -> Self {
        ArtifactError::BlobMismatch(Box::new(mismatch))
    }
}

impl From<DocumentError> for ArtifactError {
    fn from(error: DocumentError) -> Self {
        ArtifactError::Document(Box::new(error))
    }
}

impl ArtifactError {
    /// Adds the operation and the file to an I/O error, for `map_err`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArtifactError + use<> {
        let path = path.to_owned();
        move |source| ArtifactError::Io { what, path, source }
    }
}

fn advice_for(kind: &Kind, path: &Path) -> Advice {
    let pass_as = |transport: Transport| Advice::PassAs { place: transport.place(path) };
    match kind {
        Kind::Layout => pass_as(Transport::Oci),
        Kind::LayoutArchive => pass_as(Transport::OciArchive),
        Kind::DockerArchive => pass_as(Transport::DockerArchive),
        Kind::LayoutInFolder(folder) => Advice::ArchiveFolder { folder: folder.into() },
        Kind::UnpackedDockerArchive => Advice::ArchiveFolder { folder: path.to_owned() },
        Kind::DirTransport => Advice::CopyFromDir { folder: path.to_owned() },
        Kind::FileSystem => Advice::SaveInsteadOfExport,
    }
}

fn refusals_text(refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("; {refusal}")).collect()
}

impl Diagnose for ArtifactError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            ArtifactError::Registry(error) => return error.diagnosis(),
            ArtifactError::Io { source, .. } => return Code::ArtifactIo.with(Advice::of_io(source)),
            ArtifactError::NoSuchArtifact { place, similar, .. } => {
                let advice = match similar.first() {
                    Some(name) => Some(Advice::DidYouMean { name: name.clone() }),
                    None if place.starts_with("docker://") => Some(Advice::CheckRepositoryAndTag),
                    None => None,
                };
                return Code::NoSuchArtifact.with(advice);
            }
            ArtifactError::NondistributableAbsent { refusals, .. } => {
                let private = refusals.iter().any(Refusal::is_of_private_address);
                return Code::NondistributableAbsent.with(private.then_some(Advice::UrlIsPrivate));
            }
            ArtifactError::Compressed { path, with } => {
                let advice = Advice::DecompressWith { program: with, file: path.clone() };
                return Code::CompressedArchive.with(advice);
            }
            ArtifactError::SparseArchive { .. } => return Code::BadArchive.with(Advice::WriteWithoutSparse),
            ArtifactError::LayoutLacksImages { path, archive, .. } => {
                let kind = if *archive { Kind::DockerArchive } else { Kind::UnpackedDockerArchive };
                return Code::BadArchive.with(advice_for(&kind, path));
            }
            ArtifactError::SeparatorInPath { written, .. } => {
                return Code::ArtifactIo.with(Advice::PassAs { place: written.clone() });
            }
            ArtifactError::OtherKind { path, wanted, kind } => {
                let code = match wanted {
                    Transport::DockerArchive => Code::NotADockerImage,
                    Transport::Oci | Transport::OciArchive => Code::NotALayout,
                };
                return code.with(advice_for(kind, path));
            }
            ArtifactError::Interrupted => Code::Interrupted,
            ArtifactError::AmbiguousName { .. } => Code::AmbiguousName,
            ArtifactError::BadName { .. } => Code::BadName,
            ArtifactError::NoCatalogue { .. } => Code::NoCatalogue,
            ArtifactError::NotALayout { .. } => Code::NotALayout,
            ArtifactError::BadIndex { .. } => Code::BadIndex,
            ArtifactError::Document(_) => Code::MalformedDocument,
            ArtifactError::NotAManifest { .. } => Code::NotAManifest,
            ArtifactError::NoSuchBlob { .. } => Code::BlobMissing,
            ArtifactError::BlobMismatch(_) => Code::BlobMismatch,
            ArtifactError::BlobSize { .. } => Code::BlobSizeMismatch,
            ArtifactError::TooLarge { .. } => Code::FileTooLarge,
            ArtifactError::Archive { .. } => Code::BadArchive,
            ArtifactError::NotADockerImage { .. } => Code::NotADockerImage,
            ArtifactError::UnsafePath { .. } => Code::UnsafePath,
            ArtifactError::NameTaken { .. } => Code::NameTaken,
            ArtifactError::TargetExists { .. } => Code::TargetExists,
            ArtifactError::NotPlanned { .. } => Code::BlobNotPlanned,
        };
        code.into()
    }
}
