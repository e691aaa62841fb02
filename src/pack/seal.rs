//! Seals chunks: a chunk whose blobs are all proven gets its sums and its signed statement, and its name.

use std::io;
use std::sync::Mutex;

use super::file_sums::FileSums;
use super::gather::Cargo;
use super::place::Layout;
use super::{Expiry, PackError, PackRequest};
use crate::artifacts::ArtifactSource;
use crate::environment::Environment;
use crate::format::entry::EntryName;
use crate::format::head::{Head, Signature, put};
use crate::format::plan::{Piece, Placed};
use crate::format::shape::{Item, Shape, head_bytes};
use crate::format::statement::{Class, Kind, Statement};
use crate::format::sums::Sums;
use crate::format::tar::{END_BYTES, Header, padded};
use crate::format::{Sum, Timestamp};
use crate::medium::{ChunkSink, MediumError, WriteAt};
use crate::observe::Event;
use crate::oci::{Descriptor, Digest, VerifiedBlob};
use crate::trust::Signer;

/// What ends a chunk, and more than any padding is.
const ZEROS: [u8; 1024] = [0; 1024];
const _: () = assert!(ZEROS.len() as u64 == END_BYTES);

/// A chunk under way.
struct Under {
    /// The sum of each entry, as far as it is known.
    sums: Vec<Option<Sum>>,
    /// Blobs that are not proven yet.
    rest: usize,
    begun: bool,
    /// Whether its file is one that an earlier run began: what lies between its entries may be anything.
    taken_over: bool,
    /// The SHA-256 of `02_sums.txt`, once the chunk is finished.
    finished: Option<Sum>,
}

/// Where a piece lies: its chunk's entry, and its payload's offset from the start of the file.
#[derive(Clone, Copy)]
struct PlaceOf {
    entry: usize,
    offset: u64,
}

/// What the workers share while they load: plan, places, and what is done of each chunk.
pub(super) struct Sealing<'a> {
    pub layout: &'a Layout,
    pub environment: &'a Environment<'a>,
    bundle: Sum,
    cargo: &'a Cargo,
    sources: Vec<&'a dyn ArtifactSource>,
    signer: &'a dyn Signer,
    pub sink: &'a dyn ChunkSink,
    pub file_sums: FileSums,
    created: Timestamp,
    expires: Option<Timestamp>,
    /// By blob, then piece.
    places: Vec<Vec<PlaceOf>>,
    chunks: Vec<Mutex<Under>>,
}

