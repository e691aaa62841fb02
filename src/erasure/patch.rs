//! Damaged chunks that are mended where they lie. Only blocks that are not as they were signed are written, and only after
//! the whole chunk, with them, was proven by its own statement. So a run that is killed while it writes leaves no byte worse
//! than it was, and the next run finds by the signed sums of the blocks what is left to do.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::group_files::GroupFiles;
use super::proof::Proof;
use super::slice_sums::SliceSums;
use super::survey::Survey;
use crate::arrival::{Finding, Opened};
use crate::format::head::Head;
use crate::format::{BlockSum, Sum};
use crate::medium::ChunkFile;

/// Memory for what is written in place into the chunks of a group, in bytes. Chunks that need more are written whole.
const PATCHES_BYTES_MAX: u64 = 16 << 20;

/// Damaged blocks of a chunk, and what they are to be.
pub(super) struct Patch {
    /// The chunk, by its place in the group.
    pub(super) shard: usize,
    /// The number of the chunk.
    pub(super) number: u32,
    /// The head of the chunk.
    pub(super) head: Head,
    file: Arc<dyn ChunkFile>,
    /// Where the shard begins in the file.
    begin: u64,
    /// The blocks that are written, in ascending order: where each lies in the shard, its sum, and its bytes as far as they are known.
    blocks: Vec<(Range<u64>, BlockSum, Vec<u8>)>,
    proof: Proof,
    /// The sums of what the chunk will be.
    pub(super) sums: SliceSums<Sum>,
}

impl Patch {
    /// Plans to mend the file of a chunk, which has its name. `None` if more is wrong with it than some blocks, if it cannot be
    /// written, or if its bundle has a profile: what is written in place is proven by SHA-256 alone.
    pub(super) fn plan(
        files: &GroupFiles<'_>,
        survey: &Survey,
        shard: usize,
        opened: &Opened,
        head: &Head,
    ) -> Option<Patch> {
        let (group, found) = (&files.group, &survey.shards[shard]);
        let (chunk, body) = (&group.chunks[shard], opened.body()?);
        let has_head = opened.accepted.as_ref().is_some_and(|accepted| accepted.head() == head);
        let begin = opened.file.bytes().checked_sub(chunk.bytes)?;
        let has_profile = head.statement.sums.profile().is_some();
        if has_profile || !has_head || begin != head.sealed_at() || !opened.file.can_be_mended() {
            return None;
        }
        let is_bad =
            |block: &u64| found.place(*block).is_none_or(|place| !Arc::ptr_eq(&place.file, &opened.file));
        let block = |number: u64| {
            let at = number * group.block_bytes();
            let sum = files.blocks[shard][usize::try_from(number).expect("blocks are bounded")];
            (at..(at + group.block_bytes()).min(chunk.bytes), sum, Vec::new())
        };
        let proof = Proof::new(&opened.statement, body);
        let sums = SliceSums::new(proof.lengths().into_iter());
        Some(Patch {
            shard,
            number: chunk.number,
            head: head.clone(),
            file: Arc::clone(&opened.file),
            begin,
            blocks: (0..group.blocks_of(chunk.bytes)).filter(is_bad).map(block).collect(),
            proof,
            sums,
        })
    }

    /// Returns how many bytes are written.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|(range, ..)| range.end - range.start).sum()
    }

    /// Keeps what lies in damaged blocks of these next bytes of the shard, which begin at `at`.
    pub(super) fn keep(&mut self, at: u64, bytes: &[u8]) {
        let end = at + bytes.len() as u64;
        for (range, _, kept) in &mut self.blocks {
            let part = range.start.max(at)..range.end.min(end);
            if part.start < part.end {
                let place = |offset: u64| usize::try_from(offset - at).expect("within the bytes");
                kept.extend_from_slice(&bytes[place(part.start)..place(part.end)]);
            }
        }
    }

    /// Writes the blocks into the file and makes them durable, if the chunk is then what its statement says.
    ///
    /// # Errors
    /// If the file cannot be written, has changed since it was found, or does not read back as it was written.
    pub(super) fn apply(&self) -> io::Result<Result<(), Finding>> {
        if let Err(finding) = self.proof.compare(self.sums.sums()) {
            return Ok(Err(finding));
        }
        let parts: Vec<(u64, &[u8])> =
            self.blocks.iter().map(|(range, _, bytes)| (self.begin + range.start, &bytes[..])).collect();
        self.file.mend(&parts)?;
        let reader = self.file.open()?;
        for (range, sum, bytes) in &self.blocks {
            let mut found = vec![0; bytes.len()];
            reader.read_exact_at(&mut found, self.begin + range.start)?;
            if BlockSum::of(&found) != *sum {
                return Err(io::Error::other("what was written does not read back"));
            }
        }
        Ok(Ok(()))
    }
}

/// Chooses which chunks are mended where they lie: those with the least damage, as long as their blocks fit into memory.
/// Returns the others, too.
pub(super) fn choose(mut planned: Vec<Patch>) -> (Vec<Patch>, Vec<Patch>) {
    planned.sort_by_key(Patch::bytes);
    let mut bytes = 0;
    planned.into_iter().partition(|patch| {
        bytes += patch.bytes();
        bytes <= PATCHES_BYTES_MAX
    })
}
