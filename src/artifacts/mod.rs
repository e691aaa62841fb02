//! Where blobs live: layouts, archives, registries.
//!
//! [`ArtifactSource`] gives artifacts when packing, [`ArtifactSink`] takes them when unpacking. Both
//! know blobs by descriptor only; no path ever comes from a bundle.

mod announced;
mod archive_sink;
mod catalog;
mod destination;
mod docker_archive;
mod docker_manifest;
mod error;
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

/// What an artifact that fails means for the others of the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing more is done.
    Stop,
    /// The run goes on with the others, and its report names the failure.
    Continue,
}

/// Which artifacts of a source are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every root. What merely refers to another artifact there is no root of its own.
    Every,
    /// The one of this name.
    Name(RefName),
    /// Those whose names fit.
    Matching(Pattern),
    /// The one with this digest.
    Digest(Digest),
}

/// An artifact: its manifest or index, and its name where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The name in the source.
    pub name: Option<RefName>,
    /// Its manifest or index.
    pub descriptor: Descriptor,
}

/// Gives artifacts. All methods only read; calling again gives the same.
pub trait ArtifactSource: Send + Sync {
    /// How messages name it, as `oci:images`.
    fn name(&self) -> &str;

    /// The artifacts that `selection` means, sorted by name and digest.
    ///
    /// # Errors
    /// When there is none (naming those that look alike), or one name means two digests.
    fn roots(&self, selection: &Selection) -> Result<Vec<Root>, ArtifactError>;

    /// The size in bytes of the blob as it is there; `None` if it is not. Nothing is read or hashed.
    fn size_of(&self, descriptor: &Descriptor) -> Result<Option<u64>, ArtifactError>;

    /// Opens the blob from `offset` bytes on. Where [`ArtifactSource::waits`], nothing is asked before the first read. The bytes are not checked: whoever reads them hashes them.
    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, ArtifactError>;

    /// What refers to the manifest `subject`: by `subject`, by the `sha256-<hex>` tag scheme of
    /// distribution-spec, and by cosign's `.sig`, `.att` and `.sbom` tags. Sorted, direct ones only.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, ArtifactError>;

    /// Whether its bytes come over a network: a reader may wait long, and should not make others wait.
    fn waits(&self) -> bool {
        false
    }

    /// Turns to another place for a blob that came wrong, or not to its end, from the one it was opened at; false if
    /// there is none.
    ///
    /// # Errors
    /// When there were several, and this was the last: each and what it did.
    fn try_elsewhere(&self, _: &Descriptor, _why: &str) -> Result<bool, ArtifactError> {
        Ok(false)
    }

    /// What is listed and cannot be read, and why: any of it may refer to what is wanted.
    fn unread(&self) -> Vec<(Digest, String)> {
        Vec::new()
    }
}

/// What happens to a name that a sink has for another artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingName {
    /// It stays, and nothing is written.
    Refuse,
    /// It names the new artifact from now on.
    Replace,
}

/// Takes artifacts. Dropped without a finish, nothing of them remains.
pub trait ArtifactSink: Send + Sync {
    /// How messages name it, as `oci:images`.
    fn name(&self) -> &str;

    /// Whether [`ArtifactSink::finish`] would find the names of `index` free, as things are now.
    ///
    /// # Errors
    /// [`ArtifactError::NameTaken`] where another artifact has one of them.
    fn check_names(&self, index: &[IndexEntry]) -> Result<(), ArtifactError>;

    /// Whether the blob is there already, committed here or with the right bytes from before.
    fn contains(&self, descriptor: &Descriptor) -> Result<bool, ArtifactError>;

    /// Begins a blob. Several may be under way at once; nothing is visible before its commit.
    fn begin(&self, descriptor: &Descriptor) -> Result<Box<dyn BlobWriter>, ArtifactError>;

    /// Makes the artifacts visible, last of all and at once, after everything is synced to disk.
    ///
    /// # Errors
    /// When the sink has another artifact under one of the names; nothing is changed then. After any
    /// other failure running again is safe.
    fn finish(self: Box<Self>, index: &[IndexEntry]) -> Result<(), ArtifactError>;
}

/// Takes one blob. Dropped without a commit, nothing of it remains.
pub trait BlobWriter: Send {
    /// Takes the next bytes.
    fn write(&mut self, block: &[u8]) -> Result<(), ArtifactError>;

    /// Keeps the blob; `proof` must be of the blob that was begun.
    fn commit(self: Box<Self>, proof: VerifiedBlob) -> Result<(), ArtifactError>;
}

/// Reads the manifest or index that `descriptor` points at.
///
/// # Errors
/// When it is larger than any document may be, missing, or has another size or digest.
pub fn read_document(source: &dyn ArtifactSource, descriptor: &Descriptor) -> Result<Vec<u8>, ArtifactError> {
    let Descriptor { digest, size: announced, .. } = *descriptor;
    if announced > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge { digest, bytes: announced }.into());
    }
    let mut bytes = Vec::new();
    // One byte more shows that the blob is longer than announced.
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
