//! Seals chunks: a chunk whose blobs are all proven gets its sums, its signed statement and its name.

use std::io;
use std::sync::{Mutex, MutexGuard};

use super::PackError;
use super::blueprint::Blueprint;
use super::file_sums::FileSums;
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::entry::EntryName;
use crate::format::head::{Head, put};
use crate::format::plan::Piece;
use crate::format::shape::Item;
use crate::format::statement::Statement;
use crate::format::sums::Sums;
use crate::format::tar::{BLOCK, END_BYTES, Header, padded};
use crate::medium::{ChunkSink, MediumError, WriteAt};
use crate::observe::Event;
use crate::oci::{Digest, VerifiedBlob};
use crate::stream::hash::Function;
use crate::trust::Signer;

/// What ends a chunk, and more than any padding is.
const ZEROS: [u8; 1024] = [0; 1024];
const _: () = assert!(ZEROS.len() as u64 == END_BYTES && END_BYTES > BLOCK);

/// How far a chunk is.
struct Progress {
    /// The sum of each entry, as far as it is known.
    sums: Vec<Option<Sum>>,
    /// Blobs that are not proven yet.
    rest: usize,
    begun: bool,
    /// The SHA-256 of `02_sums.txt`, once the chunk is finished.
    finished: Option<Sum>,
}

/// What the workers share while they write chunks: the blueprint, where the chunks go, and how far each is.
pub(super) struct Sealer<'a> {
    pub blueprint: &'a Blueprint,
    pub environment: &'a Environment<'a>,
    pub sink: &'a dyn ChunkSink,
    pub file_sums: FileSums,
    signer: &'a dyn Signer,
    chunks: Vec<Mutex<Progress>>,
}

