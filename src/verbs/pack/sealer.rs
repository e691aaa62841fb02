//! Seals chunks: once all blobs of a chunk are verified, writes its sums and signed statement, and gives the file its
//! name.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard};

use super::PackError;
use super::blueprint::Blueprint;
use super::file_sums::FileSums;
use super::hand::Hand;
use super::part::Part;
use super::room::{Room, is_proven_first};
use super::seal_queue::SealQueue;
use crate::environment::Environment;
use crate::format::entry::EntryName;
use crate::format::head::{Head, put};
use crate::format::plan::Piece;
use crate::format::shape::Item;
use crate::format::statement::{Kind, Statement};
use crate::format::sums::Lists;
use crate::format::tar::{BLOCK, END_BYTES, Header, padded};
use crate::format::{Sum, SumPair};
use crate::medium::{ChunkSink, MediumError, WriteAt};
use crate::observe::Event;
use crate::oci::{Digest, VerifiedBlob};
use crate::stream::hash::Function;

/// The end of a chunk; also longer than any padding.
const ZEROS: [u8; 1024] = [0; 1024];
const _: () = assert!(ZEROS.len() as u64 == END_BYTES && END_BYTES > BLOCK);

/// The progress of a chunk.
struct Progress {
    /// The checksums of each entry, if they are known yet, and proven.
    sums: Vec<Option<SumPair>>,
    /// How many of its blobs are not verified yet.
    rest: usize,
    /// Whether its file was created.
    begun: bool,
    /// The head, if the chunk is full and set aside until its blob is proven.
    aside: Option<Head>,
    /// What is known of the chunk once it is finished.
    finished: Option<Finished>,
}

/// A finished chunk.
#[derive(Clone, Copy)]
struct Finished {
    /// The sums of the chunk.
    sums: SumPair,
    /// The SHA-256 of the statement.
    statement: Sum,
}

impl Finished {
    fn new(head: &Head) -> Finished {
        Finished { sums: head.statement.sums, statement: Sum::of(&head.statement_bytes) }
    }
}

/// The chunks that are written, if not all are.
pub(super) struct Only {
    /// Their numbers.
    wanted: BTreeSet<u32>,
    /// Whether one of them lists the sums of all data chunks, so that every blob must be read.
    lists_all: bool,
}

/// The state that workers share while they write chunks: the blueprint, the sink, and the progress of each chunk.
pub(super) struct Sealer<'a> {
    pub blueprint: &'a Blueprint,
    pub environment: &'a Environment<'a>,
    pub sink: &'a dyn ChunkSink,
    pub file_sums: FileSums,
    /// Room for chunks that the sink assembles on the local disk.
    pub room: Room,
    hand: Hand<'a>,
    /// Full chunks that wait for the key.
    full: SealQueue,
    only: Option<Only>,
    chunks: Vec<Mutex<Progress>>,
    /// The sums of the pieces of blobs that were proven before they are loaded.
    proven: Mutex<HashMap<usize, Vec<SumPair>>>,
    /// The head of the control chunk, once that is finished.
    control: Mutex<Option<Head>>,
}

impl Only {
    /// The chunks of a part; `None` if it is the whole bundle.
    pub(super) fn of(part: &Part, blueprint: &Blueprint) -> Option<Only> {
        let wanted: BTreeSet<u32> = match part {
            Part::Whole => return None,
            Part::Again(request) => request.chunks().collect(),
            Part::Piece(chunks) => chunks.clone(),
            Part::Rest => {
                std::iter::once(0).chain(blueprint.annex_chunks().map(|(number, _)| number)).collect()
            }
        };
        let lists_all = wanted.iter().any(|&number| blueprint.chunk(number).kind == Kind::Control);
        Some(Only { wanted, lists_all })
    }

    /// Whether every blob must be read.
    pub(super) fn lists_all(&self) -> bool {
        self.lists_all
    }
}

