//! Databases that the tests write themselves.

use super::super::sample::Sample;
use super::*;

const PAGE: usize = 512;

fn varint(value: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(value & 0x7f).unwrap()];
    let mut rest = value >> 7;
    while rest > 0 {
        bytes.insert(0, u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_be_bytes()
}

fn short(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap().to_be_bytes()
}

/// A leaf with one row, whose bytes go on at the pages behind `number`.
fn leaf(page_number: usize, id: usize, payload: &[u8], head: &[u8]) -> Vec<Vec<u8>> {
    let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
    let even = least + payload.len().saturating_sub(least) % (PAGE - 4);
    let here = if payload.len() <= most {
        payload.len()
    } else if even <= most {
        even
    } else {
        least
    };
    let (local, rest) = payload.split_at(here);
    let mut cell = [&varint(payload.len())[..], &varint(id), local].concat();
    if !rest.is_empty() {
        cell.extend(number(page_number + 1));
    }
    let mut page =
        [head, &[13, 0, 0], &short(1), &short(PAGE - cell.len()), &[0], &short(PAGE - cell.len())].concat();
    page.resize(PAGE - cell.len(), 0);
    page.extend(cell);
    let mut pages = vec![page];
    let mut chunks = rest.chunks(PAGE - 4).peekable();
    let mut at = page_number + 1;
    while let Some(chunk) = chunks.next() {
        let next = if chunks.peek().is_some() { at + 1 } else { 0 };
        let mut page = [&number(next)[..], chunk].concat();
        page.resize(PAGE, 0);
        pages.push(page);
        at += 1;
    }
    pages
}

fn row_of(blob: &[u8]) -> Vec<u8> {
    let kind = varint(12 + 2 * blob.len());
    [&varint(2 + kind.len())[..], &[0], &kind, blob].concat()
}

/// A database: its list of tables, a page that refers to others, and one leaf for each name.
fn database(names: &[&'static str]) -> Vec<u8> {
    let mut head = [&b"SQLite format 3\0"[..], &short(PAGE), &[2, 2, 0, 64, 32, 32]].concat();
    head.resize(56, 0);
    head.extend(number(1));
    head.resize(100, 0);
    let schema = [&[6, 23, 29, 29, 1, 13][..], b"table", b"Packages", b"Packages", &[2]].concat();
    let mut pages = leaf(1, 1, &schema, &head);
    pages.push(Vec::new());
    let mut leaves = Vec::new();
    for (at, name) in names.iter().enumerate() {
        leaves.push(pages.len() + 1);
        // The first is on one page, the others go on at others.
        let blob = Sample { padding: 600 * at, ..Sample::named(name) }.blob();
        pages.extend(leaf(pages.len() + 1, at + 1, &row_of(&blob), &[]));
    }
    let (last, others) = leaves.split_last().unwrap();
    let start = PAGE - 5 * others.len();
    let mut root = [&[5, 0, 0][..], &short(others.len()), &short(start), &[0], &number(*last)].concat();
    root.extend((0..others.len()).flat_map(|at| short(start + 5 * at)));
    root.resize(start, 0);
    root.extend(
        others
            .iter()
            .enumerate()
            .flat_map(|(at, page)| [&number(*page)[..], &[u8::try_from(at).unwrap() + 1]].concat()),
    );
    pages[1] = root;
    pages.concat()
}

/// A log with the pages that differ.
fn log_of(before: &[u8], after: &[u8], is_little_endian: bool) -> Vec<u8> {
    let mut sums = (0_u32, 0_u32);
    let mut add = |bytes: &[u8]| {
        for pair in bytes.chunks(8) {
            let word = |at: usize| {
                let word = pair[at..at + 4].try_into().unwrap();
                if is_little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
            };
            sums.0 = sums.0.wrapping_add(word(0)).wrapping_add(sums.1);
            sums.1 = sums.1.wrapping_add(word(4)).wrapping_add(sums.0);
        }
        [sums.0.to_be_bytes(), sums.1.to_be_bytes()].concat()
    };
    let magic = if is_little_endian { 0x377f_0682 } else { 0x377f_0683 };
    let mut log =
        [number(magic), number(3_007_000), number(PAGE), number(0), number(77), number(78)].concat();
    let sum = add(&log);
    log.extend(sum);
    let changed: Vec<_> = after
        .chunks(PAGE)
        .enumerate()
        .filter(|(at, page)| before.chunks(PAGE).nth(*at) != Some(page))
        .collect();
    for (place, (at, page)) in changed.iter().enumerate() {
        let commit = if place + 1 == changed.len() { after.len() / PAGE } else { 0 };
        let head = [number(at + 1), number(commit)].concat();
        add(&head);
        let sum = add(page);
        log.extend([&head[..], &number(77), &number(78), &sum, page].concat());
    }
    log
}

fn names(found: &Found) -> Vec<&str> {
    found.packages.iter().map(|package| package.name.as_str()).collect()
}

#[test]
fn reads_rows_over_pages() {
    let found = sqlite(&database(&["a", "b", "c"]), None);
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(names(&found), ["a", "b", "c"]);
}

#[test]
fn reads_what_only_the_log_has() {
    let (before, after) = (database(&["a", "b"]), database(&["a", "b", "c"]));
    for is_little_endian in [true, false] {
        let log = log_of(&before, &after, is_little_endian);
        let found = sqlite(&before, Some(&log));
        assert_eq!((names(&found), found.problems.len()), (vec!["a", "b", "c"], 0));
        // Without the last frame nothing was committed.
        assert_eq!(names(&sqlite(&before, Some(&log[..log.len() - 1]))), ["a", "b"]);
        let mut other_salt = log.clone();
        other_salt[32 + 8] ^= 1;
        assert_eq!(names(&sqlite(&before, Some(&other_salt))), ["a", "b"]);
        let mut changed = log.clone();
        changed[200] ^= 1;
        assert_eq!(names(&sqlite(&before, Some(&changed))), ["a", "b"]);
        let mut bad = log.clone();
        bad[20] ^= 1;
        assert!(sqlite(&before, Some(&bad)).problems[0].contains("write-ahead log"));
    }
    assert_eq!(names(&sqlite(&before, Some(b""))), ["a", "b"]);
}

#[test]
fn circles_and_shared_pages_are_told() {
    let good = database(&["a", "b"]);
    let mut circle = good.clone();
    circle[PAGE + 8..PAGE + 12].copy_from_slice(&number(2));
    let found = sqlite(&circle, None);
    assert_eq!(names(&found), ["a"]);
    assert!(found.problems[0].contains("page 2 is referred to twice"), "{:?}", found.problems);

    // The third row goes on where the second does.
    let mut overflow = database(&["a", "b", "c"]);
    let third = PAGE * usize::from(overflow[PAGE + 11]);
    overflow[third - 4..third].copy_from_slice(&number(5));
    let found = sqlite(&overflow, None);
    assert_eq!(names(&found), ["a", "b"]);
    assert!(found.problems[0].contains("page 5, which is in use already"), "{:?}", found.problems);

    // All rows of a page at the same place.
    let mut shared = database(&["a"]);
    let leaf = 2 * PAGE;
    let at = short(usize::from(u16::from_be_bytes([shared[leaf + 8], shared[leaf + 9]])));
    shared[leaf + 3..leaf + 5].copy_from_slice(&short(20));
    (0..20).for_each(|cell| shared[leaf + 8 + 2 * cell..leaf + 10 + 2 * cell].copy_from_slice(&at));
    let problems = sqlite(&shared, None).problems;
    assert!(problems.iter().any(|problem| problem.contains("rows that share bytes")), "{problems:?}");
}

#[test]
fn what_is_no_database_is_told() {
    for bytes in [&b""[..], b"SQLite format 2", &database(&["a"])[..100]] {
        assert_eq!(sqlite(bytes, None).problems.len(), 1);
    }
    let cut = database(&["a", "b"]);
    assert_eq!(names(&sqlite(&cut[..cut.len() - PAGE], None)), ["a"]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read(at in 0_usize..4000, value: u8, end in 0_usize..8000) {
        let (before, after) = (database(&["a", "b"]), database(&["a", "b", "c"]));
        let mut log = log_of(&before, &after, true);
        let mut bytes = after;
        let at = at % bytes.len();
        bytes[at] = value;
        sqlite(&bytes[..end.min(bytes.len())], Some(&log));
        let at = at % log.len();
        log[at] = value;
        sqlite(&before, Some(&log));
    }
}