impl<'a> Sealer<'a> {
    /// Nothing is written yet. `file_sums` are wanted of each chunk file.
    pub(super) fn new(
        blueprint: &'a Blueprint,
        sink: &'a dyn ChunkSink,
        signer: &'a dyn Signer,
        file_sums: &[Function],
        environment: &'a Environment<'a>,
    ) -> Sealer<'a> {
        let chunks = blueprint.chunks().iter().map(|chunk| {
            let sums = vec![None; chunk.shape.items().len()];
            Mutex::new(Progress { sums, rest: chunk.pieces.len(), begun: false, finished: None })
        });
        let chunks = chunks.collect();
        Sealer { blueprint, environment, sink, file_sums: FileSums::new(file_sums), signer, chunks }
    }

    fn chunk(&self, number: u32) -> MutexGuard<'_, Progress> {
        self.chunks[number as usize].lock().expect("no thread panicked")
    }

    /// Opens a chunk for writing and begins it if nobody did; `None` for one that is finished.
    pub(super) fn open_chunk(&self, number: u32) -> Result<Option<Box<dyn WriteAt>>, PackError> {
        let mut chunk = self.chunk(number);
        if chunk.finished.is_some() {
            return Ok(None);
        }
        if !chunk.begun {
            self.sink.begin(number, self.blueprint.file_bytes(number))?;
            chunk.begun = true;
        }
        drop(chunk);
        Ok(Some(self.sink.open(number)?))
    }

    /// The error for a chunk that could not be written.
    pub(super) fn unwritable(&self, number: u32, source: io::Error) -> PackError {
        PackError::Unwritable { file: self.sink.file_name(number), source }
    }

    /// Notes a chunk that an earlier run had finished.
    pub(super) fn keep(&self, number: u32, sums: Sum) {
        self.chunk(number).finished = Some(sums);
        self.tell_finished(number, true);
    }

    /// Bytes of the files that are not finished.
    pub(super) fn bytes_to_write(&self) -> u64 {
        let waiting = (0..=self.blueprint.plan().last).filter(|&number| self.sums_of(number).is_none());
        waiting.map(|number| self.blueprint.file_bytes(number)).sum()
    }

    /// Whether every chunk that this blob is in is finished.
    pub(super) fn is_done(&self, blob: usize) -> bool {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        pieces.iter().all(|piece| self.chunk(piece.chunk).finished.is_some())
    }

    /// The sums of a chunk, if it is finished.
    pub(super) fn sums_of(&self, number: u32) -> Option<Sum> {
        self.chunk(number).finished
    }

    /// Whether a blob is in its chunks, whole and proven.
    pub(super) fn is_loaded(&self, blob: usize) -> bool {
        let (chunk, entry, _) = self.blueprint.entry_of(blob, 0);
        self.chunk(chunk).sums[entry].is_some()
    }

    /// Whether a chunk that is not finished has blobs already.
    pub(super) fn is_begun_well(&self) -> bool {
        let mut blobs = 0..self.blueprint.plan().blobs.len();
        blobs.any(|blob| self.is_loaded(blob) && !self.is_done(blob))
    }

    /// Takes over a blob that an earlier run had written and that proved right: header and padding are written
    /// again, for they may be anything.
    pub(super) fn take_over(&self, blob: usize, proof: &VerifiedBlob, sums: &[Sum]) -> Result<(), PackError> {
        for piece in 0..self.blueprint.plan().blobs[blob].pieces.len() {
            let (chunk, _, item) = self.blueprint.entry_of(blob, piece);
            self.chunk(chunk).begun = true;
            if let Some(place) = self.open_chunk(chunk)? {
                let offset = self.blueprint.offset_of(blob, piece);
                write_header(place.as_ref(), item, offset)
                    .and_then(|()| write_padding(place.as_ref(), item, offset))
                    .map_err(|source| self.unwritable(chunk, source))?;
            }
        }
        self.loaded(blob, proof, sums)
    }

    /// Notes a blob that is written whole and proven; seals the data chunks that it completes. `sums` are those of
    /// its entries where they are not its digest.
    pub(super) fn loaded(&self, blob: usize, proof: &VerifiedBlob, sums: &[Sum]) -> Result<(), PackError> {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        for (at, &Piece { chunk: number, .. }) in pieces.iter().enumerate() {
            let sum = match (sums.get(at), proof.digest()) {
                (Some(&sum), _) => sum,
                (None, Digest::Sha256(digest)) => Sum(digest),
                (None, Digest::Sha512(_)) => unreachable!("an entry named by SHA-512 has a sum of its own"),
            };
            let (_, entry, _) = self.blueprint.entry_of(blob, at);
            let complete = {
                let mut chunk = self.chunk(number);
                chunk.sums[entry] = Some(sum);
                chunk.rest -= 1;
                chunk.rest == 0 && number != 0 && chunk.finished.is_none()
            };
            if complete {
                self.seal(number, &[])?;
            }
        }
        Ok(())
    }

    /// Seals a chunk whose blobs are loaded: writes `documents`, the sums, the signed head and the end, and commits.
    /// Returns the SHA-256 of its `02_sums.txt`.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if an earlier run finished the chunk with other documents.
    pub(super) fn seal(&self, number: u32, documents: &[(EntryName, Vec<u8>)]) -> Result<Sum, PackError> {
        let shape = &self.blueprint.chunk(number).shape;
        let document = |item: &Item| documents.iter().find(|(name, _)| *name == item.name);
        let known = self.chunk(number).sums.clone();
        let sum_of = |(item, known): (&Item, Option<Sum>)| {
            let sum = known.unwrap_or_else(|| Sum::of(&document(item).expect("all other sums are known").1));
            (item.name, sum)
        };
        let sums = Sums::new(shape.items().iter().zip(known).map(sum_of).collect()).render();
        let sum = Sum::of(&sums);
        let Some(place) = self.open_chunk(number)? else {
            let kept = self.sums_of(number).expect("a chunk that cannot be opened is finished");
            let exists = || MediumError::Exists { path: self.sink.file_name(number) };
            return if kept == sum { Ok(sum) } else { Err(exists().into()) };
        };
        let sealed_at = self.blueprint.sealed_at(number);
        let mut start = self.sign(self.blueprint.statement(number, sum))?.render();
        put(&mut start, EntryName::Sums, &sums);
        let written = (|| {
            for (item, offset) in shape.items().iter().zip(shape.offsets()) {
                if let Some((_, bytes)) = document(item) {
                    assert!(bytes.len() as u64 == item.bytes, "{} has the size that was planned", item.name);
                    write_header(place.as_ref(), *item, sealed_at + offset)?;
                    place.write_all_at(bytes, sealed_at + offset)?;
                    write_padding(place.as_ref(), *item, sealed_at + offset)?;
                }
            }
            place.write_all_at(&ZEROS, self.blueprint.file_bytes(number) - END_BYTES)?;
            place.write_all_at(&start, 0)
        })();
        written.map_err(|source| self.unwritable(number, source))?;
        drop(place);
        self.sink.commit(number)?;
        self.chunk(number).finished = Some(sum);
        self.tell_finished(number, false);
        Ok(sum)
    }

    fn sign(&self, statement: Statement) -> Result<Head, PackError> {
        let statement_bytes = statement.render();
        let signature = self.signer.signature(&statement_bytes)?;
        Ok(Head { statement, statement_bytes, signatures: vec![signature] })
    }

    /// Sums the chunk files that nobody summed yet.
    pub(super) fn sum_rest(&self) -> Result<(), PackError> {
        self.file_sums.finish(self.sink, self.environment)
    }

    fn tell_finished(&self, number: u32, kept: bool) {
        self.file_sums.sealed(number);
        let (last, file) = (self.blueprint.plan().last, self.sink.file_name(number));
        self.environment.monitor.tell(Event::ChunkFinished { number, last, file, kept });
    }
}

/// Writes the header of an entry whose payload begins at `offset`, in bytes.
pub(super) fn write_header(place: &dyn WriteAt, item: Item, offset: u64) -> io::Result<()> {
    let header = Header { name: item.name, bytes: item.bytes }.encode();
    place.write_all_at(&header, offset - header.len() as u64)
}

/// Writes the zero bytes after an entry whose payload begins at `offset`, in bytes.
pub(super) fn write_padding(place: &dyn WriteAt, item: Item, offset: u64) -> io::Result<()> {
    let gap = usize::try_from(padded(item.bytes) - item.bytes).expect("less than a block");
    if gap == 0 { Ok(()) } else { place.write_all_at(&ZEROS[..gap], offset + item.bytes) }
}
