//! What of a parity group is there: which blocks of its chunks and its parity files are as they were signed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::group_files::{GroupFile, GroupFiles};
use crate::arrival::{Bundle, NotAChunk};
use crate::environment::Environment;
use crate::format::BlockSum;
use crate::format::head::Head;
use crate::format::parity::ParityGroup;
use crate::format::shape::head_entry_bytes;
use crate::medium::{ChunkFile, chunk_number};
use crate::observe::Monitor;
use crate::stream::digesting::{DigestJob, digest_all};
use crate::stream::hash::{Function, Output, Stream};
use crate::stream::pump::Halted;
use crate::stream::segments::Segment;

/// How many places a file without a readable head is tried at.
const PLACES_MAX: usize = 8;

/// What the caller knows of the files of a bundle.
#[derive(Clone, Copy)]
pub(crate) struct Knowledge<'a> {
    /// The bundle.
    pub(crate) bundle: &'a Bundle,
    /// Files whose heads cannot be read: they may be chunks of the bundle.
    pub(crate) others: &'a [NotAChunk],
    /// Returns whether all bytes of a file were found as they were signed, by its index among all files of the bundle.
    pub(crate) is_intact: &'a dyn Fn(usize) -> bool,
}

/// A file that has a shard, or parity stripes, from this offset on.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) file: Arc<dyn ChunkFile>,
    /// Where the first byte is, or would be.
    pub(crate) offset: i64,
}

/// What of a shard, or of the stripes of a parity file, is good.
#[derive(Clone, Default)]
pub(crate) struct Found {
    /// The places where it was found.
    pub(crate) places: Vec<Place>,
    /// For each block, the index of a place where it is good.
    pub(crate) good: Vec<Option<usize>>,
}

impl Found {
    fn none(blocks: u64) -> Found {
        let good = vec![None; usize::try_from(blocks).expect("blocks are bounded")];
        Found { places: Vec::new(), good }
    }

    fn whole(place: Place, blocks: u64) -> Found {
        let good = vec![Some(0); usize::try_from(blocks).expect("blocks are bounded")];
        Found { places: vec![place], good }
    }

    /// Returns whether all of it is good.
    pub(crate) fn is_whole(&self) -> bool {
        self.good.iter().all(Option::is_some)
    }

    /// Returns where a block is good.
    pub(crate) fn place(&self, block: u64) -> Option<&Place> {
        let place = self.good.get(usize::try_from(block).ok()?)?;
        place.map(|place| &self.places[place])
    }
}

/// What of a parity group is there.
pub(crate) struct Survey {
    /// The shards of the group, in the order of its chunks.
    pub(crate) shards: Vec<Found>,
    /// The stripes of the parity files, by position.
    pub(crate) files: Vec<Found>,
}

impl Survey {
    /// Returns how many more files of the group may be lost; negative if so many are missing already. The least of all
    /// rows counts.
    pub(crate) fn reserve(&self, group: &ParityGroup) -> i64 {
        self.reserve_with(group, &[])
    }

    /// Returns what the reserve would be if these shards were there.
    pub(crate) fn reserve_with(&self, group: &ParityGroup, sent: &[usize]) -> i64 {
        (0..group.row_blocks()).map(|block| self.reserve_of(group, block, sent)).min().unwrap_or(0)
    }

    fn reserve_of(&self, group: &ParityGroup, block: u64, sent: &[usize]) -> i64 {
        let is_lost = |(shard, found): &(usize, &Found)| {
            found.good.get(at(block)).is_some_and(Option::is_none) && !sent.contains(shard)
        };
        let lost = count(self.shards.iter().enumerate().filter(is_lost).count());
        let losses = i64::from(group.losses);
        if self.files.iter().all(|found| found.good[at(block)].is_some()) {
            return losses - lost;
        }
        let held = |row: u64| {
            (0..group.losses)
                .filter(|&stripe| self.files[group.file_of(stripe, row) as usize].good[at(block)].is_some())
                .count()
        };
        // Which files hold a row repeats after as many rows as there are files.
        let rows = group.rows_of_block(block).take(group.files as usize);
        rows.map(held).min().map_or(losses, count) - lost
    }
}

