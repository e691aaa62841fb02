//! Assigns every blob to chunks no larger than the limit (docs/format.md, "Placement").

use std::collections::BTreeSet;

use crate::format::Profile;
use crate::format::annex::{Annex, annex_shapes};
use crate::format::chunk_table::ChunkTable;
use crate::format::entry::{EntryName, SLICE_OFFSET_MAX};
use crate::format::limits::{CHUNK_NUMBER_MAX, ENTRIES_MAX};
use crate::format::plan::{Piece, Placed, Plan};
use crate::format::shape::{Item, Shape, entries_max, entry_cost, sealed_overhead};
use crate::format::statement::{Class, Kind};
use crate::format::tar::BLOCK;

use super::PackError;

/// A chunk before it is written.
#[derive(Clone, Debug)]
pub(super) struct PlannedChunk {
    /// Data, or control for the control chunk and its annex.
    pub kind: Kind,
    /// The class of its blobs.
    pub class: Class,
    /// Its entries and their offsets in the sealed part.
    pub shape: Shape,
    /// The pieces of blobs in it, in order. They are its last entries.
    pub pieces: Vec<Placed>,
}

impl PlannedChunk {
    /// Returns how many entries the chunk has, without its lists of sums.
    pub(super) fn entries(&self) -> usize {
        self.shape.items().iter().filter(|item| item.name != EntryName::Sums384).count()
    }
}

/// A plan in which every blob is placed, and the resulting chunks.
pub(super) struct Placement {
    pub plan: Plan,
    /// The sizes of the control chunk's documents in bytes, in the order of `Document::ALL`.
    pub document_bytes: [u64; 3],
    /// The control chunk and the data chunks, by number from 0.
    pub chunks: Vec<PlannedChunk>,
    /// The annex chunks, numbered after the data chunks.
    pub annex: Vec<PlannedChunk>,
}

/// Places every blob of `plan`; earlier placements are replaced.
///
/// Four layouts are tried, the simplest first: everything in one file; metadata in the control chunk; metadata in data
/// chunks; and finally also the documents of the control chunk in an annex.
///
/// # Errors
/// If the bundle would need more chunks than the format allows.
pub(super) fn place(mut plan: Plan) -> Result<Placement, PackError> {
    let single_file = plan.blobs.iter().all(|blob| blob.class != Class::Nondistributable);
    if single_file {
        for blob in &mut plan.blobs {
            blob.pieces = vec![Piece { chunk: 0, bytes: blob.size }];
        }
        plan.last = 0;
        if let Some(placement) = in_control_chunk(&plan) {
            return Ok(placement);
        }
    }
    for in_control in [&[Class::Metadata][..], &[]] {
        plan.last = fill_chunks(&mut plan, in_control)?;
        if let Some(placement) = in_control_chunk(&plan) {
            return Ok(placement);
        }
    }
    with_annex(plan)
}

/// Returns the placement with the documents in the control chunk, if they fit.
fn in_control_chunk(plan: &Plan) -> Option<Placement> {
    let mut contents = plan.contents().into_iter();
    let in_control = contents.next().unwrap_or_default();
    let data = data_chunks(plan, contents);
    let document_bytes = document_bytes(plan, &data);
    let shape = plan.control_shape(&in_control, document_bytes);
    let fits = shape.sealed_bytes() <= plan.control_capacity() && shape.items().len() <= ENTRIES_MAX;
    fits.then(|| {
        let chunks = std::iter::once(control_chunk(shape, in_control)).chain(data).collect();
        Placement { plan: plan.clone(), document_bytes, chunks, annex: Vec::new() }
    })
}

/// Returns the placement with the documents in an annex.
fn with_annex(mut plan: Plan) -> Result<Placement, PackError> {
    let data = data_chunks(&plan, plan.contents().into_iter().skip(1));
    let last_data = plan.last;
    // The plan contains the number of chunks, so the number of digits affects the size. This converges in one or two
    // steps.
    loop {
        let document_bytes = document_bytes(&plan, &data);
        let annex = annex_shapes(plan.profile, plan.data_capacity(), document_bytes);
        let last = last_data as usize + annex.len();
        let too_many = || PackError::TooManyChunks { chunk_bytes: plan.chunk_bytes, limit: CHUNK_NUMBER_MAX };
        let last = u32::try_from(last).ok().filter(|&last| last <= CHUNK_NUMBER_MAX).ok_or_else(too_many)?;
        if last == plan.last {
            let chunks = (last_data + 1..=last).zip(annex.iter().map(Shape::sealed_bytes));
            let control =
                annexed_control_shape(plan.profile, Annex::bytes(plan.profile, document_bytes, chunks));
            if control.sealed_bytes() > plan.control_capacity() {
                return Err(too_many());
            }
            let chunks = std::iter::once(control_chunk(control, Vec::new())).chain(data).collect();
            let annex = annex.into_iter().map(|shape| control_chunk(shape, Vec::new())).collect();
            return Ok(Placement { plan, document_bytes, chunks, annex });
        }
        plan.last = last;
    }
}

