//! Makes the parity files of one group.

use super::computing::{Computing, FileSums, ShardSums, Source, unwritable};
use super::{ParityError, ParityFileReport};
use crate::arrival::{damaged_entries, read_body, read_head};
use crate::environment::Environment;
use crate::format::entry::EntryName;
use crate::format::head::{Head, put};
use crate::format::parity::ParityGroup;
use crate::format::shape::{Item, Shape, head_entry_bytes, signature_entries_bytes};
use crate::format::statement::{Kind, Statement};
use crate::format::sums::Sums;
use crate::format::tar::{END_BYTES, Header, padded};
use crate::format::{BlockSum, Sum, Timestamp};
use crate::medium::ChunkSink;
use crate::trust::Signer;

/// What all groups of a bundle share.
pub(super) struct Maker<'a> {
    pub(super) sink: &'a dyn ChunkSink,
    /// The statement of the control chunk.
    pub(super) control: &'a Statement,
    pub(super) created: Timestamp,
    pub(super) signer: &'a dyn Signer,
    pub(super) environment: &'a Environment<'a>,
}

impl Maker<'_> {
    fn statement(&self, group: &ParityGroup, file: u32, shape: &Shape, sums: Sum) -> Statement {
        Statement {
            kind: Kind::Parity,
            class: None,
            number: group.number_of(file),
            bytes: shape.sealed_bytes(),
            created: self.created,
            sums: sums.into(),
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
        let head = head_entry_bytes(statement) + signature_entries_bytes(self.signer.signature_sizes());
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
        let begins: Vec<u64> = extents.iter().map(|(begin, _)| *begin).collect();
        let computing = Computing { group, sink: self.sink, begins: &begins, environment: self.environment };
        let (shards, files) = computing.run(sources)?;
        shards.iter().try_for_each(ShardSums::compare)?;
        let block_sums: Vec<u8> = shards.iter().flat_map(|shard| bytes_of(shard.blocks.sums())).collect();
        (0..).zip(&files).map(|(file, sums)| self.seal(group, file, &text, &block_sums, sums)).collect()
    }

    /// Writes everything but the stripes of a file, and makes it visible.
    fn seal(
        &self,
        group: &ParityGroup,
        file: u32,
        text: &[u8],
        block_sums: &[u8],
        found: &FileSums,
    ) -> Result<ParityFileReport, ParityError> {
        let (shape, number) = (Maker::shape(group, file, text.len()), group.number_of(file));
        let check = bytes_of(found.check.sums());
        let names: Vec<EntryName> = shape.items().iter().map(|item| item.name).collect();
        let documents = [text, block_sums, &check];
        let entry_sums =
            documents.iter().map(|bytes| Sum::of(bytes)).chain(found.stripes.sums().first().copied());
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
            .map_err(|source| unwritable(self.sink, number, source))?;
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
        Ok(damaged_entries(&file, &body, &entries, self.environment.workers)?.is_none())
    }
}

fn bytes_of(sums: &[BlockSum]) -> Vec<u8> {
    sums.iter().flat_map(|sum| sum.0).collect()
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("documents are bounded")
}
