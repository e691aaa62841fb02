//! The work on a group: reading and hashing its chunks, computing the parity, and writing it into the files.
//!
//! Three portions of rows are in memory. While one is read, the one before it is encoded, and the one before that is written. All
//! of that is done at the same time by whichever worker is free, so none waits for another before the end of a step.

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Mutex;

use super::ParityError;
use crate::arrival::Opened;
use crate::environment::Environment;
use crate::erasure::code::{RowEncoder, Run};
use crate::erasure::proof::Proof;
use crate::erasure::rows::Rows;
use crate::erasure::slice_sums::{SliceSums, feed_together};
use crate::format::body::Body;
use crate::format::parity::ParityGroup;
use crate::format::{BlockSum, Sum};
use crate::medium::{ChunkSink, ReadAt};
use crate::observe::Event;
use crate::stream::hash::{Function, lanes};
use crate::stream::share::share;

/// Memory for a portion of rows, in bytes. So little stays in the caches of the CPU from one step to the next.
const PORTION_BYTES: u64 = 8 << 20;

/// The same for chunks in an object store: a request for many bytes is better than many requests.
const PORTION_BYTES_FROM_STORE: u64 = 32 << 20;

/// A chunk to protect.
pub(super) struct Source<'a> {
    /// The file.
    pub(super) opened: &'a Opened,
    /// Its structure.
    pub(super) body: &'a Body,
}

/// What is computed of a chunk.
pub(super) struct ShardSums<'a> {
    source: &'a Source<'a>,
    bytes: u64,
    /// The sums of its blocks.
    pub(super) blocks: SliceSums<BlockSum>,
    /// The sums of what its statement proves.
    found: SliceSums<Sum>,
    proof: Proof,
}

impl ShardSums<'_> {
    /// Compares every byte of the chunk with its statement.
    pub(super) fn compare(&self) -> Result<(), ParityError> {
        self.proof.compare(self.found.sums()).map_err(|finding| ParityError::Damaged {
            file: self.source.opened.file.name().to_owned(),
            finding,
        })
    }
}

/// What is computed of a parity file.
pub(super) struct FileSums {
    position: u32,
    /// The sums of its blocks.
    pub(super) check: SliceSums<BlockSum>,
    /// The sum of its stripes.
    pub(super) stripes: SliceSums<Sum>,
}

/// The first error of several workers.
#[derive(Default)]
struct First(Mutex<Option<ParityError>>);

impl First {
    fn note(&self, outcome: Result<(), ParityError>) {
        if let Err(error) = outcome {
            self.0.lock().expect("no thread panicked").get_or_insert(error);
        }
    }

    fn outcome(self) -> Result<(), ParityError> {
        self.0.into_inner().expect("no thread panicked").map_or(Ok(()), Err)
    }
}

