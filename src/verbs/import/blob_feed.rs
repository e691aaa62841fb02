//! Feeds a blob from the chunk files to the registry, and hashes it.

use std::io;

use crate::arrival::BlobError;
use crate::format::SumPair;
use crate::format::plan::PlannedBlob;
use crate::observe::{Event, Monitor};
use crate::oci::VerifiedBlob;
use crate::oci::digest::BlobMismatch;
use crate::registry::Feed;
use crate::stream::flow::Filled;
use crate::stream::hash::{Stream, update_together};
use crate::stream::segments::{Segment, Segments};
use crate::stream::strong_sums::StrongSums;

/// How many bytes are hashed at once while nothing is sent.
const BLOCK_BYTES: usize = 256 << 10;

/// A blob that is being pushed.
pub(super) struct BlobFeed<'a> {
    blob: &'a PlannedBlob,
    pieces: Vec<Segment>,
    reader: Segments,
    /// The offset of the next byte in the blob.
    at: u64,
    stream: Stream,
    /// What is compared with the lists of the chunks. It has hashed the same bytes as the stream.
    strong: StrongSums,
    /// How many bytes were reported to the monitor.
    reported: u64,
    monitor: Monitor<'a>,
    /// The problem with the chunk files, if one was found.
    fault: Option<BlobError>,
}

impl<'a> BlobFeed<'a> {
    pub(super) fn new(
        blob: &'a PlannedBlob,
        pieces: Vec<(Segment, SumPair)>,
        monitor: Monitor<'a>,
    ) -> BlobFeed<'a> {
        let stream = Stream::new(blob.digest.algorithm().into());
        let strong = StrongSums::new(pieces.iter().map(|(segment, pair)| (segment.bytes, *pair)));
        let pieces: Vec<Segment> = pieces.into_iter().map(|(segment, _)| segment).collect();
        let reader = Segments::new(pieces.clone());
        BlobFeed { blob, pieces, reader, at: 0, stream, strong, reported: 0, monitor, fault: None }
    }

    /// Returns the problem with the chunk files, if the push failed because of them.
    pub(super) fn into_fault(self) -> Option<BlobError> {
        self.fault
    }

    /// The chunk files that hold the blob, for messages.
    fn files(&self) -> String {
        let files: Vec<&str> = self.pieces.iter().map(|piece| piece.file.name()).collect();
        files.join(", ")
    }

    /// Returns the segments from `offset` on.
    fn segments_from(&self, offset: u64) -> Vec<Segment> {
        let mut skip = offset;
        let mut rest = Vec::new();
        for piece in &self.pieces {
            let skipped = skip.min(piece.bytes);
            skip -= skipped;
            if skipped < piece.bytes {
                rest.push(Segment {
                    offset: piece.offset + skipped,
                    bytes: piece.bytes - skipped,
                    ..piece.clone()
                });
            }
        }
        rest
    }

    /// Reads the next bytes, and hashes those that were not hashed before.
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = self.reader.fill(buffer).map_err(|(file, source)| {
            let error = io::Error::new(source.kind(), format!("{file}: {source}"));
            self.fault = Some(BlobError::Unreadable { blob: self.blob.digest, file, source });
            error
        })?;
        // The reader waits, so nothing means the end.
        let filled = if let Filled::Bytes(filled) = filled { filled } else { 0 };
        let known = self.stream.bytes().saturating_sub(self.at);
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(filled);
        update_together(&mut [(&mut self.stream, &buffer[known..filled])]);
        self.strong.update(&buffer[known..filled]);
        if self.strong.mismatch().is_some() {
            let fault = BlobError::OtherSha384 { blob: self.blob.digest, file: self.files() };
            let error = io::Error::new(io::ErrorKind::InvalidData, fault.to_string());
            self.fault = Some(fault);
            return Err(error);
        }
        self.at += filled as u64;
        Ok(filled)
    }
}

