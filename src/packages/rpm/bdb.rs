//! `Packages` of Berkeley DB, a hash (its `dbinc/db_page.h`). All pages of the file are looked at, not only those that a
//! look-up of a key reaches: a page is of the hash if its type says so.

use std::collections::HashSet;

use super::collect::Collected;
use crate::packages::Found;

const HASH_MAGIC: u32 = 0x0006_1561;
/// What the magic follows: a log position and the page's number.
const MAGIC_AT: usize = 12;

/// The head of a page. Its last byte is the type.
const PAGE_HEAD_BYTES: usize = 26;
const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_HASH: u8 = 13;

const ITEM_HERE: u8 = 1;
const ITEM_ELSEWHERE: u8 = 3;

/// Reads the packages of a `Packages`.
pub fn bdb(bytes: &[u8]) -> Found {
    let mut collected = Collected::default();
    match Pages::open(bytes) {
        Ok(mut pages) => pages.read(&mut collected),
        Err(problem) => collected.problem(problem),
    }
    collected.finish()
}

struct Pages<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    is_little_endian: bool,
    /// The overflow pages that were read. Items do not share pages, so the work stays within the size of the file.
    seen: HashSet<usize>,
}

impl<'a> Pages<'a> {
    fn open(bytes: &'a [u8]) -> Result<Pages<'a>, String> {
        let magic = bytes.get(MAGIC_AT..).and_then(|rest| rest.first_chunk().copied());
        let is_little_endian = magic == Some(HASH_MAGIC.to_le_bytes());
        if !is_little_endian && magic != Some(HASH_MAGIC.to_be_bytes()) {
            return Err("the file is not a hash of Berkeley DB".to_owned());
        }
        let mut pages = Pages { bytes, page_bytes: 0, is_little_endian, seen: HashSet::new() };
        let page_bytes = pages.number(bytes, 20).unwrap_or_default();
        if !(512..=65_536).contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Err(format!("the database states pages of {page_bytes} bytes, which there are not"));
        }
        pages.page_bytes = page_bytes;
        match (bytes.get(24), bytes.get(26)) {
            (Some(0), Some(flags)) if flags & 1 == 0 => Ok(pages),
            _ => Err("the database is encrypted or has sums of its pages, which is not read".to_owned()),
        }
    }

    fn read(&mut self, collected: &mut Collected) {
        let last = self.number(self.bytes, 32).unwrap_or_default();
        let count = self.bytes.len() / self.page_bytes;
        if last >= count {
            collected
                .problem(format!("the database states {} pages, but has {count}", last.saturating_add(1)));
        }
        for at in 1..count {
            let Some(page) = self.page(at) else { continue };
            if matches!(page.get(PAGE_HEAD_BYTES - 1), Some(&(PAGE_HASH | PAGE_HASH_UNSORTED))) {
                self.read_page(at, page, collected);
            }
        }
    }

    /// Reads the pairs of key and value of a page. Their places stand at its head; their bytes fill it from its end.
    fn read_page(&mut self, at: usize, page: &'a [u8], collected: &mut Collected) {
        let items = self.short(page, 20).unwrap_or_default();
        let mut end = page.len();
        let mut key: Option<&[u8]> = None;
        for item in 0..items {
            let start = self.short(page, PAGE_HEAD_BYTES + 2 * item);
            let Some(bytes) = start.and_then(|start| page.get(start..end)) else {
                return collected.problem(format!("page {at} of the database has an item that is not in it"));
            };
            end = start.unwrap_or_default();
            let Some(key) = key.take() else {
                key = Some(bytes);
                continue;
            };
            // The key is the package's number. That of 0 is the number of the next package.
            let number = key.get(1..).and_then(|key| self.number(key, 0)).filter(|_| key.len() == 5);
            if number == Some(0) && key.first() == Some(&ITEM_HERE) {
                continue;
            }
            let which = match number {
                Some(number) => format!("the header of package {number}"),
                None => format!("the header of an item of page {at}"),
            };
            match (bytes.first(), bytes.get(1..)) {
                (Some(&ITEM_HERE), Some(blob)) => collected.add(blob, &which),
                (Some(&ITEM_ELSEWHERE), _) => match self.overflow(bytes) {
                    Ok(blob) => collected.add(&blob, &which),
                    Err(why) => collected.problem(format!("{which} {why}")),
                },
                _ => collected.problem(format!("{which} has a form that rpm does not write")),
            }
        }
    }