/// Returns the shape of the control chunk of a bundle with an annex.
fn annexed_control_shape(profile: Option<Profile>, annex_bytes: u64) -> Shape {
    let item = |name, bytes| Item { name, bytes };
    let items = vec![
        item(EntryName::Annex, annex_bytes),
        item(EntryName::OciLayout, crate::oci::write::OCI_LAYOUT.len() as u64),
        item(EntryName::Recover, crate::format::recover::RECOVER.len() as u64),
    ];
    Shape::in_profile(profile, items)
}

fn control_chunk(shape: Shape, pieces: Vec<Placed>) -> PlannedChunk {
    PlannedChunk { kind: Kind::Control, class: Class::Metadata, shape, pieces }
}

/// Returns the data chunks with these contents.
fn data_chunks(plan: &Plan, contents: impl Iterator<Item = Vec<Placed>>) -> Vec<PlannedChunk> {
    let chunk = |pieces: Vec<Placed>| PlannedChunk {
        kind: Kind::Data,
        class: plan.blobs[pieces[0].blob].class,
        shape: plan.data_shape(&pieces),
        pieces,
    };
    contents.map(chunk).collect()
}

fn document_bytes(plan: &Plan, data: &[PlannedChunk]) -> [u64; 3] {
    let lines = (1..).zip(data).map(|(number, chunk)| (number, chunk.class, chunk.shape.sealed_bytes()));
    [plan.render().len() as u64, ChunkTable::bytes(plan.profile, lines), plan.index_json().len() as u64]
}

/// Places the classes of `in_control` in chunk 0 and all others in data chunks, class by class. Returns the highest
/// chunk number.
fn fill_chunks(plan: &mut Plan, in_control: &[Class]) -> Result<u32, PackError> {
    let mut last = 0;
    for class in [Class::Nondistributable, Class::Metadata, Class::Distributable] {
        let mut filler = Filler::new(plan, last);
        for blob in plan.blobs.iter_mut().filter(|blob| blob.class == class) {
            blob.pieces = if in_control.contains(&class) {
                vec![Piece { chunk: 0, bytes: blob.size }]
            } else {
                let cost = entry_cost(filler.profile, &EntryName::Blob(blob.digest), blob.size);
                let slice = EntryName::Slice(blob.digest, SLICE_OFFSET_MAX);
                filler.put(blob.size, cost, &slice)?
            };
        }
        last = filler.last;
    }
    Ok(last)
}

/// Fills the chunks of one class, best fit: each blob is placed where the least room remains. A blob that does not fit
/// into an empty chunk is split into slices.
struct Filler {
    profile: Option<Profile>,
    chunk_bytes: u64,
    /// The room in an empty chunk, in bytes.
    room_max: u64,
    /// Chunks with room, ordered by the room in bytes.
    rooms: BTreeSet<(u64, u32)>,
    /// The number of entries of each chunk of this class, from chunk `first` on.
    entries: Vec<usize>,
    first: u32,
    last: u32,
}

impl Filler {
    fn new(plan: &Plan, last: u32) -> Filler {
        let (profile, chunk_bytes) = (plan.profile, plan.chunk_bytes);
        let room_max = plan.data_capacity() - sealed_overhead(profile);
        let (rooms, entries) = Default::default();
        Filler { profile, chunk_bytes, room_max, rooms, entries, first: last + 1, last }
    }

    fn put(&mut self, bytes: u64, cost: u64, slice: &EntryName) -> Result<Vec<Piece>, PackError> {
        if cost <= self.room_max {
            let found = self.rooms.range((cost, 0)..).next().copied();
            let (room, chunk) = match found {
                Some(found) => found,
                None => self.open()?,
            };
            self.take(room, chunk, cost);
            return Ok(vec![Piece { chunk, bytes }]);
        }
        let slice_max = (self.room_max - entry_cost(self.profile, slice, 0)) / BLOCK * BLOCK;
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while rest > 0 {
            let bytes = rest.min(slice_max);
            let (room, chunk) = self.open()?;
            self.take(room, chunk, entry_cost(self.profile, slice, bytes));
            pieces.push(Piece { chunk, bytes });
            rest -= bytes;
        }
        Ok(pieces)
    }

    fn open(&mut self) -> Result<(u64, u32), PackError> {
        if self.last == CHUNK_NUMBER_MAX {
            return Err(PackError::TooManyChunks { chunk_bytes: self.chunk_bytes, limit: CHUNK_NUMBER_MAX });
        }
        self.last += 1;
        self.entries.push(0);
        self.rooms.insert((self.room_max, self.last));
        Ok((self.room_max, self.last))
    }

    fn take(&mut self, room: u64, chunk: u32, cost: u64) {
        self.rooms.remove(&(room, chunk));
        let entries = &mut self.entries[(chunk - self.first) as usize];
        *entries += 1;
        if *entries < entries_max(self.profile) {
            self.rooms.insert((room - cost, chunk));
        }
    }
}
