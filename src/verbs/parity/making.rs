//! Computes the parity of one group, and writes its files.

use std::sync::Mutex;

use super::{ParityError, ParityFileReport};
use crate::arrival::{Opened, damaged_entries, read_body, read_head};
use crate::environment::Environment;
use crate::erasure::band::Band;
use crate::erasure::code::RowEncoder;
use crate::erasure::proof::Proof;
use crate::erasure::slice_sums::{SliceSums, feed_together};
use crate::format::body::Body;
use crate::format::entry::EntryName;
use crate::format::head::{Head, put};
use crate::format::limits::PARITY_WORK_BYTES_MAX;
use crate::format::parity::ParityGroup;
use crate::format::shape::{Item, Shape, head_entry_bytes, signature_entries_bytes};
use crate::format::statement::{Kind, Statement};
use crate::format::sums::Sums;
use crate::format::tar::{END_BYTES, Header, padded};
use crate::format::{Sum, Timestamp};
use crate::medium::ChunkSink;
use crate::observe::Event;
use crate::stream::hash::{Function, lanes};
use crate::stream::share::share;
use crate::trust::Signer;

/// A chunk to protect.
pub(super) struct Source<'a> {
    /// The file.
    pub(super) opened: &'a Opened,
    /// Its structure.
    pub(super) body: &'a Body,
}

/// What all groups of a bundle share.
pub(super) struct Maker<'a> {
    pub(super) sink: &'a dyn ChunkSink,
    /// The statement of the control chunk.
    pub(super) control: &'a Statement,
    pub(super) created: Timestamp,
    pub(super) signer: &'a dyn Signer,
    pub(super) environment: &'a Environment<'a>,
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

