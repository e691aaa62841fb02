//! Sources and sinks of artifacts: layouts, archives and registries.
//!
//! `pack` reads artifacts from an [`ArtifactSource`], `unpack` writes them to an [`ArtifactSink`]. Both address
//! blobs by descriptor only, so a bundle never chooses a path.

mod announced;
mod archive_sink;
mod catalog;
mod destination;
mod docker_archive;
mod docker_manifest;
mod error;
mod extent;
mod files;
mod index_merge;
mod layout;
mod layout_sink;
mod pattern;
mod referrers;
mod registry_source;
mod staging;
mod tar_index;
mod tar_plan;
#[cfg(test)]
mod tests;
mod transport;

use std::io::Read;

use crate::oci::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::oci::graph::Referrer;
use crate::oci::write::IndexEntry;
use crate::oci::{Descriptor, Digest, RefName, VerifiedBlob};

pub use archive_sink::ArchiveSink;
pub use destination::RegistryDestination;
pub use docker_archive::DockerArchive;
pub use error::ArtifactError;
pub use layout::Layout;
pub use layout_sink::LayoutSink;
pub use pattern::Pattern;
pub use registry_source::{RegistrySource, RegistrySources};
pub use transport::{DestinationSpec, Place, SourceSpec, SpecError, Transport};

/// What happens to the other artifacts of a run after one has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Stop at the first failure.
    Stop,
    /// Continue with the other artifacts; the report lists the failure.
    Continue,
}

/// Which artifacts of a source are selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every root. An artifact that only refers to another artifact of the source is not a root.
    Every,
    /// The artifact with this name.
    Name(RefName),
    /// All artifacts whose names match the pattern.
    Matching(Pattern),
    /// The artifact with this digest.
    Digest(Digest),
}

/// An artifact of a source: the descriptor of its manifest or index, and its name if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The name of the artifact in the source.
    pub name: Option<RefName>,
    /// The descriptor of its manifest or index.
    pub descriptor: Descriptor,
}

/// A source of artifacts. All methods only read, and repeated calls return the same result.
pub trait ArtifactSource: Send + Sync {
    /// The name of the source in messages, e.g. `oci:images`.
    fn name(&self) -> &str;

    /// The selected artifacts, sorted by name and digest.
    ///
    /// # Errors
    /// If there is none (the error lists similar names), or if one name points at two digests.
    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError>;

    /// The size in bytes that the blob has in the source; `None` if it is missing. The blob is not read or hashed.
    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError>;

    /// Opens the blob at `offset` bytes. If [`ArtifactSource::waits`], no request is sent before the first read. The
    /// bytes are not verified; the caller must hash them.
    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError>;

    /// The direct referrers of the manifest `subject`, sorted: those with a `subject` field, those listed under the
    /// `sha256-<hex>` tag of distribution-spec, and those under cosign's `.sig`, `.att` and `.sbom` tags.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError>;

    /// Whether blobs come over a network. Their readers may block for long, so other work must not wait for them.
    fn waits(&self) -> bool {
        false
    }

    /// Switches to the next location of a blob after a download from the current one was damaged or incomplete
    /// (`why`). Returns false if the blob has only one location.
    ///
    /// # Errors
    /// If all locations have failed. The error lists each with its failure.
    fn try_elsewhere(&self, _: &Descriptor, _why: &str) -> Result<bool, ArtifactError> {
        Ok(false)
    }

    /// Listed documents that cannot be read, with the reason. Any of them could be a referrer of a selected artifact.
    fn unread(&self) -> Vec<(Digest, String)> {
        Vec::new()
    }
}

/// What happens if a sink already has a name, for another artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingName {
    /// The name keeps its artifact, and nothing is written.
    Refuse,
    /// The name is moved to the new artifact.
    Replace,
}

/// A sink for artifacts. If it is dropped before [`ArtifactSink::finish`], it leaves nothing behind.
pub trait ArtifactSink: Send + Sync {
    /// The name of the sink in messages, e.g. `oci:images`.
    fn name(&self) -> &str;

    /// Checks whether the names of `index` are free at the moment.
    ///
    /// # Errors
    /// [`ArtifactError::NameTaken`] if another artifact has one of them.
    fn check_names(&self, index: &[IndexEntry]) -> Result<(), ArtifactError>;

    /// Whether the sink already has the blob: committed in this run, or present before with the correct content.
    fn contains(&self, descriptor: &Descriptor) -> Result<bool, ArtifactError>;

    /// Starts writing a blob. Several blobs may be written at the same time; none is visible before its commit.
    fn begin(&self, descriptor: &Descriptor) -> Result<Box<dyn BlobWriter>, ArtifactError>;

    /// Makes all artifacts visible at once, after everything has been synced to disk.
    ///
    /// # Errors
    /// If another artifact has one of the names; then nothing is changed. After any other failure it is safe to run
    /// again.
    fn finish(self: Box<Self>, index: &[IndexEntry]) -> Result<(), ArtifactError>;
}

/// A writer for one blob. If it is dropped before [`BlobWriter::commit`], it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Writes the next bytes of the blob.
    fn write(&mut self, block: &[u8]) -> Result<(), ArtifactError>;

    /// Finishes the blob. `proof` must be for the blob that this writer was created for.
    fn commit(self: Box<Self>, proof: VerifiedBlob) -> Result<(), ArtifactError>;
}

/// Reads the manifest or index that `descriptor` points at.
///
/// # Errors
/// If the document is missing or too large, or its size or digest differs from the descriptor.
pub fn read_document(source: &dyn ArtifactSource, descriptor: &Descriptor) -> Result<Vec<u8>, ArtifactError> {
    let Descriptor { digest, size: announced, .. } = *descriptor;
    if announced > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge { digest, bytes: announced }.into());
    }
    let mut bytes = Vec::new();
    // One extra byte detects a blob that is longer than its descriptor says.
    source.open(descriptor, 0)?.take(announced + 1).read_to_end(&mut bytes).map_err(|error| {
        ArtifactError::Io { what: "cannot read a document of", path: source.name().into(), source: error }
    })?;
    let found = bytes.len() as u64;
    if found != announced {
        return Err(ArtifactError::BlobSize { digest, announced, found });
    }
    VerifiedBlob::prove(digest, announced, digest.same_algorithm(&bytes), found)?;
    Ok(bytes)
}