fn at(block: u64) -> usize {
    usize::try_from(block).expect("blocks are bounded")
}

fn count(number: usize) -> i64 {
    i64::try_from(number).expect("groups are bounded")
}

/// What a place may have.
#[derive(Clone)]
enum Target {
    /// One of these shards, which have the same length.
    Shards(Vec<usize>),
    /// The stripes of the parity file at this position.
    File(usize),
}

/// Hashing one place: consecutive blocks of a target.
struct Search {
    target: Target,
    place: Place,
    /// The first block that lies in the file.
    first: u64,
    lengths: Vec<u64>,
    /// Where the first of these blocks begins in the file.
    begin: u64,
    /// The hash function.
    function: Function,
}

/// Finds which blocks of a group are good. Files that are known to be intact are not read.
///
/// # Errors
/// [`Halted`] if the workers are told to stop, or cannot go on.
pub(crate) fn survey(
    known: Knowledge<'_>,
    files: &GroupFiles<'_>,
    environment: &Environment<'_>,
) -> Result<Survey, Halted> {
    let group = &files.group;
    let mut searches: Vec<Search> = Vec::new();
    let mut shards = Vec::new();
    for (shard, chunk) in group.chunks.iter().enumerate() {
        let blocks = group.blocks_of(chunk.bytes);
        let mut found = Found::none(blocks);
        let named = known.bundle.files.iter().enumerate();
        for (index, opened) in named.filter(|(_, opened)| opened.statement.number == chunk.number) {
            let offset = signed(opened.file.bytes()) - signed(opened.statement.bytes);
            let place = Place { file: Arc::clone(&opened.file), offset };
            let is_same = opened.statement.sums == chunk.sums && opened.statement.bytes == chunk.bytes;
            if is_same && (known.is_intact)(index) {
                found = Found::whole(place, blocks);
                searches.retain(|search| !matches!(&search.target, Target::Shards(of) if of == &[shard]));
                break;
            }
            searches.extend(search_shards(group, vec![shard], place));
        }
        shards.push(found);
    }
    let lost: Vec<usize> = (0..shards.len()).filter(|&shard| !shards[shard].is_whole()).collect();
    for other in known.others {
        searches.extend(search_other(known, files, &lost, other));
    }
    let mut parity = vec![Found::none(group.row_blocks()); group.files as usize];
    for file in &files.files {
        let position = file.position as usize;
        let place = Place { file: Arc::clone(&file.opened.file), offset: signed(file.stripes.offset) };
        if (known.is_intact)(known.bundle.files.len() + file.index) {
            parity[position] = Found::whole(place, group.row_blocks());
        } else if !parity[position].is_whole() {
            searches.extend(search_file(group, file, place));
        }
    }
    let survey = Mutex::new(Survey { shards, files: parity });
    search_all(&searches, files, &survey, environment)?;
    Ok(survey.into_inner().expect("no thread panicked"))
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("a file is shorter than 2^63 bytes")
}

/// Returns the search for the blocks that one of these shards, which have the same length, has in a file.
fn search_shards(group: &ParityGroup, shards: Vec<usize>, place: Place) -> Option<Search> {
    let bytes = group.chunks[*shards.first()?].bytes;
    let (block, end) = (signed(group.block_bytes()), signed(place.file.bytes()));
    let range = |number: i64| (number * block, ((number + 1) * block).min(signed(bytes)));
    let fits = |number: &i64| {
        let (from, to) = range(*number);
        place.offset + from >= 0 && place.offset + to <= end
    };
    let blocks: Vec<i64> = (0..signed(group.blocks_of(bytes))).filter(fits).collect();
    let first = *blocks.first()?;
    let length = |number: &i64| (range(*number).1 - range(*number).0).unsigned_abs();
    Some(Search {
        target: Target::Shards(shards),
        first: first.unsigned_abs(),
        lengths: blocks.iter().map(length).collect(),
        begin: (place.offset + first * block).unsigned_abs(),
        place,
        function: Function::Blake3,
    })
}

