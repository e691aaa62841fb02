//! The write-ahead log: pages as they were written after the file, each with a sum over all before it.

use std::collections::HashMap;

/// The head of the log: magic, version, page size, number, two salts, two sums.
const HEAD_BYTES: usize = 32;
/// The head of a frame: page, pages of the database after a commit, two salts, two sums.
const FRAME_HEAD_BYTES: usize = 24;

/// The last bit of the magic says in which order the sums read their words.
const MAGIC_LITTLE_ENDIAN: u32 = 0x377f_0682;
const MAGIC_BIG_ENDIAN: u32 = 0x377f_0683;
const VERSION: u32 = 3_007_000;

/// What a log says of a database.
#[derive(Debug, Default)]
pub(super) struct Log<'a> {
    /// The newest form of each page that was committed.
    pub(super) pages: HashMap<u32, &'a [u8]>,
    /// The bytes of a page; 0 if nothing was committed.
    pub(super) page_bytes: usize,
}

/// Reads what was committed. What follows is of an earlier use of the file, or was never finished, and does not count.
///
/// # Errors
/// A sentence if the log cannot be one of SQLite. An empty log is none, and no error.
pub(super) fn log(bytes: &[u8]) -> Result<Log<'_>, String> {
    let mut log = Log::default();
    let Some(head) = bytes.get(..HEAD_BYTES) else {
        // SQLite passes over such a log as well.
        return Ok(log);
    };
    let word = |at: usize| be32(head, at);
    let is_little_endian = match word(0) {
        MAGIC_LITTLE_ENDIAN => true,
        MAGIC_BIG_ENDIAN => false,
        _ => return Err("is not one of SQLite".to_owned()),
    };
    if word(4) != VERSION {
        return Err(format!("has version {}, and only {VERSION} is read", word(4)));
    }
    let page_bytes = usize::try_from(word(8)).unwrap_or_default();
    if !(512..=65_536).contains(&page_bytes) || !page_bytes.is_power_of_two() {
        return Err(format!("states pages of {page_bytes} bytes, which there are not"));
    }
    let mut sums = Sums { is_little_endian, first: 0, second: 0 };
    sums.add(head.get(..24).unwrap_or_default());
    if !sums.are(head, 24) {
        return Err("does not have the sum that it states".to_owned());
    }
    let mut pending: Vec<(u32, &[u8])> = Vec::new();
    let frames = bytes.get(HEAD_BYTES..).unwrap_or_default().chunks_exact(FRAME_HEAD_BYTES + page_bytes);
    for frame in frames {
        let Some((frame_head, page)) = frame.split_at_checked(FRAME_HEAD_BYTES) else { break };
        sums.add(frame_head.get(..8).unwrap_or_default());
        sums.add(page);
        let number = be32(frame_head, 0);
        let has_salts = frame_head.get(8..16) == head.get(16..24);
        if number == 0 || !has_salts || !sums.are(frame_head, 16) {
            break;
        }
        pending.push((number, page));
        let pages_after_commit = be32(frame_head, 4);
        if pages_after_commit != 0 {
            log.pages.extend(pending.drain(..));
            log.page_bytes = page_bytes;
        }
    }
    Ok(log)
}

/// The two running sums of a log.
struct Sums {
    is_little_endian: bool,
    first: u32,
    second: u32,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        let number = |word: [u8; 4]| {
            if self.is_little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
        };
        let (mut first, mut second) = (self.first, self.second);
        for [odd, even] in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            first = first.wrapping_add(number(*odd)).wrapping_add(second);
            second = second.wrapping_add(number(*even)).wrapping_add(first);
        }
        (self.first, self.second) = (first, second);
    }

    /// Whether the sums stand here. They are stored big-endian always.
    fn are(&self, bytes: &[u8], at: usize) -> bool {
        be32(bytes, at) == self.first && be32(bytes, at + 4) == self.second
    }
}

/// 0 behind the end of the bytes.
fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
