//! Writes one blob from the chunks to the target and hashes it.

use super::UnpackError;
use crate::arrival::{BlobError, Carrier};
use crate::artifacts::{ArtifactSink, BlobWriter};
use crate::format::SumPair;
use crate::format::plan::PlannedBlob;
use crate::observe::{Event, Monitor};
use crate::oci::{Descriptor, Digest, VerifiedBlob};
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::segments::{Segment, Segments};
use crate::stream::strong_sums::StrongSums;

/// A blob that is being written from the chunks to the target.
pub(super) struct Unloading<'a> {
    digest: Digest,
    size: u64,
    /// The chunk files that contain it, for messages.
    files: String,
    segments: Segments,
    strong: StrongSums,
    writer: Box<dyn BlobWriter + 'a>,
    monitor: Monitor<'a>,
}

impl<'a> Unloading<'a> {
    pub(super) fn begin(
        carrier: Carrier<'_>,
        sink: &'a dyn ArtifactSink,
        monitor: Monitor<'a>,
    ) -> Result<Unloading<'a>, UnpackError> {
        Unloading::of(carrier.bundle.segments(carrier.blob)?, sink, carrier.blob, monitor)
    }

    pub(super) fn of(
        pieces: Vec<(Segment, SumPair)>,
        sink: &'a dyn ArtifactSink,
        blob: &PlannedBlob,
        monitor: Monitor<'a>,
    ) -> Result<Unloading<'a>, UnpackError> {
        let files: Vec<&str> = pieces.iter().map(|(segment, _)| segment.file.name()).collect();
        let files = files.join(", ");
        let strong = StrongSums::new(pieces.iter().map(|(segment, pair)| (segment.bytes, *pair)));
        let segments = pieces.into_iter().map(|(segment, _)| segment).collect();
        Ok(Unloading {
            digest: blob.digest,
            size: blob.size,
            files,
            segments: Segments::ahead(segments),
            strong,
            writer: sink.begin(&descriptor(blob))?,
            monitor,
        })
    }
}

impl Flow for Unloading<'_> {
    type Done = ();
    type Error = UnpackError;

    fn bytes(&self) -> u64 {
        self.size
    }

    fn digests(&self) -> Digests {
        Digests::of(&[self.digest.algorithm().into()])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, UnpackError> {
        let blob = self.digest;
        let unreadable = |(file, source)| BlobError::Unreadable { blob, file, source }.into();
        self.segments.fill(buffer).map_err(unreadable)
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), UnpackError> {
        self.strong.update(block);
        self.writer.write(block)?;
        self.monitor.tell(Event::Moved { bytes: block.len() as u64 });
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<(), UnpackError> {
        let found = digested.whole[0].digest().expect("a blob's digest is no MD5");
        let proof = VerifiedBlob::prove(self.digest, self.size, found, digested.bytes)
            .map_err(|mismatch| BlobError::Damaged { file: self.files.clone(), mismatch })?;
        if self.strong.wrong().is_some() {
            return Err(BlobError::OtherSha384 { blob: self.digest, file: self.files }.into());
        }
        Ok(self.writer.commit(proof)?)
    }
}

pub(super) fn descriptor(blob: &PlannedBlob) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest, blob.size)
}
