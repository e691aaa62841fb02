//! The artifacts of a source, before they are packed.

use std::io::Read;

use super::{Carried, read_small};
use crate::artifacts::{ArtifactSource, Root};
use crate::format::plan::Carriage;
use crate::oci::graph::Referrer;
use crate::oci::{Descriptor, Digest};

/// The selected artifacts of a source.
pub(in super::super) struct InSource<'a> {
    source: &'a dyn ArtifactSource,
    roots: Vec<Root>,
    nondistributable: Carriage,
}

impl<'a> InSource<'a> {
    /// Returns these artifacts of the source.
    pub(in super::super) fn new(
        source: &'a dyn ArtifactSource,
        roots: Vec<Root>,
        nondistributable: Carriage,
    ) -> InSource<'a> {
        InSource { source, roots, nondistributable }
    }
}

impl Carried for InSource<'_> {
    fn roots(&self) -> Vec<Root> {
        self.roots.clone()
    }

    fn descriptor(&self, digest: &Digest) -> Option<Descriptor> {
        // A source is not listed by digest: only what its artifacts name is known.
        self.roots
            .iter()
            .map(|root| &root.descriptor)
            .find(|descriptor| descriptor.digest == *digest)
            .cloned()
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, String> {
        let Some(reader) = self.open(descriptor)? else { return Ok(None) };
        read_small(descriptor, reader).map(Some)
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Option<Box<dyn Read + Send>>, String> {
        // To look for one may ask servers that its descriptor names.
        if self.nondistributable == Carriage::Omit && descriptor.media_type.is_nondistributable() {
            return Ok(None);
        }
        let size = self.source.size_of(descriptor).map_err(|error| error.to_string())?;
        if size.is_none() {
            return Ok(None);
        }
        self.source.open(descriptor, 0).map(Some).map_err(|error| error.to_string())
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>, String> {
        self.source.referrers(subject).map_err(|error| error.to_string())
    }
}