impl<'a> Sealer<'a> {
    /// Creates the state before anything is written. `file_sums` are the requested checksums of chunk files.
    pub(super) fn new(
        blueprint: &'a Blueprint,
        sink: &'a dyn ChunkSink,
        hand: Hand<'a>,
        file_sums: &[Function],
        only: Option<Only>,
        environment: &'a Environment<'a>,
    ) -> Sealer<'a> {
        let chunks = blueprint.chunks().iter().map(|chunk| {
            let sums = vec![None; chunk.shape.items().len()];
            let (rest, begun, aside, finished) = (chunk.pieces.len(), false, None, None);
            Mutex::new(Progress { sums, rest, begun, aside, finished })
        });
        let chunks = chunks.collect();
        let (file_sums, room) = (FileSums::new(file_sums), Room::new(blueprint, sink));
        let (full, proven, control) = Default::default();
        Sealer { blueprint, environment, sink, file_sums, room, hand, full, only, chunks, proven, control }
    }

    /// Whether a chunk is written.
    pub(super) fn is_wanted(&self, number: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only.wanted.contains(&number))
    }

    /// Whether the control chunk or a part of its annex is written.
    pub(super) fn writes_control(&self) -> bool {
        self.only.as_ref().is_none_or(|only| only.lists_all)
    }

    /// Whether a blob is read: a wanted chunk has a piece of it, or lists the sums of all.
    pub(super) fn needs(&self, blob: usize) -> bool {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        self.writes_control() || pieces.iter().any(|piece| self.is_wanted(piece.chunk))
    }

    fn chunk(&self, number: u32) -> MutexGuard<'_, Progress> {
        self.chunks[number as usize].lock().expect("no thread panicked")
    }

    /// Opens a chunk for writing, and creates its file if needed; `None` if the chunk is finished or not wanted. One that was
    /// set aside begins anew: its blob was not proven.
    pub(super) fn open_chunk(&self, number: u32) -> Result<Option<Box<dyn WriteAt>>, PackError> {
        let mut chunk = self.chunk(number);
        if chunk.finished.is_some() || !self.is_wanted(number) {
            return Ok(None);
        }
        if chunk.aside.take().is_some() || !chunk.begun {
            self.sink.begin(number, self.blueprint.file_bytes(number))?;
            chunk.begun = true;
        }
        drop(chunk);
        Ok(Some(self.sink.open(number)?))
    }

    /// Returns the error for a chunk that cannot be written.
    pub(super) fn unwritable(&self, number: u32, source: io::Error) -> PackError {
        PackError::Unwritable { file: self.sink.file_name(number), source }
    }

    /// Records that an earlier run finished a chunk with this head.
    pub(super) fn keep(&self, number: u32, head: &Head) {
        self.finish(number, head);
        self.tell_finished(number, true);
    }

    /// Records that another process finished a chunk that this one does not write.
    pub(super) fn note(&self, number: u32, head: &Head) {
        self.finish(number, head);
    }

    fn finish(&self, number: u32, head: &Head) {
        self.chunk(number).finished = Some(Finished::new(head));
        if number == 0 {
            *self.control.lock().expect("no thread panicked") = Some(head.clone());
        }
    }

    /// Returns the head of the control chunk, if that is finished.
    pub(super) fn control_head(&self) -> Option<Head> {
        self.control.lock().expect("no thread panicked").clone()
    }

    /// Returns the SHA-256 of the statement of a chunk, if it is finished.
    pub(super) fn statement_of(&self, number: u32) -> Option<Sum> {
        self.chunk(number).finished.map(|finished| finished.statement)
    }

    /// Returns the total size of the unfinished chunk files, in bytes.
    pub(super) fn bytes_to_write(&self) -> u64 {
        let waiting = (0..=self.blueprint.plan().last)
            .filter(|&number| self.is_wanted(number) && self.sums_of(number).is_none());
        waiting.map(|number| self.blueprint.file_bytes(number)).sum()
    }

    /// Whether all chunks that contain this blob are finished, or not needed.
    pub(super) fn is_done(&self, blob: usize) -> bool {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        let is_needed = |number: u32| self.writes_control() || self.is_wanted(number);
        pieces.iter().all(|piece| !is_needed(piece.chunk) || self.chunk(piece.chunk).finished.is_some())
    }

    /// Returns the sums of a chunk, if it is finished.
    pub(super) fn sums_of(&self, number: u32) -> Option<SumPair> {
        self.chunk(number).finished.map(|finished| finished.sums)
    }

    /// Whether a blob was completely written to its chunks and verified.
    pub(super) fn is_loaded(&self, blob: usize) -> bool {
        let (chunk, entry, _) = self.blueprint.entry_of(blob, 0);
        self.chunk(chunk).sums[entry].is_some()
    }

    /// Whether the sink has room for the chunk of a piece of a blob. It has if the chunk was begun or is finished.
    pub(super) fn has_room_for(&self, blob: usize, piece: usize) -> bool {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        let number = pieces[piece].chunk;
        {
            let chunk = self.chunk(number);
            if (chunk.begun && chunk.aside.is_none()) || chunk.finished.is_some() || !self.is_wanted(number) {
                return true;
            }
        }
        self.room.claim(self.sink, number, self.blueprint.file_bytes(number), pieces[0].chunk)
    }

    /// Whether any unfinished chunk contains verified blobs.
    pub(super) fn has_blobs_to_resume(&self) -> bool {
        let mut blobs = 0..self.blueprint.plan().blobs.len();
        blobs.any(|blob| self.is_loaded(blob) && !self.is_done(blob))
    }

    /// Keeps a blob that an earlier run wrote, after it was verified. Its header and padding were not verified, so they
    /// are written again.
    pub(super) fn keep_blob(
        &self,
        blob: usize,
        proof: &VerifiedBlob,
        sums: &[SumPair],
    ) -> Result<(), PackError> {
        for piece in 0..self.blueprint.plan().blobs[blob].pieces.len() {
            let (chunk, _, item) = self.blueprint.entry_of(blob, piece);
            if !self.is_wanted(chunk) {
                continue;
            }
            self.chunk(chunk).begun = true;
            if let Some(writer) = self.open_chunk(chunk)? {
                let offset = self.blueprint.offset_of(blob, piece);
                write_header(writer.as_ref(), item, offset)
                    .and_then(|()| write_padding(writer.as_ref(), item, offset))
                    .map_err(|source| self.unwritable(chunk, source))?;
            }
        }
        self.loaded(blob, proof, sums)
    }

    /// Records that a blob was read and verified before it is loaded, and the checksums of its pieces.
    pub(super) fn prove_first(&self, blob: usize, _: &VerifiedBlob, sums: Vec<SumPair>) {
        self.proven.lock().expect("no thread panicked").insert(blob, sums);
    }

    /// Whether a blob must be read and verified before it is loaded.
    pub(super) fn must_prove_first(&self, blob: usize) -> bool {
        !self.proven.lock().expect("no thread panicked").contains_key(&blob)
            && is_proven_first(self.blueprint, self.sink, blob)
    }

    /// Takes the checksums of a piece that is written, before the whole blob is verified. If the piece was proven before, its
    /// chunk is sealed when it is full. If not, a chunk that holds nothing else is set aside: its head is made, but stays
    /// here until the blob is verified. Returns false if the piece is not what was proven.
    pub(super) fn written(&self, blob: usize, piece: usize, sum: SumPair) -> Result<bool, PackError> {
        let (number, entry, item) = self.blueprint.entry_of(blob, piece);
        if self.chunk(number).finished.is_some() || !self.is_wanted(number) {
            return Ok(true);
        }
        let proven = self.proven.lock().expect("no thread panicked").get(&blob).map(|sums| sums[piece]);
        match proven {
            Some(proven) if proven == sum => self.settle(number, entry, sum).map(|()| true),
            Some(_) => Ok(false),
            None => {
                let bytes = self.blueprint.file_bytes(number);
                let alone = self.blueprint.chunk(number).pieces.len() == 1;
                if !alone || self.sink.kept_aside(bytes).is_none_or(|kept| kept >= bytes) {
                    return Ok(true);
                }
                let head = self.write_ends(number, &Lists::of(&[(item.name, sum)]), &[])?;
                self.sink.set_aside(number)?;
                self.chunk(number).aside = Some(head);
                Ok(true)
            }
        }
    }

    /// Records that a blob is completely written and verified, and seals the data chunks that this completes. `sums` are
    /// the checksums of its entries, if they are more than its digest.
    pub(super) fn loaded(
        &self,
        blob: usize,
        proof: &VerifiedBlob,
        sums: &[SumPair],
    ) -> Result<(), PackError> {
        let pieces = &self.blueprint.plan().blobs[blob].pieces;
        for (at, &Piece { chunk: number, .. }) in pieces.iter().enumerate() {
            let sum = match (sums.get(at), proof.digest()) {
                (Some(&sum), _) => sum,
                (None, Digest::Sha256(digest)) => Sum(digest).into(),
                (None, Digest::Sha512(_)) => {
                    unreachable!("a blob with a SHA-512 digest has its own checksum")
                }
            };
            let (_, entry, _) = self.blueprint.entry_of(blob, at);
            self.settle(number, entry, sum)?;
        }
        Ok(())
    }

    /// Records that an entry is written and verified, unless that is known. Seals its data chunk if it is the last one.
    fn settle(&self, number: u32, entry: usize, sum: SumPair) -> Result<(), PackError> {
        let complete = {
            let mut chunk = self.chunk(number);
            if chunk.sums[entry].replace(sum).is_none() {
                chunk.rest -= 1;
            }
            chunk.rest == 0 && number != 0 && chunk.finished.is_none()
        };
        if !complete || self.full.put(number)? {
            return Ok(());
        }
        self.seal(number, &[]).map(drop)
    }

    /// Runs `load`. If the key takes its time, other threads seal the chunks that become full, and nobody waits for them.
    pub(super) fn seal_during<T>(&self, load: impl FnOnce() -> Result<T, PackError>) -> Result<T, PackError> {
        if !self.hand.waits() {
            return load();
        }
        let seal = |number| self.seal(number, &[]).map(drop);
        self.full.serve_during(self.environment.workers.count(), &seal, load)
    }

    /// Waits until every full chunk is sealed.
    pub(super) fn wait_until_sealed(&self) -> Result<(), PackError> {
        self.full.wait_until_empty()
    }

    /// Seals a chunk whose blobs are loaded: writes `documents`, the sums, the signed head and the end, then commits.
    /// Returns its sums. Of a chunk that is not wanted, only these are computed.
    ///
    /// # Errors
    /// [`MediumError::Exists`] if an earlier run finished the chunk with other documents.
    pub(super) fn seal(&self, number: u32, documents: &[(EntryName, Vec<u8>)]) -> Result<SumPair, PackError> {
        let (shape, profile) = (&self.blueprint.chunk(number).shape, self.blueprint.plan().profile);
        let document = |item: &Item| documents.iter().find(|(name, _)| *name == item.name);
        let known = self.chunk(number).sums.clone();
        let pair_of = |(item, known): (&Item, Option<SumPair>)| {
            let of_document = || SumPair::of(&document(item).expect("all other sums are known").1, profile);
            (item.name, known.unwrap_or_else(of_document))
        };
        let listed = shape.items().iter().zip(known).filter(|(item, _)| item.name != EntryName::Sums384);
        let lists = Lists::of(&listed.map(pair_of).collect::<Vec<_>>());
        let sum = lists.pair();
        if !self.is_wanted(number) {
            let statement = Sum::of(&self.blueprint.statement(number, sum).render());
            self.chunk(number).finished = Some(Finished { sums: sum, statement });
            return Ok(sum);
        }
        if let Some(kept) = self.sums_of(number) {
            let exists = || MediumError::Exists { path: self.sink.file_name(number) };
            return if kept == sum { Ok(sum) } else { Err(exists().into()) };
        }
        let aside = self.chunk(number).aside.take();
        let head = match aside {
            // What was hashed piece by piece is what the whole is made of.
            Some(head) if head.statement.sums == sum => head,
            Some(_) => unreachable!("a piece has one checksum"),
            None => self.write_ends(number, &lists, documents)?,
        };
        self.sink.commit(number)?;
        self.finish(number, &head);
        self.tell_finished(number, false);
        Ok(sum)
    }

    /// Writes all of a chunk that is not a blob: `documents`, the end, and then the signed head and the lists of sums. Returns
    /// the head.
    fn write_ends(
        &self,
        number: u32,
        lists: &Lists,
        documents: &[(EntryName, Vec<u8>)],
    ) -> Result<Head, PackError> {
        let writer = self.open_chunk(number)?.expect("a chunk that is not finished");
        let shape = &self.blueprint.chunk(number).shape;
        let sealed_at = self.blueprint.sealed_at(number);
        let head = self.sign(self.blueprint.statement(number, lists.pair()))?;
        let mut start = head.render();
        put(&mut start, EntryName::Sums, &lists.sums);
        if let Some(list) = &lists.sums384 {
            put(&mut start, EntryName::Sums384, list);
        }
        let written = (|| {
            for (item, offset) in shape.items().iter().zip(shape.offsets()) {
                if let Some((_, bytes)) = documents.iter().find(|(name, _)| *name == item.name) {
                    assert!(bytes.len() as u64 == item.bytes, "{} has the size that was planned", item.name);
                    write_header(writer.as_ref(), *item, sealed_at + offset)?;
                    writer.write_all_at(bytes, sealed_at + offset)?;
                    write_padding(writer.as_ref(), *item, sealed_at + offset)?;
                }
            }
            writer.write_all_at(&ZEROS, self.blueprint.file_bytes(number) - END_BYTES)?;
            writer.write_all_at(&start, 0)
        })();
        written.map_err(|source| self.unwritable(number, source))?;
        Ok(head)
    }

    fn sign(&self, statement: Statement) -> Result<Head, PackError> {
        let statement_bytes = statement.render();
        let signatures = self.hand.signatures(&statement_bytes)?;
        Ok(Head { statement, statement_bytes, signatures })
    }

    /// Hashes the chunk files that were not hashed yet.
    pub(super) fn finish_file_sums(&self) -> Result<(), PackError> {
        self.file_sums.finish(self.sink, self.environment)
    }

    fn tell_finished(&self, number: u32, kept: bool) {
        self.file_sums.sealed(number);
        let (last, file) = (self.blueprint.plan().last, self.sink.file_name(number));
        self.environment.monitor.tell(Event::ChunkFinished { number, last, file, kept });
    }
}

/// Writes the header of an entry whose payload begins at `offset`, in bytes.
pub(super) fn write_header(writer: &dyn WriteAt, item: Item, offset: u64) -> io::Result<()> {
    let header = Header { name: item.name, bytes: item.bytes }.encode();
    writer.write_all_at(&header, offset - header.len() as u64)
}

/// Writes the zero bytes after an entry whose payload begins at `offset`, in bytes.
pub(super) fn write_padding(writer: &dyn WriteAt, item: Item, offset: u64) -> io::Result<()> {
    let gap = usize::try_from(padded(item.bytes) - item.bytes).expect("less than a block");
    if gap == 0 { Ok(()) } else { writer.write_all_at(&ZEROS[..gap], offset + item.bytes) }
}