/// Returns the search for the blocks of a parity file.
fn search_file(group: &ParityGroup, file: &GroupFile<'_>, place: Place) -> Option<Search> {
    let lengths: Vec<u64> = match &file.check {
        Some(_) => (0..group.row_blocks())
            .map(|block| {
                let part = group.part_of_block(file.position, block);
                part.end - part.start
            })
            .collect(),
        // Without the sums of its blocks, all of it is good or nothing.
        None => vec![file.stripes.bytes],
    };
    let begin = place.offset.unsigned_abs();
    let target = Target::File(file.position as usize);
    let function = if file.check.is_some() { Function::Blake3 } else { Function::Sha256 };
    (file.stripes.bytes > 0).then_some(Search { target, place, first: 0, lengths, begin, function })
}

/// Returns the searches in a file without a readable head: it may have lost its beginning, its end, or the bytes
/// between. It is read once for each place at which lost shards of one length would lie in it. Its name says which place is
/// tried first, and proves nothing.
fn search_other(
    known: Knowledge<'_>,
    files: &GroupFiles<'_>,
    lost: &[usize],
    other: &NotAChunk,
) -> Vec<Search> {
    let group = &files.group;
    let named = other.file.file_name().and_then(|name| chunk_number(known.bundle.name(), name));
    let mut tried = lost.to_vec();
    tried.sort_by_key(|&shard| Some(group.chunks[shard].number) != named);
    // The shards that would lie at an offset, by their length.
    let mut places: Vec<((i64, u64), Vec<usize>)> = Vec::new();
    for shard in tried {
        let bytes = group.chunks[shard].bytes;
        let from_end = signed(other.file.bytes()) - signed(bytes);
        for offset in BTreeSet::from([signed(head_bytes(files, shard)), from_end]) {
            match places.iter().position(|(place, _)| *place == (offset, bytes)) {
                Some(at) => places[at].1.push(shard),
                None if places.len() < PLACES_MAX => places.push(((offset, bytes), vec![shard])),
                None => {}
            }
        }
    }
    let search = |((offset, _), shards): ((i64, u64), Vec<usize>)| {
        search_shards(group, shards, Place { file: Arc::clone(&other.file), offset })
    };
    places.into_iter().filter_map(search).collect()
}

/// Returns the size of the head that a chunk had when its parity was made, in bytes.
fn head_bytes(files: &GroupFiles<'_>, shard: usize) -> u64 {
    let chunk = &files.group.chunks[shard];
    let signatures = chunk.signatures.iter().map(|signature| head_entry_bytes(signature.bytes.len() as u64));
    head_entry_bytes(chunk.statement(files.like).render().len() as u64) + signatures.sum::<u64>()
}

/// Returns the head that a chunk had when its parity was made.
pub(super) fn head(files: &GroupFiles<'_>, shard: usize) -> Head {
    let chunk = &files.group.chunks[shard];
    let statement = chunk.statement(files.like);
    Head { statement_bytes: statement.render(), statement, signatures: chunk.signatures.clone() }
}

