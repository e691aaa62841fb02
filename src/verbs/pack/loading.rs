//! Loads one blob from its source into its chunks and hashes it.

use std::io::{ErrorKind, Read};

use super::PackError;
use super::gather::Gathered;
use super::sealer::{Sealer, write_header, write_padding};
use crate::format::plan::PlannedBlob;
use crate::format::{Sum, Sum384, SumPair};
use crate::medium::WriteAt;
use crate::observe::Event;
use crate::oci::{Algorithm, Digest, VerifiedBlob};
use crate::stream::ahead::Ahead;
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{Function, Output, Stream, update_together};

/// A blob that is being loaded into the chunks. If the checksums of its entries differ from its digest (because it is
/// split, or has a SHA-512 digest), they are computed as well.
pub(super) struct Loading<'a> {
    /// Whether the blob is read only to verify it before it is loaded.
    proves: bool,
    sealer: &'a Sealer<'a>,
    blob: &'a PlannedBlob,
    /// The index of the blob in the plan.
    at: usize,
    source_name: &'a str,
    reader: Box<dyn Read + Send>,
    /// How many bytes were read.
    read: u64,
    /// The index of the piece that is being written.
    piece: usize,
    /// Whether its chunk is still to be opened.
    waits: bool,
    /// The chunk of this piece; `None` if an earlier run finished it.
    writer: Option<Box<dyn WriteAt>>,
    /// The offset of the next byte, from the start of the chunk file.
    offset: u64,
    /// How many bytes of this piece are still to be written.
    rest: u64,
    /// What hashes this piece by SHA-384, in a bundle with a profile.
    strong: Option<Stream>,
    /// The SHA-384 of the pieces before it.
    strong_sums: Vec<Sum384>,
}

impl<'a> Loading<'a> {
    /// Opens the blob with index `at` in the plan. If it must be proven first and was not, nothing is written.
    pub(super) fn open(
        sealer: &'a Sealer<'a>,
        gathered: &'a Gathered,
        at: usize,
    ) -> Result<Loading<'a>, PackError> {
        let blob = &sealer.blueprint.plan().blobs[at];
        let (descriptor, source) = gathered.origin(&blob.digest);
        let mut reader = source.open(descriptor, 0)?;
        if source.waits() {
            reader = Box::new(Ahead::of(reader).map_err(PackError::System)?);
        }
        if blob.pieces.len() > 1 {
            sealer.room.enter(blob.pieces[0].chunk);
        }
        let mut loading = Loading {
            proves: sealer.must_prove_first(at),
            sealer,
            blob,
            at,
            source_name: source.name(),
            reader,
            read: 0,
            piece: 0,
            waits: false,
            writer: None,
            offset: 0,
            rest: 0,
            strong: None,
            strong_sums: Vec::new(),
        };
        loading.begin_piece()?;
        Ok(loading)
    }

    fn begin_piece(&mut self) -> Result<(), PackError> {
        let (chunk, _, item) = self.sealer.blueprint.entry_of(self.at, self.piece);
        self.offset = self.sealer.blueprint.offset_of(self.at, self.piece);
        self.rest = item.bytes;
        self.waits = false;
        self.strong = self.sealer.blueprint.plan().profile.map(|_| Stream::new(Function::Sha384));
        self.writer = if self.proves { None } else { self.sealer.open_chunk(chunk)? };
        self.write(|writer, offset| write_header(writer, item, offset))?;
        if self.rest == 0 { self.end_piece() } else { Ok(()) }
    }

    /// Writes the padding after a piece.
    fn end_piece(&mut self) -> Result<(), PackError> {
        self.strong_sums.extend(self.strong.take().and_then(|stream| stream.finish().sum384()));
        let (_, _, item) = self.sealer.blueprint.entry_of(self.at, self.piece);
        self.write(|writer, end| write_padding(writer, item, end - item.bytes))
    }

    /// Writes to the chunk of this piece at the current offset, unless the chunk is finished.
    fn write(&self, write: impl FnOnce(&dyn WriteAt, u64) -> std::io::Result<()>) -> Result<(), PackError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let chunk = self.blob.pieces[self.piece].chunk;
        write(writer.as_ref(), self.offset).map_err(|source| self.sealer.unwritable(chunk, source))
    }

    fn wrong_size(&self, found: u64) -> PackError {
        PackError::Size { digest: self.blob.digest, expected: self.blob.size, found }
    }

    fn unreadable(&self, source: std::io::Error) -> PackError {
        PackError::Unreadable { source_name: self.source_name.to_owned(), digest: self.blob.digest, source }
    }
}

/// What became of a blob.
pub(super) enum Loaded {
    /// It is written and verified.
    Whole,
    /// It is verified, and can be loaded now.
    ProvenFirst { blob: usize },
}

