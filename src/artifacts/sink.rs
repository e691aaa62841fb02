//! Where artifacts go.

use super::ArtifactError;
use crate::oci::write::IndexEntry;
use crate::oci::{Descriptor, VerifiedBlob};

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

    /// Whether the sink may have had blobs before. A new archive has none.
    fn is_added_to(&self) -> bool;

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
