//! The b-tree of a table: its rows, in the order of their numbers.

use std::collections::HashSet;

use super::pages::Pages;
use super::record::varint;

const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// The head of the file stands before the head of the first page.
const FILE_HEAD_BYTES: usize = 100;

/// A row, or why one or more could not be read.
pub(super) enum Row {
    /// The number of the row, and its bytes.
    Payload {
        /// The number.
        id: i64,
        /// The head and the values.
        bytes: Vec<u8>,
    },
    /// A sentence.
    Problem(String),
}

/// Reads the rows of the table that begins at a page.
///
/// Each page is read once, so the work stays within the size of the database, whatever its pages say.
pub(super) fn walk(pages: &Pages<'_>, root: u32, row: &mut dyn FnMut(Row)) {
    let mut walk = Walk { pages, seen: HashSet::new(), row };
    let mut next = Vec::new();
    walk.visit(root, &mut next);
    while let Some((number, page)) = next.pop() {
        let head = if number == 1 { FILE_HEAD_BYTES } else { 0 };
        match page.get(head) {
            Some(&INTERIOR) => walk.interior(number, page, head, &mut next),
            Some(&LEAF) => walk.leaf(number, page, head),
            _ => walk.tell(format!("page {number} is not one of a table")),
        }
    }
}

struct Walk<'a, 'r> {
    pages: &'r Pages<'a>,
    /// The pages that were read, of rows and of their overflow.
    seen: HashSet<u32>,
    row: &'r mut dyn FnMut(Row),
}

impl<'a> Walk<'a, '_> {
    fn tell(&mut self, problem: String) {
        (self.row)(Row::Problem(problem));
    }

    /// Adds a page to those that are read next, unless it is not there or was added before.
    fn visit(&mut self, number: u32, next: &mut Vec<(u32, &'a [u8])>) {
        match self.pages.page(number) {
            None => self.tell(format!("page {number} is not in the database")),
            Some(_) if !self.seen.insert(number) => self.tell(format!("page {number} is referred to twice")),
            Some(page) => next.push((number, page)),
        }
    }

    /// Adds the pages that a page refers to. The first of them is read first.
    fn interior(&mut self, number: u32, page: &'a [u8], head: usize, next: &mut Vec<(u32, &'a [u8])>) {
        let first = next.len();
        // The last reference stands in the head of the page.
        for place in cells(page, head, 12).chain([Some(head + 8)]) {
            match place.and_then(|place| be32(page, place)) {
                Some(child) => self.visit(child, next),
                None => self.tell(format!("page {number} has a part that is not in it")),
            }
        }
        next.get_mut(first..).unwrap_or_default().reverse();
    }

    fn leaf(&mut self, number: u32, page: &[u8], head: usize) {
        // Rows do not share bytes of a page.
        let mut bytes_left = page.len();
        for cell in cells(page, head, 8) {
            let cell = cell.and_then(|at| page.get(at..self.pages.usable_bytes)).and_then(|cell| {
                let (length, rest) = varint(cell)?;
                let (id, rest) = varint(rest)?;
                Some((usize::try_from(length).ok()?, id.cast_signed(), rest))
            });
            let Some((length, id, rest)) = cell else {
                self.tell(format!("page {number} has a row that is not in it"));
                continue;
            };
            let here = length_here(length, self.pages.usable_bytes);
            let Some(left) = bytes_left.checked_sub(here) else {
                return self.tell(format!("page {number} has rows that share bytes"));
            };
            bytes_left = left;
            match self.payload(length, here, rest) {
                Ok(bytes) => (self.row)(Row::Payload { id, bytes }),
                Err(why) => self.tell(format!("row {id} {why}")),
            }
        }
    }

    /// Gathers the bytes of a row: those of its page, and those of a chain of pages.
    fn payload(&mut self, length: usize, here: usize, cell: &[u8]) -> Result<Vec<u8>, String> {
        if length > self.pages.bytes() {
            return Err(format!("states {length} bytes, more than the database has"));
        }
        let Some((local, after)) = cell.split_at_checked(here) else {
            return Err("ends behind its page".to_owned());
        };
        let mut bytes = local.to_vec();
        let mut next = be32(after, 0);
        while bytes.len() < length {
            let Some((number, page)) = next.and_then(|number| Some((number, self.pages.page(number)?)))
            else {
                return Err(format!("goes on at a page that is not there, after {} bytes", bytes.len()));
            };
            if !self.seen.insert(number) {
                return Err(format!("goes on at page {number}, which is in use already"));
            }
            let more = page.get(4..self.pages.usable_bytes).unwrap_or_default();
            let left = length - bytes.len();
            bytes.extend(more.get(..left).unwrap_or(more));
            next = be32(page, 0);
        }
        Ok(bytes)
    }
}

/// Returns how many bytes of a row are on its page (file format, "Cell payload overflow pages").
fn length_here(length: usize, usable: usize) -> usize {
    let most = usable - 35;
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let even = least + (length - least) % (usable - 4);
    if even <= most { even } else { least }
}

/// The places of the cells of a page. `None` stands for one that the page is too short for.
fn cells(page: &[u8], head: usize, head_bytes: usize) -> impl Iterator<Item = Option<usize>> {
    let count = be16(page, head + 3).unwrap_or_default().min(page.len() / 2);
    (0..count).map(move |cell| be16(page, head + head_bytes + 2 * cell))
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*bytes)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