fn search_all(
    searches: &[Search],
    files: &GroupFiles<'_>,
    survey: &Mutex<Survey>,
    environment: &Environment<'_>,
) -> Result<(), Halted> {
    let lengths: Vec<u64> = searches.iter().map(|search| search.lengths.iter().sum()).collect();
    let job = |at: usize| {
        let Search { place, begin, lengths, .. } = &searches[at];
        let bytes = lengths.iter().sum();
        let segment = Segment { file: Arc::clone(&place.file), offset: *begin, bytes };
        let lengths = lengths.iter().copied().filter(|&length| length > 0).collect();
        DigestJob::of_slices(segment, vec![searches[at].function], lengths)
    };
    let again: Mutex<Vec<usize>> = Mutex::default();
    digest_all(environment.workers, Monitor::silent(), &lengths, &job, &|at, outcome| {
        match outcome {
            Ok(outputs) => {
                let sums = sums_of(&searches[at], outputs);
                note(&searches[at], &sums, files, &mut survey.lock().expect("no thread panicked"));
            }
            // Some of it may be readable.
            Err(_) => again.lock().expect("no thread panicked").push(at),
        }
        Ok::<(), Halted>(())
    })?;
    for at in again.into_inner().expect("no thread panicked") {
        search_by_block(&searches[at], files, survey, environment)?;
    }
    Ok(())
}

/// Hashes each block by itself, because the file cannot be read from end to end.
fn search_by_block(
    search: &Search,
    files: &GroupFiles<'_>,
    survey: &Mutex<Survey>,
    environment: &Environment<'_>,
) -> Result<(), Halted> {
    let mut begin = search.begin;
    let parts: Vec<Search> = search
        .lengths
        .iter()
        .enumerate()
        .map(|(number, &length)| {
            let part = Search {
                target: search.target.clone(),
                place: search.place.clone(),
                first: search.first + number as u64,
                lengths: vec![length],
                begin,
                function: search.function,
            };
            begin += length;
            part
        })
        .collect();
    let job = |at: usize| {
        let file = Arc::clone(&search.place.file);
        let segment = Segment { file, offset: parts[at].begin, bytes: parts[at].lengths[0] };
        DigestJob::new(vec![segment], vec![search.function])
    };
    digest_all(environment.workers, Monitor::silent(), &search.lengths, &job, &|at, outcome| {
        if let Ok(outputs) = outcome {
            note(&parts[at], &outputs, files, &mut survey.lock().expect("no thread panicked"));
        }
        Ok(())
    })
}

/// Returns the sums of all blocks of a search: `outputs` are those that have bytes.
fn sums_of(search: &Search, outputs: Vec<Output>) -> Vec<Output> {
    let (mut outputs, empty) = (outputs.into_iter(), Stream::new(search.function).finish());
    let sum = |&length: &u64| if length == 0 { empty } else { outputs.next().expect("one each") };
    search.lengths.iter().map(sum).collect()
}

/// Notes which blocks of a place are good.
fn note(search: &Search, sums: &[Output], files: &GroupFiles<'_>, survey: &mut Survey) {
    match &search.target {
        Target::Shards(shards) => {
            for &shard in shards {
                note_blocks(&mut survey.shards[shard], search, sums, &files.blocks[shard]);
            }
        }
        Target::File(position) => {
            let is_same = |file: &&GroupFile<'_>| {
                file.position as usize == *position && Arc::ptr_eq(&file.opened.file, &search.place.file)
            };
            let Some(file) = files.files.iter().find(is_same) else { return };
            let found = &mut survey.files[*position];
            match &file.check {
                Some(check) => note_blocks(found, search, sums, check),
                None if sums == [Output::Sha256(file.stripes.sum.0)] => {
                    *found = Found::whole(search.place.clone(), files.group.row_blocks());
                }
                None => {}
            }
        }
    }
}

fn note_blocks(found: &mut Found, search: &Search, sums: &[Output], expected: &[BlockSum]) {
    // A whole file is better than parts of several.
    if sums.iter().map(Output::block_sum).eq(expected.iter().copied().map(Some)) {
        *found = Found::whole(search.place.clone(), expected.len() as u64);
        return;
    }
    let place = found.places.len();
    let mut is_used = false;
    for (number, sum) in sums.iter().enumerate() {
        let block = at(search.first) + number;
        if sum.block_sum().as_ref() == expected.get(block) && found.good[block].is_none() {
            found.good[block] = Some(place);
            is_used = true;
        }
    }
    if is_used {
        found.places.push(search.place.clone());
    }
}