impl<'a> Sealing<'a> {
    pub(super) fn new(
        request: &'a PackRequest<'_>,
        cargo: &'a Cargo,
        layout: &'a Layout,
        signer: &'a dyn Signer,
        sink: &'a dyn ChunkSink,
        environment: &'a Environment<'a>,
    ) -> Sealing<'a> {
        let blobs_in = |chunk: usize| layout.contents.get(chunk).map_or(0, Vec::len);
        let chunks = layout.shapes.iter().chain(&layout.annex).enumerate().map(|(chunk, shape)| {
            let sums = vec![None; shape.items().len()];
            Mutex::new(Under { sums, rest: blobs_in(chunk), begun: false, taken_over: false, finished: None })
        });
        let expires = request.expires.and_then(|expiry| expiry.from(request.created));
        let mut sealing = Sealing {
            layout,
            environment,
            bundle: layout.plan.bundle_id(),
            cargo,
            sources: request.sources.iter().map(|wanted| wanted.source.as_ref()).collect(),
            signer,
            sink,
            file_sums: FileSums::new(&request.file_sums),
            created: request.created,
            expires,
            places: layout.plan.blobs.iter().map(|blob| Vec::with_capacity(blob.pieces.len())).collect(),
            chunks: chunks.collect(),
        };
        for (number, pieces) in (0_u32..).zip(&layout.contents) {
            sealing.note_places(number, pieces);
        }
        sealing
    }

    fn note_places(&mut self, number: u32, pieces: &[Placed]) {
        let shape = &self.layout.shapes[number as usize];
        let fixed = shape.items().len() - pieces.len();
        let sealed_at = self.sealed_at(number, shape);
        for ((entry, offset), placed) in shape.offsets().enumerate().skip(fixed).zip(pieces) {
            self.places[placed.blob].push(PlaceOf { entry, offset: sealed_at + offset });
        }
    }

    pub(super) fn bundle(&self) -> Sum {
        self.bundle
    }

    /// The statement of a chunk; its length does not depend on the sums.
    pub(super) fn statement(&self, number: u32, shape: &Shape, sums: Sum) -> Statement {
        let last_data = self.layout.contents.len() - 1;
        let data = (1..=last_data).contains(&(number as usize));
        let class = if data {
            let first = self.layout.contents[number as usize][0];
            self.layout.plan.blobs[first.blob].class
        } else {
            Class::Metadata
        };
        Statement {
            bundle: self.bundle,
            crossing: self.layout.plan.crossing.clone(),
            kind: if data { Kind::Data } else { Kind::Control },
            class,
            number,
            last: self.layout.plan.last,
            bytes: shape.sealed_bytes(),
            created: self.created,
            expires: self.expires,
            sums,
        }
    }

    fn sealed_at(&self, number: u32, shape: &Shape) -> u64 {
        head_bytes(self.statement(number, shape, Sum([0; 32])).render().len() as u64, 1)
    }

    /// The size of a chunk's file as it is packed, in bytes.
    pub(super) fn file_bytes(&self, number: u32, shape: &Shape) -> u64 {
        self.sealed_at(number, shape) + shape.sealed_bytes()
    }

    /// A blob's descriptor and where it comes from.
    pub(super) fn origin(&self, digest: &Digest) -> (&'a Descriptor, &'a dyn ArtifactSource) {
        let (node, source) = &self.cargo.nodes[digest];
        (&node.descriptor, self.sources[*source])
    }

    /// Where a piece goes: its entry, and its payload's offset from the start of the chunk file.
    pub(super) fn place_of(&self, blob: usize, piece: usize) -> (Item, u64) {
        let chunk = self.layout.plan.blobs[blob].pieces[piece].chunk;
        let place = self.places[blob][piece];
        (self.shape(chunk).items()[place.entry], place.offset)
    }

    /// The shape of any chunk, annex chunks too.
    pub(super) fn shape(&self, number: u32) -> &'a Shape {
        let number = number as usize;
        let data = self.layout.shapes.len();
        if number < data { &self.layout.shapes[number] } else { &self.layout.annex[number - data] }
    }

    /// Opens a chunk for writing and begins it if nobody did; `None` for one that is finished.
    pub(super) fn open_chunk(&self, number: u32) -> Result<Option<Box<dyn WriteAt>>, PackError> {
        let mut under = self.chunk(number);
        if under.finished.is_some() {
            return Ok(None);
        }
        if !under.begun {
            self.sink.begin(number, self.file_bytes(number, self.shape(number)))?;
            under.begun = true;
        }
        drop(under);
        Ok(Some(self.sink.open(number)?))
    }

    fn chunk(&self, number: u32) -> std::sync::MutexGuard<'_, Under> {
        self.chunks[number as usize].lock().expect("no thread panicked")
    }

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
        let waiting = (0..=self.layout.plan.last).filter(|&number| self.sums_of(number).is_none());
        waiting.map(|number| self.file_bytes(number, self.shape(number))).sum()
    }

    /// Whether every chunk that this blob is in is finished.
    pub(super) fn is_done(&self, blob: usize) -> bool {
        let pieces = &self.layout.plan.blobs[blob].pieces;
        pieces.iter().all(|piece| self.chunk(piece.chunk).finished.is_some())
    }

    /// Whether a chunk is finished, and its sums.
    pub(super) fn sums_of(&self, number: u32) -> Option<Sum> {
        self.chunk(number).finished
    }

    /// Whether a blob is in its chunks, whole and proven.
    pub(super) fn is_loaded(&self, blob: usize) -> bool {
        let place = self.places[blob][0];
        self.chunk(self.layout.plan.blobs[blob].pieces[0].chunk).sums[place.entry].is_some()
    }

    /// Whether a chunk that is not finished has blobs already.
    pub(super) fn is_begun_well(&self) -> bool {
        let blobs = (0..self.places.len()).filter(|&blob| self.is_loaded(blob));
        blobs.into_iter().any(|blob| !self.is_done(blob))
    }

    /// Takes over a blob that an earlier run had written and that proved right.
    pub(super) fn take_over(&self, blob: usize, proof: &VerifiedBlob, sums: &[Sum]) -> Result<(), PackError> {
        for (piece, Piece { chunk, .. }) in self.layout.plan.blobs[blob].pieces.iter().enumerate() {
            {
                let mut under = self.chunk(*chunk);
                (under.begun, under.taken_over) = (true, true);
            }
            if let Some(place) = self.open_chunk(*chunk)? {
                let (item, offset) = self.place_of(blob, piece);
                let header = Header { name: item.name, bytes: item.bytes }.encode();
                place
                    .write_all_at(&header, offset - header.len() as u64)
                    .map_err(|source| self.unwritable(*chunk, source))?;
            }
        }
        self.loaded(blob, proof, sums)
    }

    /// Takes note of a blob that is written whole and proven; seals the data chunks that it completes.
    pub(super) fn loaded(&self, blob: usize, proof: &VerifiedBlob, sums: &[Sum]) -> Result<(), PackError> {
        let pieces = &self.layout.plan.blobs[blob].pieces;
        for (at, piece) in pieces.iter().enumerate() {
            let sum = match (sums.get(at), proof.digest()) {
                (Some(&sum), _) => sum,
                (None, Digest::Sha256(digest)) => Sum(digest),
                (None, Digest::Sha512(_)) => unreachable!("an entry named by SHA-512 has a sum of its own"),
            };
            let complete = {
                let mut under = self.chunk(piece.chunk);
                under.sums[self.places[blob][at].entry] = Some(sum);
                under.rest -= 1;
                under.rest == 0 && piece.chunk != 0 && under.finished.is_none()
            };
            if complete {
                self.seal(piece.chunk, &[])?;
            }
        }
        Ok(())
    }

    /// Seals a chunk whose blobs are loaded: writes `documents`, the sums and the signed head, and commits.
    /// Gives the SHA-256 of its `02_sums.txt`.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if an earlier run finished the chunk with other documents.
    pub(super) fn seal(&self, number: u32, documents: &[(EntryName, Vec<u8>)]) -> Result<Sum, PackError> {
        let shape = self.shape(number);
        let known = self.chunk(number).sums.clone();
        let sum_of = |(item, known): (&Item, Option<Sum>)| {
            let document = || documents.iter().find(|(name, _)| *name == item.name);
            (item.name, known.unwrap_or_else(|| Sum::of(&document().expect("all other sums are known").1)))
        };
        let lines = shape.items().iter().zip(known).map(sum_of).collect();
        let sums = Sums::new(lines).render();
        let sum = Sum::of(&sums);
        let Some(place) = self.open_chunk(number)? else {
            let kept = self.sums_of(number).expect("a chunk that cannot be opened is finished");
            let exists = || MediumError::Exists { path: self.sink.file_name(number) };
            return if kept == sum { Ok(sum) } else { Err(exists().into()) };
        };
        let failed = |source| self.unwritable(number, source);
        let sealed_at = self.sealed_at(number, shape);
        for (item, offset) in shape.items().iter().zip(shape.offsets()) {
            if let Some((_, bytes)) = documents.iter().find(|(name, _)| *name == item.name) {
                assert!(bytes.len() as u64 == item.bytes, "{} has the size that was planned", item.name);
                let header = Header { name: item.name, bytes: item.bytes }.encode();
                let at = sealed_at + offset;
                place.write_all_at(&header, at - header.len() as u64).map_err(failed)?;
                place.write_all_at(bytes, at).map_err(failed)?;
            }
        }
        if self.chunk(number).taken_over {
            self.clear_padding(number, place.as_ref()).map_err(failed)?;
        }
        let mut start = self.sign(self.statement(number, shape, sum)).render();
        put(&mut start, EntryName::Sums, &sums);
        place.write_all_at(&start, 0).map_err(failed)?;
        drop(place);
        self.sink.commit(number)?;
        self.chunk(number).finished = Some(sum);
        self.tell_finished(number, false);
        Ok(sum)
    }

    /// Writes zero bytes where entries are padded, and the end.
    fn clear_padding(&self, number: u32, place: &dyn WriteAt) -> io::Result<()> {
        let shape = self.shape(number);
        let sealed_at = self.sealed_at(number, shape);
        for (item, offset) in shape.items().iter().zip(shape.offsets()) {
            let end = sealed_at + offset + item.bytes;
            let gap = usize::try_from(padded(end) - end).expect("less than a block");
            place.write_all_at(&ZEROS[..gap], end)?;
        }
        place.write_all_at(&ZEROS, self.file_bytes(number, shape) - ZEROS.len() as u64)
    }

    fn sign(&self, statement: Statement) -> Head {
        let statement_bytes = statement.render();
        let signature = Signature {
            key: self.signer.public_key().id().short().into(),
            bytes: self.signer.sign(&statement_bytes),
        };
        Head { statement, statement_bytes, signatures: vec![signature] }
    }

    /// Sums the chunk files that nobody summed yet.
    pub(super) fn sum_rest(&self) -> Result<(), PackError> {
        self.file_sums.finish(self.sink, self.environment)
    }

    fn tell_finished(&self, number: u32, kept: bool) {
        self.file_sums.sealed(number);
        let (last, file) = (self.layout.plan.last, self.sink.file_name(number));
        self.environment.monitor.tell(Event::ChunkFinished { number, last, file, kept });
    }
}

impl Expiry {
    /// The point in time at which a chunk that is sealed at `created` expires.
    pub fn from(self, created: Timestamp) -> Option<Timestamp> {
        match self {
            Expiry::At(time) => Some(time),
            Expiry::After { seconds } => created.plus_seconds(seconds),
        }
    }
}