impl Feed for BlobFeed<'_> {
    fn open(&mut self, offset: u64) -> io::Result<()> {
        if offset == 0 {
            // An upload that restarts from the beginning is hashed anew.
            self.stream = Stream::new(self.blob.digest.algorithm().into());
            self.strong.restart();
        }
        // If the registry already has bytes that were not hashed in this run, hash them before continuing after them.
        let hashed = self.stream.bytes();
        self.at = offset.min(hashed);
        self.reader = Segments::new(self.segments_from(self.at));
        let mut block = vec![0; if offset > self.at { BLOCK_BYTES } else { 0 }];
        while self.at < offset {
            let wanted = usize::try_from(offset - self.at).unwrap_or(usize::MAX).min(block.len());
            if self.advance(&mut block[..wanted])? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the offset is past the end of the blob",
                ));
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = self.advance(buffer)?;
        if self.at > self.reported {
            self.monitor.tell(Event::Moved { bytes: self.at - self.reported });
            self.reported = self.at;
        }
        Ok(filled)
    }

    fn prove(&mut self) -> Result<VerifiedBlob, BlobMismatch> {
        let fresh = Stream::new(self.blob.digest.algorithm().into());
        let stream = std::mem::replace(&mut self.stream, fresh);
        let bytes = stream.bytes();
        let found = stream.finish().digest().expect("a blob's digest is no MD5");
        VerifiedBlob::prove(self.blob.digest, self.blob.size, found, bytes).inspect_err(|mismatch| {
            self.fault = Some(BlobError::Damaged { file: self.files(), mismatch: mismatch.clone() });
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::format::Profile;
    use crate::format::plan::Piece;
    use crate::format::statement::Class;
    use crate::medium::{ChunkFile, ReadAt};
    use crate::observe::Monitor;
    use crate::oci::{Digest, MediaType};

    struct Bytes(Vec<u8>);

    impl ReadAt for Bytes {
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let at = usize::try_from(offset).unwrap();
            let found = self.0.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(found);
            Ok(())
        }
    }

    impl ChunkFile for Bytes {
        fn name(&self) -> &'static str {
            "b_00001.tar"
        }
        fn file_name(&self) -> Option<&str> {
            Some(self.name())
        }
        fn bytes(&self) -> u64 {
            self.0.len() as u64
        }
        fn version(&self) -> String {
            String::new()
        }
        fn modified(&self) -> Option<crate::format::Timestamp> {
            None
        }
        fn remove(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn replace_front(
            &self,
            _: &[u8],
            _: u64,
            _: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
        ) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn open(&self) -> io::Result<Box<dyn ReadAt>> {
            Ok(Box::new(Bytes(self.0.clone())))
        }
    }

    const BLOB: &[u8] = b"one blob in three slices";

    fn blob() -> PlannedBlob {
        PlannedBlob {
            digest: Digest::sha256(BLOB),
            size: BLOB.len() as u64,
            class: Class::Distributable,
            media_type: MediaType::image_layer(),
            pieces: vec![Piece { chunk: 1, bytes: BLOB.len() as u64 }],
        }
    }

    /// The blob in three slices, each in its own file after a head.
    fn pieces(bytes: &[u8], profile: Option<Profile>) -> Vec<(Segment, SumPair)> {
        let piece = |slice: &[u8]| {
            let file: Arc<dyn ChunkFile> = Arc::new(Bytes([b"head", slice].concat()));
            Segment { file, offset: 4, bytes: slice.len() as u64 }
        };
        let signed = BLOB.chunks(9).map(|slice| SumPair::of(slice, profile));
        bytes.chunks(9).map(piece).zip(signed).collect()
    }

    fn read_to_end(feed: &mut BlobFeed<'_>, at_most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut buffer = [0; 5];
        while out.len() < at_most {
            let wanted = buffer.len().min(at_most - out.len());
            match feed.read(&mut buffer[..wanted]).unwrap() {
                0 => break,
                read => out.extend(&buffer[..read]),
            }
        }
        out
    }

    #[test]
    fn a_feed_resumes_at_any_offset() {
        let blob = blob();
        for broken_at in 0..=BLOB.len() {
            for resumed_at in 0..=BLOB.len() {
                let mut feed = BlobFeed::new(&blob, pieces(BLOB, Some(Profile::Cnsa2)), Monitor::silent());
                feed.open(0).unwrap();
                assert_eq!(read_to_end(&mut feed, broken_at), BLOB[..broken_at]);
                feed.open(resumed_at as u64).unwrap();
                assert_eq!(read_to_end(&mut feed, usize::MAX), BLOB[resumed_at..]);
                assert_eq!(feed.prove().unwrap().digest(), blob.digest, "{broken_at}, {resumed_at}");
                assert!(feed.into_fault().is_none());
            }
        }
        let mut feed = BlobFeed::new(&blob, pieces(BLOB, Some(Profile::Cnsa2)), Monitor::silent());
        assert!(feed.open(BLOB.len() as u64 + 1).is_err());
    }

    #[test]
    fn damaged_bytes_fail_and_the_error_names_the_file() {
        let blob = blob();
        let mut damaged = BLOB.to_vec();
        damaged[20] ^= 1;
        let mut feed = BlobFeed::new(&blob, pieces(&damaged, None), Monitor::silent());
        feed.open(0).unwrap();
        read_to_end(&mut feed, usize::MAX);
        assert!(feed.prove().is_err());
        assert!(feed.into_fault().unwrap().to_string().contains("b_00001.tar"));
        let mut feed = BlobFeed::new(&blob, pieces(BLOB, Some(Profile::Cnsa2)), Monitor::silent());
        feed.open(0).unwrap();
        read_to_end(&mut feed, 10);
        assert!(feed.prove().is_err(), "a part of the blob does not match its digest");
    }

    #[test]
    fn a_piece_with_another_sha384_is_not_sent_to_its_end() {
        let mut damaged = BLOB.to_vec();
        damaged[12] ^= 1;
        let blob = PlannedBlob { digest: Digest::sha256(&damaged), ..blob() };
        let mut feed = BlobFeed::new(&blob, pieces(&damaged, Some(Profile::Cnsa2)), Monitor::silent());
        feed.open(0).unwrap();
        assert!(read_to_end(&mut feed, 15).len() == 15);
        let mut buffer = [0; 5];
        assert!((0..2).any(|_| feed.read(&mut buffer).is_err()));
        assert!(matches!(feed.into_fault(), Some(BlobError::OtherSha384 { .. })));
    }
}