/// Whether the SHA-256 checksums of the blob's entries differ from its digest.
pub(super) fn has_entry_sums(blob: &PlannedBlob) -> bool {
    blob.pieces.len() > 1 || blob.digest.algorithm() != Algorithm::Sha256
}

/// Returns the checksums of the entries of a blob; none if its digest is all that there is. `sums` are their SHA-256, if these
/// are not the digest, and `strong` are their SHA-384, in a bundle with a profile.
pub(super) fn pairs(proof: &VerifiedBlob, sums: Vec<Sum>, strong: &[Sum384]) -> Vec<SumPair> {
    let sums = match proof.digest() {
        Digest::Sha256(digest) if sums.is_empty() && !strong.is_empty() => vec![Sum(digest)],
        _ => sums,
    };
    let pair = |(at, sha256): (usize, Sum)| SumPair { sha256, sha384: strong.get(at).copied() };
    sums.into_iter().enumerate().map(pair).collect()
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        if self.blob.pieces.len() > 1 {
            self.sealer.room.leave(self.blob.pieces[0].chunk);
        }
    }
}

impl Flow for Loading<'_> {
    type Done = Loaded;
    type Error = PackError;

    fn bytes(&self) -> u64 {
        self.blob.size
    }

    fn digests(&self) -> Digests {
        let whole = Digests::of(&[self.blob.digest.algorithm().into()]);
        if has_entry_sums(self.blob) {
            let lengths = self.blob.pieces.iter().map(|piece| piece.bytes).collect();
            whole.and_slices(vec![Function::Sha256], lengths)
        } else {
            whole
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, PackError> {
        if self.waits {
            if !self.proves && !self.sealer.has_room_for(self.at, self.piece) {
                return Ok(Filled::Waiting);
            }
            self.begin_piece()?;
        }
        let last_piece = self.piece + 1 >= self.blob.pieces.len();
        let at_end = last_piece && self.rest == 0;
        // Try to read one more byte, to detect a source that is longer than its size says.
        let length =
            if at_end { 1 } else { usize::try_from(self.rest).unwrap_or(usize::MAX).min(buffer.len()) };
        let mut filled = 0;
        while filled < length {
            match self.reader.read(&mut buffer[filled..length]) {
                Ok(0) if at_end => return Ok(Filled::End),
                Ok(0) => return Err(self.wrong_size(self.read + filled as u64)),
                Ok(_) if at_end => return Err(self.wrong_size(self.blob.size + 1)),
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.read += filled as u64;
        Ok(if filled == 0 { Filled::Waiting } else { Filled::Bytes(filled) })
    }

    fn drain(&mut self, block: &[u8]) -> Result<(), PackError> {
        self.write(|writer, offset| writer.write_all_at(block, offset))?;
        if let Some(stream) = &mut self.strong {
            update_together(&mut [(stream, block)]);
        }
        self.offset += block.len() as u64;
        self.rest -= block.len() as u64;
        self.sealer.environment.monitor.tell(Event::Moved { bytes: block.len() as u64 });
        if self.rest == 0 {
            self.end_piece()?;
            if self.piece + 1 < self.blob.pieces.len() {
                self.piece += 1;
                (self.waits, self.writer) = (true, None);
            }
        }
        Ok(())
    }

    fn end_slice(&mut self, sum: Output) -> Result<(), PackError> {
        // The next piece is current by now, because this one was written before.
        let sum = sum.sum().expect("the checksums of pieces are SHA-256");
        let pair = SumPair { sha256: sum, sha384: self.strong_sums.get(self.piece - 1).copied() };
        if self.proves || self.sealer.written(self.at, self.piece - 1, pair)? {
            return Ok(());
        }
        Err(PackError::Changed { source_name: self.source_name.to_owned(), digest: self.blob.digest })
    }

    fn finish(mut self, digested: Digested) -> Result<Loaded, PackError> {
        self.writer = None;
        let found = digested.whole[0].digest().expect("a blob's digest is no MD5");
        let proof = VerifiedBlob::prove(self.blob.digest, self.blob.size, found, digested.bytes)
            .map_err(|mismatch| PackError::Damaged { source_name: self.source_name.to_owned(), mismatch })?;
        let sums: Vec<Sum> = digested.slices.iter().filter_map(Output::sum).collect();
        let sums = pairs(&proof, sums, &self.strong_sums);
        if self.proves {
            self.sealer.prove_first(self.at, &proof, sums);
            return Ok(Loaded::ProvenFirst { blob: self.at });
        }
        self.sealer.loaded(self.at, &proof, &sums)?;
        Ok(Loaded::Whole)
    }
}