    /// Gathers a value that lies on pages of its own.
    fn overflow(&mut self, item: &[u8]) -> Result<Vec<u8>, String> {
        let (Some(mut at), Some(length)) = (self.number(item, 4), self.number(item, 8)) else {
            return Err("has no place".to_owned());
        };
        if length > self.bytes.len() {
            return Err(format!("states {length} bytes, more than the database has"));
        }
        let mut blob = Vec::new();
        while blob.len() < length {
            let page = self.page(at).filter(|page| page.get(PAGE_HEAD_BYTES - 1) == Some(&PAGE_OVERFLOW));
            let used = page.and_then(|page| {
                let bytes = self.short(page, 22)?;
                page.get(PAGE_HEAD_BYTES..)?.get(..bytes)
            });
            let (Some(page), Some(used)) = (page, used) else {
                return Err(format!("goes on at page {at}, which is not one of long values"));
            };
            if !self.seen.insert(at) {
                return Err(format!("goes on at page {at}, which is in use already"));
            }
            let left = length - blob.len();
            blob.extend(used.get(..left).unwrap_or(used));
            at = self.number(page, 16).unwrap_or_default();
        }
        Ok(blob)
    }

    fn page(&self, at: usize) -> Option<&'a [u8]> {
        let start = at.checked_mul(self.page_bytes)?;
        self.bytes.get(start..start.checked_add(self.page_bytes)?)
    }

    fn number(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        let number =
            if self.is_little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        usize::try_from(number).ok()
    }

    fn short(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        let number =
            if self.is_little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        Some(usize::from(number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    const PAGE: usize = 4096;

    fn head(kind: u8, next: u32, entries: u16, offset: u16, order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let is_little = order(1) == 1_u32.to_le_bytes();
        let short = |number: u16| if is_little { number.to_le_bytes() } else { number.to_be_bytes() };
        let mut page = vec![0; 16];
        page.extend(order(next));
        page.extend([short(entries), short(offset), [0, kind]].concat());
        page
    }

    /// A database with one package on a page of its hash, and one on two pages of long values.
    fn database(order: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let is_little = order(1) == 1_u32.to_le_bytes();
        let short = |number: usize| {
            let number = u16::try_from(number).unwrap();
            if is_little { number.to_le_bytes() } else { number.to_be_bytes() }
        };
        let small = Sample::named("small").blob();
        let large = Sample { padding: 5000, ..Sample::named("large") }.blob();

        let mut meta = vec![0; 12];
        meta.extend([order(HASH_MAGIC), order(9), order(4096), [0, 8, 0, 0], order(0), order(3)].concat());
        meta.resize(PAGE, 0);

        let length = u32::try_from(large.len()).unwrap();
        let key = |number: u32| [&[ITEM_HERE][..], &order(number)].concat();
        let items = [
            key(0),
            key(2),
            key(1),
            [&[ITEM_HERE][..], &small].concat(),
            key(2),
            [[ITEM_ELSEWHERE, 0, 0, 0], order(2), order(length)].concat(),
        ];
        let mut hash = head(PAGE_HASH, 0, 6, 0, order);
        let mut body = Vec::new();
        for item in &items {
            body.splice(0..0, item.clone());
            hash.extend(short(PAGE - body.len()));
        }
        hash.resize(PAGE - body.len(), 0);
        hash.extend(body);

        let room = PAGE - PAGE_HEAD_BYTES;
        let mut first = head(PAGE_OVERFLOW, 3, 1, u16::try_from(room).unwrap(), order);
        first.extend(&large[..room]);
        let rest = &large[room..];
        let mut second = head(PAGE_OVERFLOW, 0, 1, u16::try_from(rest.len()).unwrap(), order);
        second.extend(rest);
        second.resize(PAGE, 0);
        [meta, hash, first, second].concat()
    }

    #[test]
    fn reads_packages_on_pages_of_both_kinds_and_orders() {
        for bytes in [database(u32::to_le_bytes), database(u32::to_be_bytes)] {
            let found = bdb(&bytes);
            assert_eq!(found.problems, Vec::<String>::new());
            assert_eq!(
                found.packages.iter().map(|package| &package.name).collect::<Vec<_>>(),
                ["small", "large"]
            );
        }
    }

    #[test]
    fn pages_in_a_circle_or_cut_off_are_told() {
        let mut circle = database(u32::to_le_bytes);
        circle[2 * PAGE + 16] = 2;
        let found = bdb(&circle);
        assert_eq!(found.packages.len(), 1);
        assert!(found.problems[0].contains("page 2, which is in use already"), "{:?}", found.problems);
        let found = bdb(&circle[..3 * PAGE]);
        assert!(found.problems[0].contains("states 4 pages, but has 3"), "{:?}", found.problems);
        assert_eq!(bdb(b"Package: a\nVersion: 1\n\nPackage: b\n").problems.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(at in 0_usize..4 * PAGE, value: u8, end in 0_usize..5 * PAGE) {
            let mut bytes = database(u32::to_le_bytes);
            bytes[at] = value;
            bdb(&bytes[..end.min(bytes.len())]);
        }
    }
}
