//! What goes wrong with sources and sinks of artifacts.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::oci::digest::BlobMismatch;
use crate::oci::document::DocumentError;
use crate::oci::reference::RefNameError;
use crate::oci::{Digest, RefName};
use crate::registry::{Refusal, RegistryError};

/// Why a source gives, or a sink takes, no artifact.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The system refuses.
    #[error("{what} {path:?}: {source}")]
    Io {
        /// What was tried, as `cannot open`.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The source has no artifact of that name or digest.
    #[error("{place:?} has no artifact {wanted:?}{}", alike_text(.alike))]
    NoSuchArtifact {
        /// The source.
        place: String,
        /// The name or digest asked for.
        wanted: String,
        /// Names there that look alike, at most five.
        alike: Vec<String>,
    },
    /// One name, two artifacts: readers differ on which one they take.
    #[error("{place:?} gives the name {:?} to two artifacts, {first} and {second}", .name.as_str())]
    AmbiguousName {
        /// The source.
        place: String,
        /// The name.
        name: RefName,
        /// One artifact.
        first: Box<Digest>,
        /// The other.
        second: Box<Digest>,
    },
    /// A name that cannot travel.
    #[error("{place:?} names {digest} in a way that cannot be carried: {source}")]
    BadName {
        /// The source.
        place: String,
        /// The artifact.
        digest: Digest,
        /// What is wrong with the name.
        source: RefNameError,
    },
    /// A registry that does not list its repositories.
    #[error("{place:?} does not list its repositories")]
    NoCatalogue {
        /// The registry.
        place: String,
    },
    /// Nobody has a non-distributable layer.
    #[error("non-distributable layer {digest} is neither in {place:?} nor at any of its URLs{}", refusals_text(.refusals))]
    NondistributableAbsent {
        /// The registry.
        place: String,
        /// The layer.
        digest: Digest,
        /// Each URL that was tried, and its answer.
        refusals: Vec<Refusal>,
    },
    /// A registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No image layout.
    #[error("{path:?} is not an image layout: {problem}")]
    NotALayout {
        /// The directory or archive.
        path: PathBuf,
        /// What is missing or different.
        problem: String,
    },
    /// The `index.json` of a layout.
    #[error("index.json of {path:?}: {source}")]
    BadIndex {
        /// The directory or archive.
        path: PathBuf,
        /// What is wrong with it; the digest is that of the file.
        source: Box<DocumentError>,
    },
    /// A manifest or index.
    #[error(transparent)]
    Document(Box<DocumentError>),
    /// Asked for by digest, and it is no manifest.
    #[error("{digest} in {place:?} is not a manifest: {problem}")]
    NotAManifest {
        /// The source.
        place: String,
        /// The blob.
        digest: Digest,
        /// Why not.
        problem: String,
    },
    /// The blob is not there.
    #[error("{place:?} has no blob {digest}")]
    NoSuchBlob {
        /// The source or sink.
        place: String,
        /// The blob.
        digest: Digest,
    },
    /// The bytes are not those of the digest.
    #[error(transparent)]
    BlobMismatch(Box<BlobMismatch>),
    /// More or fewer bytes than announced.
    #[error("blob {digest} is announced with {announced} bytes, found {found}")]
    BlobSize {
        /// The blob.
        digest: Digest,
        /// The size of its descriptor.
        announced: u64,
        /// How many bytes there are; where they are more, those seen so far.
        found: u64,
    },
    /// A document that is read whole is too large for that.
    #[error("{file:?} in {path:?} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The directory or archive.
        path: PathBuf,
        /// The file in it.
        file: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The archive cannot be read in one way only.
    #[error("archive {path:?}: {problem}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, with names escaped.
        problem: String,
    },
    /// The archive is compressed, and blobs in it cannot be reached.
    #[error("archive {path:?} is compressed with {with}")]
    Compressed {
        /// The archive.
        path: PathBuf,
        /// The program that decompresses it.
        with: &'static str,
    },
    /// Not something that `docker load` would take.
    #[error("{place:?} as a Docker archive: {problem}")]
    NotADockerImage {
        /// The archive.
        place: String,
        /// Which artifact, and why not.
        problem: String,
    },
    /// A symbolic link, a device or a directory where a file has to be, or a path that leads out.
    #[error("{path:?}: {problem}")]
    UnsafePath {
        /// The path.
        path: PathBuf,
        /// What it is.
        problem: String,
    },
    /// The sink has another artifact of that name.
    #[error("{place:?} already has the name {:?} for {there}, the new one is {new}", .name.as_str())]
    NameTaken {
        /// The sink.
        place: String,
        /// The name.
        name: RefName,
        /// What it names now.
        there: Box<Digest>,
        /// What it would name.
        new: Box<Digest>,
    },
    /// Files are never replaced.
    #[error("{path:?} is there already")]
    TargetExists {
        /// The file.
        path: PathBuf,
    },
    /// The archive was laid out for other blobs.
    #[error("blob {digest} of {bytes} bytes has no place in {place:?}")]
    NotPlanned {
        /// The sink.
        place: String,
        /// The blob.
        digest: Digest,
        /// Its size in bytes.
        bytes: u64,
    },
}

fn alike_text(alike: &[String]) -> String {
    if alike.is_empty() {
        return String::new();
    }
    let names: Vec<String> = alike.iter().map(|name| format!("{name:?}")).collect();
    format!("; alike: {}", names.join(", "))
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
    /// For `map_err`: names what was tried with which file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArtifactError + use<> {
        let path = path.to_owned();
        move |source| ArtifactError::Io { what, path, source }
    }
}

fn refusals_text(refusals: &[Refusal]) -> String {
    refusals.iter().map(|Refusal { url, answer, .. }| format!("; {url}: {answer}")).collect()
}

impl Diagnose for ArtifactError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            ArtifactError::Registry(error) => return error.diagnosis(),
            ArtifactError::Io { source, .. } => return Code::ArtifactIo.with(Advice::of_io(source)),
            ArtifactError::NoSuchArtifact { place, alike, .. } => {
                let advice = match alike.first() {
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
            ArtifactError::Compressed { with, .. } => {
                return Code::CompressedArchive.with(Advice::DecompressWith { program: with });
            }
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
