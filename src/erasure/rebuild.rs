//! Writes chunks again: what is good is copied, and the rest is computed.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::band::Band;
use super::decode::RowDecoder;
use super::group_files::GroupFiles;
use super::patch::Patch;
use super::slice_sums::{SliceSums, feed_together};
use super::survey::{Found, Place, Survey};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::head::Head;
use crate::format::limits::PARITY_WORK_BYTES_MAX;
use crate::format::parity::ParityGroup;
use crate::medium::{ChunkSink, MediumError, ReadAt};
use crate::observe::Event;
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::Halted;
use crate::stream::share::share;

/// A chunk cannot be written again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A file that was good a moment ago cannot be read now, or has changed.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// A chunk cannot be written.
    #[error("{file}: {source}")]
    Write {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The place for the chunks refuses.
    #[error(transparent)]
    Medium(#[from] MediumError),
    /// The system is out of memory or threads.
    #[error("out of memory or threads: {0}")]
    System(io::Error),
    /// A signal interrupted the work.
    #[error("interrupted")]
    Interrupted,
}

impl From<Halted> for RebuildError {
    fn from(halted: Halted) -> RebuildError {
        match halted {
            Halted::System(source) => RebuildError::System(source),
            Halted::Interrupted => RebuildError::Interrupted,
        }
    }
}

impl Diagnose for RebuildError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            RebuildError::Medium(error) => return error.diagnosis(),
            RebuildError::Read { .. } => Code::ChunkUnreadable,
            RebuildError::Write { .. } => Code::ChunkUnwritable,
            RebuildError::System(_) => Code::System,
            RebuildError::Interrupted => Code::Interrupted,
        };
        code.into()
    }
}

/// Writes the chunks of these shards into a sink, each with its head. They are pending then: nothing has compared them with
/// their statements. Gives `patches` what they need; nothing of that is written yet.
///
/// # Errors
/// [`RebuildError`]. What was written is pending.
pub(super) fn rebuild(
    files: &GroupFiles<'_>,
    survey: &Survey,
    whole: &[(usize, Head)],
    patches: &mut [Patch],
    sink: &dyn ChunkSink,
    environment: &Environment<'_>,
) -> Result<(), RebuildError> {
    let group = &files.group;
    let mut fronts = Vec::new();
    for (shard, head) in whole {
        let shard = *shard;
        let front = head.render();
        let chunk = &group.chunks[shard];
        sink.begin(chunk.number, front.len() as u64 + chunk.bytes)?;
        let write = sink.open(chunk.number)?;
        write
            .write_all_at(&front, 0)
            .map_err(|source| RebuildError::Write { file: sink.file_name(chunk.number), source })?;
        fronts.push((shard, front.len() as u64));
    }
    let mended = patches.iter().map(|patch| patch.shard);
    let wanted = whole.iter().map(|(shard, _)| *shard).chain(mended).collect();
    let rebuilding = Rebuilding { group, survey, wanted, environment, failed: Mutex::new(None) };
    let decoders: Mutex<Vec<RowDecoder>> = Mutex::default();
    let mut band = Band::new(group);
    for rows in Band::all(group) {
        band.turn_to(group, rows);
        rebuilding.fill(&mut band)?;
        rebuilding.solve(&mut band, &decoders)?;
        rebuilding.write(&band, &fronts, sink)?;
        rebuilding.keep(&band, patches);
        if environment.workers.interrupted() {
            return Err(RebuildError::Interrupted);
        }
    }
    Ok(())
}

struct Rebuilding<'a> {
    group: &'a ParityGroup,
    survey: &'a Survey,
    wanted: BTreeSet<usize>,
    environment: &'a Environment<'a>,
    failed: Mutex<Option<RebuildError>>,
}