/// A part of a step.
enum Job<'a, 'b> {
    /// Read the stripes of these shards: their memory in each row.
    Read { rows: Range<u64>, memory: Vec<&'a mut [Run]>, shards: &'a mut [ShardSums<'b>] },
    /// Append the parity of these rows to these files.
    Append { rows: &'a Rows, files: &'a mut [FileSums] },
    /// Compute the parity of a row, which has stripes of so many runs.
    Encode { stripe: usize, row: &'a mut [Run] },
}

/// A group whose parity is computed.
pub(super) struct Computing<'a> {
    pub(super) group: &'a ParityGroup,
    pub(super) sink: &'a dyn ChunkSink,
    /// Where the stripes begin in each file, in bytes.
    pub(super) begins: &'a [u64],
    pub(super) environment: &'a Environment<'a>,
}

impl<'a> Computing<'a> {
    /// Writes the stripes of all files of the group, and returns the sums of its chunks and of these files.
    ///
    /// # Errors
    /// [`ParityError`] if a chunk cannot be read, or a file cannot be written.
    pub(super) fn run(
        &self,
        sources: &[&'a Source<'a>],
    ) -> Result<(Vec<ShardSums<'a>>, Vec<FileSums>), ParityError> {
        let mut shards: Vec<ShardSums<'a>> = self
            .group
            .chunks
            .iter()
            .zip(sources)
            .map(|(chunk, source)| self.shard(chunk.bytes, source))
            .collect();
        let mut files: Vec<FileSums> = (0..self.group.files).map(|file| self.file(file)).collect();
        let is_far = sources.iter().any(|source| source.opened.file.waits());
        let bytes = if is_far { PORTION_BYTES_FROM_STORE } else { PORTION_BYTES };
        let (mut portions, mut memory) =
            (Rows::portions(self.group, bytes), [(); 3].map(|()| Rows::default()));
        loop {
            memory[0].turn_to(self.group, portions.next().unwrap_or(0..0));
            if memory.iter().all(|rows| rows.numbers().is_empty()) {
                return Ok((shards, files));
            }
            self.step(&mut memory, &mut shards, &mut files)?;
            if self.environment.workers.interrupted() {
                return Err(ParityError::Interrupted);
            }
            memory.rotate_right(1);
        }
    }

    fn shard(&self, bytes: u64, source: &'a Source<'a>) -> ShardSums<'a> {
        let proof = Proof::new(&source.opened.statement, source.body);
        let block = self.group.block_bytes();
        let blocks = (0..self.group.blocks_of(bytes)).map(move |number| block.min(bytes - number * block));
        let found = SliceSums::new(proof.lengths().into_iter());
        ShardSums { source, bytes, blocks: SliceSums::new(blocks), found, proof }
    }

    fn file(&self, position: u32) -> FileSums {
        let parts: Vec<u64> = (0..self.group.row_blocks())
            .map(|block| self.group.part_of_block(position, block))
            .map(|part| part.end - part.start)
            .collect();
        let whole = std::iter::once(self.group.payload_bytes(position));
        FileSums { position, check: SliceSums::new(parts.into_iter()), stripes: SliceSums::new(whole) }
    }

    /// Reads the first rows, encodes the second ones, and writes the third ones.
    fn step(
        &self,
        memory: &mut [Rows; 3],
        shards: &mut [ShardSums<'a>],
        files: &mut [FileSums],
    ) -> Result<(), ParityError> {
        let [read, encoded, written] = memory;
        let workers = self.environment.workers;
        let (rows, batch) = (read.numbers(), lanes(Function::Sha256).min(workers.lanes_max()));
        let mut jobs: Vec<Job<'_, 'a>> = Vec::new();
        if !rows.is_empty() {
            let parts = read.each_batch(shards.len(), batch).into_iter().zip(shards.chunks_mut(batch));
            jobs.extend(parts.map(|(memory, shards)| Job::Read { rows: rows.clone(), memory, shards }));
        }
        if !written.numbers().is_empty() {
            jobs.extend(files.chunks_mut(batch).map(|files| Job::Append { rows: written, files }));
        }
        // The short ones come last, so that all workers end at about the same time.
        jobs.extend(encoded.each_row().map(|(stripe, row)| Job::Encode { stripe, row }));
        let first = First::default();
        let encoder = RowEncoder::new(self.group.chunks.len(), self.group.losses as usize);
        share(
            workers,
            workers.count(),
            jobs.into_iter(),
            || (),
            |(), job| match job {
                Job::Read { rows, mut memory, shards } => first.note(self.read(rows, &mut memory, shards)),
                Job::Append { rows, files } => first.note(self.append(rows, files)),
                Job::Encode { stripe, row } => encoder.encode_in_place(row, stripe),
            },
        );
        first.outcome()
    }

    /// Reads and hashes the stripes of some shards, row by row.
    fn read(
        &self,
        rows: Range<u64>,
        memory: &mut [&mut [Run]],
        shards: &mut [ShardSums<'_>],
    ) -> Result<(), ParityError> {
        let readers: Vec<Box<dyn ReadAt>> = shards
            .iter()
            .map(|shard| shard.open(self.range_of(&rows, shard.bytes)))
            .collect::<Result<_, _>>()?;
        let mut read = 0;
        for (row, memory) in rows.zip(memory) {
            let stripe = memory.len() / shards.len();
            let mut streams: Vec<(&mut SliceSums<Sum>, &[u8])> = Vec::with_capacity(shards.len());
            for ((shard, reader), memory) in shards.iter_mut().zip(&readers).zip(memory.chunks_mut(stripe)) {
                let range = self.range_of(&(row..row + 1), shard.bytes);
                let (bytes, behind) =
                    memory.as_flattened_mut().split_at_mut(usize_of(range.end - range.start));
                reader
                    .read_exact_at(bytes, shard.at(range.start))
                    .map_err(|source| shard.unreadable(source))?;
                behind.fill(0);
                read += bytes.len() as u64;
                feed_together(&mut [(&mut shard.blocks, &*bytes)]);
                streams.push((&mut shard.found, &*bytes));
            }
            feed_together(&mut streams);
        }
        self.environment.monitor.tell(Event::Moved { bytes: read });
        Ok(())
    }

    /// Returns the part of a shard of this many bytes that lies in these rows.
    fn range_of(&self, rows: &Range<u64>, bytes: u64) -> Range<u64> {
        let stripe = self.group.stripe();
        (rows.start * stripe).min(bytes)..(rows.end * stripe).min(bytes)
    }

    /// Appends parity to some files, row by row.
    fn append(&self, rows: &Rows, files: &mut [FileSums]) -> Result<(), ParityError> {
        let numbers: Vec<u32> = files.iter().map(|file| self.group.number_of(file.position)).collect();
        let writers = numbers.iter().map(|&number| self.sink.open(number)).collect::<Result<Vec<_>, _>>()?;
        for row in rows.numbers() {
            let mut streams: Vec<(&mut SliceSums<Sum>, &[u8])> = Vec::with_capacity(files.len());
            for ((file, writer), &number) in files.iter_mut().zip(&writers).zip(&numbers) {
                let Some(stripe) = self.group.stripe_in(file.position, row) else { continue };
                let bytes = rows.stripe(row, stripe as usize);
                let at = self.begins[file.position as usize] + self.group.offset_in(file.position, row);
                writer.write_all_at(bytes, at).map_err(|source| unwritable(self.sink, number, source))?;
                feed_together(&mut [(&mut file.check, bytes)]);
                streams.push((&mut file.stripes, bytes));
            }
            feed_together(&mut streams);
        }
        Ok(())
    }
}

impl ShardSums<'_> {
    /// Returns where a byte of the shard lies in its file.
    fn at(&self, offset: u64) -> u64 {
        let Opened { file, statement, .. } = self.source.opened;
        file.bytes() - statement.bytes + offset
    }

    fn unreadable(&self, source: io::Error) -> ParityError {
        ParityError::Unreadable { file: self.source.opened.file.name().to_owned(), source }
    }

    /// Opens the file, to read a range of the shard. From an object store, all of it is requested at once.
    fn open(&self, range: Range<u64>) -> Result<Box<dyn ReadAt>, ParityError> {
        let file = &self.source.opened.file;
        if !file.waits() {
            return file.open().map_err(|source| self.unreadable(source));
        }
        let (begin, mut bytes) = (self.at(range.start), vec![0; usize_of(range.end - range.start)]);
        let stream = file.stream(begin, bytes.len() as u64);
        match stream.and_then(|mut stream| stream.read_exact(&mut bytes)) {
            Ok(()) => Ok(Box::new(Requested { begin, bytes })),
            Err(source) => Err(self.unreadable(source)),
        }
    }
}

/// A part of a file in memory.
struct Requested {
    /// Where it begins in the file.
    begin: u64,
    bytes: Vec<u8>,
}

impl ReadAt for Requested {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let at = offset.checked_sub(self.begin).and_then(|at| usize::try_from(at).ok());
        let part = at.and_then(|at| self.bytes.get(at..at.checked_add(buffer.len())?));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The error for a parity file that cannot be written.
pub(super) fn unwritable(sink: &dyn ChunkSink, number: u32, source: io::Error) -> ParityError {
    ParityError::Unwritable { file: sink.file_name(number), source }
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("portions are bounded")
}