impl Maker<'_> {
    fn statement(&self, group: &ParityGroup, file: u32, shape: &Shape, sums: Sum) -> Statement {
        Statement {
            kind: Kind::Parity,
            class: None,
            number: group.number_of(file),
            bytes: shape.sealed_bytes(),
            created: self.created,
            sums,
            ..self.control.clone()
        }
    }

    fn shape(group: &ParityGroup, file: u32, text_bytes: usize) -> Shape {
        let items = group.items(file, text_bytes as u64);
        Shape::new(items.map(|(name, bytes)| Item { name, bytes }).to_vec())
    }

    /// Returns where the stripes of a file begin, and how long the file is, in bytes.
    fn extent(&self, group: &ParityGroup, file: u32, text_bytes: usize) -> (u64, u64) {
        let shape = Maker::shape(group, file, text_bytes);
        let statement = self.statement(group, file, &shape, Sum([0; 32])).render().len() as u64;
        let head = head_entry_bytes(statement) + signature_entries_bytes(&self.signer.signature_sizes());
        let stripes = shape.offsets().last().expect("a parity file has entries");
        (head + stripes, head + shape.sealed_bytes())
    }

    /// Returns the sizes of the files of a group, in bytes.
    pub(super) fn sizes_of(&self, group: &ParityGroup) -> Vec<u64> {
        let text_bytes = group.render().len();
        (0..group.files).map(|file| self.extent(group, file, text_bytes).1).collect()
    }

    /// Makes the files of a group.
    pub(super) fn make(
        &self,
        group: &ParityGroup,
        sources: &[&Source<'_>],
    ) -> Result<Vec<ParityFileReport>, ParityError> {
        let text = group.render();
        let extents: Vec<(u64, u64)> =
            (0..group.files).map(|file| self.extent(group, file, text.len())).collect();
        for (file, (_, bytes)) in (0..).zip(&extents) {
            self.sink.begin(group.number_of(file), *bytes)?;
        }
        // Each shard is divided into blocks, and into what its chunk's statement proves.
        let proofs: Vec<Proof> =
            sources.iter().map(|source| Proof::new(&source.opened.statement, source.body)).collect();
        let mut shards: Vec<[SliceSums; 2]> = group
            .chunks
            .iter()
            .zip(&proofs)
            .map(|(chunk, proof)| {
                let lengths = proof.lengths();
                [SliceSums::new(blocks(group, chunk.bytes)), SliceSums::new(lengths.into_iter())]
            })
            .collect();
        let mut files: Vec<[SliceSums; 2]> = (0..group.files)
            .map(|file| {
                let parts: Vec<u64> = (0..group.row_blocks())
                    .map(|block| group.part_of_block(file, block))
                    .map(|part| part.end - part.start)
                    .collect();
                let whole = std::iter::once(group.payload_bytes(file));
                [SliceSums::new(parts.into_iter()), SliceSums::new(whole)]
            })
            .collect();
        let encoders = Mutex::default();
        let (mut band, mut parity) = (Band::new(group), Vec::new());
        for rows in Band::all(group) {
            band.turn_to(group, rows);
            self.fill(group, sources, &mut band, &mut shards)?;
            self.encode(group, &band, &encoders, &mut parity);
            if self.environment.workers.interrupted() {
                return Err(ParityError::Interrupted);
            }
            self.append(group, &band, &parity, &extents, &mut files)?;
        }
        for ((source, proof), [_, found]) in sources.iter().zip(&proofs).zip(&shards) {
            proof.compare(found.sums()).map_err(|finding| ParityError::Damaged {
                file: source.opened.file.name().to_owned(),
                finding,
            })?;
        }
        let block_sums: Vec<u8> = shards.iter().flat_map(|[blocks, _]| bytes_of(blocks.sums())).collect();
        (0..).zip(&files).map(|(file, sums)| self.seal(group, file, &text, &block_sums, sums)).collect()
    }

    /// Reads and hashes the shards of a band.
    fn fill(
        &self,
        group: &ParityGroup,
        sources: &[&Source<'_>],
        band: &mut Band,
        sums: &mut [[SliceSums; 2]],
    ) -> Result<(), ParityError> {
        let ranges: Vec<_> = group.chunks.iter().map(|chunk| band.range_of(group, chunk.bytes)).collect();
        // Each shard is hashed twice, so half as many fill the lanes.
        let batch = (lanes(Function::Sha256) / 2).max(1);
        let shards = band.shards_mut().chunks_mut(batch).zip(sums.chunks_mut(batch));
        let described = sources.chunks(batch).zip(ranges.chunks(batch));
        let items: Vec<_> = shards.zip(described).collect();
        let (workers, first) = (self.environment.workers, First::default());
        share(
            workers,
            workers.count(),
            items.into_iter(),
            || (),
            |(), ((bytes, sums), (sources, ranges))| {
                let read =
                    bytes.iter_mut().zip(sources).zip(ranges).try_for_each(|((bytes, source), range)| {
                        let length = usize_of(range.end - range.start);
                        let Opened { file, statement, .. } = source.opened;
                        let at = file.bytes() - statement.bytes + range.start;
                        bytes[length..].fill(0);
                        if length == 0 {
                            return Ok(());
                        }
                        let failed =
                            |source| ParityError::Unreadable { file: file.name().to_owned(), source };
                        file.open()
                            .and_then(|file| file.read_exact_at(&mut bytes[..length], at))
                            .map_err(failed)
                    });
                if read.is_ok() {
                    let mut streams: Vec<(&mut [SliceSums], &[u8])> = sums
                        .iter_mut()
                        .zip(bytes.iter().zip(ranges))
                        .map(|(sums, (bytes, range))| {
                            (sums.as_mut_slice(), &bytes[..usize_of(range.end - range.start)])
                        })
                        .collect();
                    feed_together(&mut streams);
                    let bytes = ranges.iter().map(|range| range.end - range.start).sum();
                    self.environment.monitor.tell(Event::Moved { bytes });
                }
                first.note(read);
            },
        );
        first.outcome()
    }

    /// Computes the parity stripes of a band: for each row, one after the other.
    fn encode(
        &self,
        group: &ParityGroup,
        band: &Band,
        encoders: &Mutex<Vec<RowEncoder>>,
        parity: &mut Vec<Vec<u8>>,
    ) {
        parity.resize(band.rows().count(), Vec::new());
        let rows = band.rows().zip(parity.iter_mut()).collect::<Vec<_>>();
        let workers = self.environment.workers;
        // Each takes the memory of a row.
        let at_once = usize_of((PARITY_WORK_BYTES_MAX / group.work_bytes()).max(1));
        let take = || {
            let kept = encoders.lock().expect("no thread panicked").pop();
            kept.unwrap_or_else(|| {
                let stripe = usize_of(group.stripe());
                RowEncoder::new(group.chunks.len(), group.losses as usize, stripe)
            })
        };
        share(
            workers,
            at_once,
            rows.into_iter(),
            || (),
            |(), (row, parity)| {
                let mut encoder = take();
                let place = band.place(row);
                encoder.resize(place.len());
                parity.clear();
                parity.reserve_exact(place.len() * group.losses as usize);
                let stripes = band.shards().iter().map(|shard| &shard[place.clone()]);
                encoder.encode(stripes, &mut |_, stripe| parity.extend_from_slice(stripe));
                encoders.lock().expect("no thread panicked").push(encoder);
            },
        );
    }

    /// Appends the stripes of a band to the files that hold them.
    fn append(
        &self,
        group: &ParityGroup,
        band: &Band,
        parity: &[Vec<u8>],
        extents: &[(u64, u64)],
        files: &mut [[SliceSums; 2]],
    ) -> Result<(), ParityError> {
        let items: Vec<_> = (0..group.files).zip(files.iter_mut()).collect();
        let (workers, first) = (self.environment.workers, First::default());
        share(
            workers,
            workers.count(),
            items.into_iter(),
            || (),
            |(), (file, sums)| {
                let held: Vec<(u64, &[u8])> = band
                    .rows()
                    .zip(parity)
                    .filter_map(|(row, parity)| {
                        let (stripe, length) = (group.stripe_in(file, row)?, band.place(row).len());
                        Some((group.offset_in(file, row), &parity[stripe as usize * length..][..length]))
                    })
                    .collect();
                if held.is_empty() {
                    return;
                }
                let number = group.number_of(file);
                let written = self.sink.open(number).map_err(ParityError::from).and_then(|writer| {
                    held.iter().try_for_each(|(offset, stripe)| {
                        feed_together(&mut [(sums.as_mut_slice(), stripe)]);
                        let at = extents[file as usize].0 + offset;
                        writer.write_all_at(stripe, at).map_err(|source| self.unwritable(number, source))
                    })
                });
                first.note(written);
            },
        );
        first.outcome()
    }

    fn unwritable(&self, number: u32, source: std::io::Error) -> ParityError {
        ParityError::Unwritable { file: self.sink.file_name(number), source }
    }

    /// Writes everything but the stripes of a file, and makes it visible.
    fn seal(
        &self,
        group: &ParityGroup,
        file: u32,
        text: &[u8],
        block_sums: &[u8],
        [check, whole]: &[SliceSums; 2],
    ) -> Result<ParityFileReport, ParityError> {
        let (shape, number) = (Maker::shape(group, file, text.len()), group.number_of(file));
        let check = bytes_of(check.sums());
        let names: Vec<EntryName> = shape.items().iter().map(|item| item.name).collect();
        let documents = [text, block_sums, &check];
        let entry_sums = documents.iter().map(|bytes| Sum::of(bytes)).chain(whole.sums().first().copied());
        let sums = Sums::new(names.iter().copied().zip(entry_sums).collect()).render();
        let statement = self.statement(group, file, &shape, Sum::of(&sums));
        let statement_bytes = statement.render();
        let signatures = self.signer.signatures(&statement_bytes)?;
        let head = Head { statement, statement_bytes, signatures };
        let mut front = head.render();
        put(&mut front, EntryName::Sums, &sums);
        names.iter().zip(documents).for_each(|(name, bytes)| put(&mut front, *name, bytes));
        let stripes = group.payload_bytes(file);
        front.extend(Header { name: names[3], bytes: stripes }.encode());
        let (stripes_at, file_bytes) = self.extent(group, file, text.len());
        assert!(front.len() as u64 == stripes_at, "a parity file has the size that was planned");
        let end = vec![0; usize_of(padded(stripes) - stripes + END_BYTES)];
        let report = |kept| ParityFileReport {
            number,
            file: self.sink.file_name(number),
            bytes: file_bytes,
            group: group.group,
            kept,
        };
        if self.is_there(number, &head)? {
            return Ok(report(true));
        }
        let writer = self.sink.open(number)?;
        writer
            .write_all_at(&end, file_bytes - end.len() as u64)
            .and_then(|()| writer.write_all_at(&front, 0))
            .map_err(|source| self.unwritable(number, source))?;
        drop(writer);
        self.sink.commit(number)?;
        Ok(report(false))
    }

    /// Returns whether a file with the same content is there already, whole.
    fn is_there(&self, number: u32, wanted: &Head) -> Result<bool, ParityError> {
        let Some(file) = self.sink.finished(number)? else { return Ok(false) };
        let is_same = |head: &Head| {
            let Statement { bundle, kind, sums, .. } = head.statement;
            let keys =
                |head: &Head| head.signatures.iter().map(|signature| signature.key).collect::<Vec<_>>();
            (bundle, kind, sums) == (wanted.statement.bundle, Kind::Parity, wanted.statement.sums)
                && keys(head) == keys(wanted)
        };
        let Ok(head) = read_head(file.as_ref()) else { return Ok(false) };
        if !is_same(&head) {
            return Ok(false);
        }
        let Ok(body) = read_body(file.as_ref(), &head) else { return Ok(false) };
        let entries: Vec<_> = body.entries.iter().collect();
        Ok(damaged_entries(&file, &entries, self.environment.workers)?.is_none())
    }
}

fn blocks(group: &ParityGroup, bytes: u64) -> impl Iterator<Item = u64> + Send + 'static {
    let block = group.block_bytes();
    (0..group.blocks_of(bytes)).map(move |number| block.min(bytes - number * block))
}

fn bytes_of(sums: &[Sum]) -> Vec<u8> {
    sums.iter().flat_map(|sum| sum.0).collect()
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("bands and documents are bounded")
}