impl Rebuilding<'_> {
    fn block_of(&self, row: u64) -> u64 {
        row / u64::from(self.group.block_stripes.get())
    }

    /// Returns whether the shard has this row, and it is lost.
    fn is_lost(&self, shard: usize, row: u64) -> bool {
        let found = &self.survey.shards[shard];
        let block = usize::try_from(self.block_of(row)).expect("blocks are bounded");
        found.good.get(block).is_some_and(Option::is_none)
    }

    /// Returns how many stripes of a row are lost at most.
    fn most_lost(&self) -> usize {
        let lost = |block: usize| {
            let shards = self.survey.shards.iter();
            shards.filter(|found| found.good.get(block).is_some_and(Option::is_none)).count()
        };
        (0..usize_of(self.group.row_blocks())).map(lost).max().unwrap_or(0)
    }

    /// Returns whether a row must be computed.
    fn needs_solving(&self, row: u64) -> bool {
        self.wanted.iter().any(|&shard| self.is_lost(shard, row))
    }

    fn fail(&self, error: RebuildError) {
        self.failed.lock().expect("no thread panicked").get_or_insert(error);
    }

    fn outcome(&self) -> Result<(), RebuildError> {
        self.failed.lock().expect("no thread panicked").take().map_or(Ok(()), Err)
    }

    /// Reads what is good: of all shards if a row of the band must be computed, otherwise of those that are wanted.
    fn fill(&self, band: &mut Band) -> Result<(), RebuildError> {
        let is_solved = band.rows().any(|row| self.needs_solving(row));
        let ranges: Vec<Range<u64>> =
            self.group.chunks.iter().map(|chunk| band.range_of(self.group, chunk.bytes)).collect();
        let shards = band.shards_mut().iter_mut().zip(ranges).enumerate();
        let needed: Vec<_> = shards.filter(|(shard, _)| is_solved || self.wanted.contains(shard)).collect();
        let workers = self.environment.workers;
        share(
            workers,
            workers.count(),
            needed.into_iter(),
            || (),
            |(), (shard, (bytes, range))| {
                if let Err(error) = self.read(&self.survey.shards[shard], range, bytes) {
                    self.fail(error);
                }
            },
        );
        self.outcome()
    }

    /// Reads the good blocks of a range of a shard. What lies behind its end is zero.
    fn read(&self, found: &Found, range: Range<u64>, bytes: &mut [u8]) -> Result<(), RebuildError> {
        bytes[usize_of(range.end - range.start)..].fill(0);
        let mut at = range.start;
        let mut open: Option<(&Place, Box<dyn ReadAt>)> = None;
        while at < range.end {
            let block = at / self.group.block_bytes();
            let end = ((block + 1) * self.group.block_bytes()).min(range.end);
            if let Some(place) = found.place(block) {
                let failed = |source| RebuildError::Read { file: place.file.name().to_owned(), source };
                let reader = match &open {
                    Some((opened, reader)) if Arc::ptr_eq(&opened.file, &place.file) => reader,
                    _ => &open.insert((place, place.file.open().map_err(failed)?)).1,
                };
                let part = usize_of(at - range.start)..usize_of(end - range.start);
                let offset = at.checked_add_signed(place.offset).expect("a good block lies in its file");
                reader.read_exact_at(&mut bytes[part], offset).map_err(failed)?;
            }
            at = end;
        }
        Ok(())
    }

    /// Computes the lost stripes of a band.
    fn solve(&self, band: &mut Band, decoders: &Mutex<Vec<RowDecoder>>) -> Result<(), RebuildError> {
        let rows: Vec<u64> = band.rows().filter(|&row| self.needs_solving(row)).collect();
        let at_once = usize_of((PARITY_WORK_BYTES_MAX / self.group.work_bytes()).max(1));
        let solved: Mutex<Vec<(u64, usize, Vec<u8>)>> = Mutex::default();
        let take = || {
            let kept = decoders.lock().expect("no thread panicked").pop();
            let stripe = usize_of(self.group.stripe());
            kept.unwrap_or_else(|| {
                let (shards, losses) = (self.group.chunks.len(), self.group.losses as usize);
                RowDecoder::new(shards, losses, stripe, self.most_lost())
            })
        };
        let whole: &Band = band;
        share(
            self.environment.workers,
            at_once,
            rows.into_iter(),
            || Returned { decoder: Some(take()), to: decoders },
            |state, row| {
                let decoder = state.decoder.as_mut().expect("returned when dropped");
                match self.solve_row(whole, row, decoder) {
                    Ok(stripes) => {
                        let stripes = stripes.into_iter().map(|(shard, bytes)| (row, shard, bytes));
                        solved.lock().expect("no thread panicked").extend(stripes);
                    }
                    Err(error) => self.fail(error),
                }
            },
        );
        self.outcome()?;
        for (row, shard, bytes) in solved.into_inner().expect("no thread panicked") {
            let place = band.place(row);
            band.shards_mut()[shard][place].copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn solve_row(
        &self,
        band: &Band,
        row: u64,
        decoder: &mut RowDecoder,
    ) -> Result<Vec<(usize, Vec<u8>)>, RebuildError> {
        let (group, place) = (self.group, band.place(row));
        decoder.resize(place.len());
        let lost: Vec<usize> = (0..group.chunks.len()).filter(|&shard| self.is_lost(shard, row)).collect();
        let (block, mut parity) = (self.block_of(row), Vec::with_capacity(lost.len()));
        for stripe in 0..group.losses {
            if parity.len() == lost.len() {
                break;
            }
            let position = group.file_of(stripe, row);
            let Some(found) = self.survey.files[position as usize].place(block) else { continue };
            let offset = group.offset_in(position, row).checked_add_signed(found.offset);
            let offset = offset.expect("a good block lies in its file");
            let mut bytes = vec![0; place.len()];
            found
                .file
                .open()
                .and_then(|file| file.read_exact_at(&mut bytes, offset))
                .map_err(|source| RebuildError::Read { file: found.file.name().to_owned(), source })?;
            parity.push((stripe as usize, bytes));
        }
        assert!(parity.len() == lost.len(), "the reserve of the group is not negative");
        let mut solved = Vec::new();
        let stripes = band.shards().iter().map(|shard| &shard[place.clone()]);
        decoder.decode(stripes, &lost, parity, &mut |shard, bytes| {
            if self.wanted.contains(&shard) {
                solved.push((shard, bytes.to_vec()));
            }
        });
        Ok(solved)
    }

    /// Writes the band of each chunk that is written whole. `fronts` are their shards, and the sizes of their heads.
    fn write(&self, band: &Band, fronts: &[(usize, u64)], sink: &dyn ChunkSink) -> Result<(), RebuildError> {
        let monitor = self.environment.monitor;
        let workers = self.environment.workers;
        share(
            workers,
            workers.count(),
            fronts.iter(),
            || (),
            |(), &(shard, front)| {
                let chunk = &self.group.chunks[shard];
                let range = band.range_of(self.group, chunk.bytes);
                let bytes = &band.shards()[shard][..usize_of(range.end - range.start)];
                let written = sink.open(chunk.number).map_err(RebuildError::from).and_then(|write| {
                    write
                        .write_all_at(bytes, front + range.start)
                        .map_err(|source| RebuildError::Write { file: sink.file_name(chunk.number), source })
                });
                match written {
                    Ok(()) => monitor.tell(Event::Moved { bytes: bytes.len() as u64 }),
                    Err(error) => self.fail(error),
                }
            },
        );
        self.outcome()
    }

    /// Hashes the band of each chunk that is mended in place, and keeps its damaged blocks.
    fn keep(&self, band: &Band, patches: &mut [Patch]) {
        let monitor = self.environment.monitor;
        let workers = self.environment.workers;
        share(
            workers,
            workers.count(),
            patches.chunks_mut(lanes(Function::Sha256)),
            || (),
            |(), patches| {
                let bytes_of = |shard: usize| {
                    let range = band.range_of(self.group, self.group.chunks[shard].bytes);
                    (range.start, &band.shards()[shard][..usize_of(range.end - range.start)])
                };
                for patch in patches.iter_mut() {
                    let (at, bytes) = bytes_of(patch.shard);
                    patch.keep(at, bytes);
                    monitor.tell(Event::Moved { bytes: bytes.len() as u64 });
                }
                let mut streams: Vec<(&mut SliceSums<Sum>, &[u8])> =
                    patches.iter_mut().map(|patch| (&mut patch.sums, bytes_of(patch.shard).1)).collect();
                feed_together(&mut streams);
            },
        );
    }
}

/// A decoder that is kept for the next band.
struct Returned<'a> {
    decoder: Option<RowDecoder>,
    to: &'a Mutex<Vec<RowDecoder>>,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        if let (Some(decoder), Ok(mut kept)) = (self.decoder.take(), self.to.lock()) {
            kept.push(decoder);
        }
    }
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).expect("bands are bounded")
}
