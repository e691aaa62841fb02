//! Where artifacts come from.

use std::io::Read;

use super::ArtifactError;
use super::pattern::Pattern;
use crate::oci::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::oci::graph::{Reason, Referrer};
use crate::oci::{Descriptor, Digest, RefName, VerifiedBlob};

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

    /// Why the source leaves out a blob on purpose; `None` if it does not. Only bundles as sources say so.
    fn omits(&self, _: &Digest) -> Option<Reason> {
        None
    }

    /// Switches to the next location of a blob after a download from the current one was damaged or incomplete
    /// (`why`). Returns false if the blob has only one location.
    ///
    /// # Errors
    /// If all locations have failed. The error lists each with its failure.
    fn try_elsewhere(&self, _: &Descriptor, _why: &str) -> Result<bool, ArtifactError> {
        Ok(false)
    }

    /// What the source lists, but hands out under no name or not at all, in sentences.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Listed documents that cannot be read, with the reason. Any of them could be a referrer of a selected artifact.
    fn unread(&self) -> Vec<(Digest, String)> {
        Vec::new()
    }
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
