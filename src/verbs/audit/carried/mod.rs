//! What is audited, seen the same way whether it is a bundle or a source that is not packed yet.

mod in_bundle;
mod in_source;

use std::io::Read;

pub(super) use in_bundle::InBundle;
pub(super) use in_source::InSource;

use crate::artifacts::Root;
use crate::oci::graph::Referrer;
use crate::oci::{Descriptor, Digest};

/// A set of artifacts with their blobs.
pub(super) trait Carried: Sync {
    /// The artifacts, sorted by name and digest, without referrers.
    fn roots(&self) -> Vec<Root>;

    /// The descriptor of a blob that is there.
    fn descriptor(&self, digest: &Digest) -> Option<Descriptor>;

    /// The bytes of a manifest, index, or other small blob that have its digest; `None` if it is not there.
    ///
    /// # Errors
    /// Why it cannot be read, as a sentence.
    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, String>;

    /// Opens a blob; `None` if it is not there, or not all of it. Its digest was not checked.
    ///
    /// # Errors
    /// Why it cannot be opened, as a sentence.
    fn open(&self, descriptor: &Descriptor) -> Result<Option<Box<dyn Read + Send>>, String>;

    /// Which earlier bundle carries a blob that is left out, in words; `None` if it is not left out.
    fn left_out(&self, _: &Digest) -> Option<String> {
        None
    }

    /// The direct referrers of a manifest, sorted.
    ///
    /// # Errors
    /// Why they cannot be looked up, as a sentence.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, String>;
}

/// Reads a small blob in full, and checks its digest.
///
/// # Errors
/// Why it cannot be read, as a sentence.
fn read_small(descriptor: &Descriptor, reader: Box<dyn Read + Send>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let announced = descriptor.size;
    // One more byte shows a blob that is longer than its descriptor says.
    reader.take(announced.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 != announced {
        return Err(format!("it has {} bytes, expected {announced}", bytes.len()));
    }
    let found = descriptor.digest.same_algorithm(&bytes);
    if found != descriptor.digest {
        return Err(format!("its digest is {found}, expected {}", descriptor.digest));
    }
    Ok(bytes)
}
