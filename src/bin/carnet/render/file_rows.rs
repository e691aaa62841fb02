//! The files for the page, packed: they are kept until the report is there, beside the merged layers.
//!
//! A path is written as the number of bytes that it shares with the one before, and the rest. Blocks of rows are compressed.
//! So a million files take some ten megabytes.

use std::collections::BTreeMap;

use carnet::audit::FileLine;
use carnet::content::deflate::{zlib, zlib_stream};
use carnet::oci::Digest;

use super::html::FileRow;

/// Bytes of a block before it is compressed.
const BLOCK_BYTES: usize = 1 << 20;
/// The most bytes of a block: one row may have a long path and a long target.
const BLOCK_BYTES_MAX: usize = 2 * BLOCK_BYTES;
/// The most bytes of all compressed blocks. The page has room for fewer.
const BYTES_MAX: usize = 24 << 20;
/// The most rows.
const ROWS_MAX: usize = 1_000_000;

/// The kinds of files, by their number.
const KINDS: [&str; 6] = ["file", "folder", "symlink", "hardlink", "device", "fifo"];

/// Packed rows, in their order.
#[derive(Default)]
pub(crate) struct FileRows {
    blocks: Vec<Vec<u8>>,
    block: Vec<u8>,
    /// The path of the last row of the block.
    path: String,
    digests: Vec<Digest>,
    numbers: BTreeMap<Digest, u32>,
    rows: usize,
    bytes: usize,
    /// Rows that were not kept.
    left_out: u64,
}

impl FileRows {
    /// Adds a row, if there is room. Without a layer, there is none.
    pub(crate) fn add(&mut self, line: &FileLine) {
        let Some(layer) = line.layer else { return };
        if self.rows >= ROWS_MAX || self.bytes > BYTES_MAX {
            self.left_out += 1;
            return;
        }
        let (image, layer) = (self.number(line.image), self.number(layer));
        let kind = KINDS.iter().position(|kind| *kind == line.kind).unwrap_or(0);
        let shared = line.path.bytes().zip(self.path.bytes()).take_while(|(a, b)| a == b).count();
        let shared = (0..=shared).rev().find(|at| line.path.is_char_boundary(*at)).unwrap_or(0);
        for number in [image, layer, u32::try_from(kind).unwrap_or(0), line.mode, line.uid, line.gid] {
            put(&mut self.block, number.into());
        }
        put(&mut self.block, line.size);
        put(&mut self.block, shared as u64);
        put_text(&mut self.block, line.path.get(shared..).unwrap_or_default());
        put(&mut self.block, line.target.is_some().into());
        put_text(&mut self.block, line.target.as_deref().unwrap_or_default());
        self.path.clone_from(&line.path);
        self.rows += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let block = zlib_stream(&self.block);
        self.bytes += block.len();
        self.blocks.push(block);
        self.block.clear();
        self.path.clear();
    }

    fn number(&mut self, digest: Digest) -> u32 {
        let next = u32::try_from(self.digests.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(digest).or_insert_with(|| {
            self.digests.push(digest);
            next
        })
    }

    /// The number of rows that were not kept.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The rows in their order, a block at a time in memory.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FileRow> {
        let last = std::iter::once_with(|| self.block.clone());
        let blocks = self.blocks.iter().map(|block| {
            // What was compressed here comes out again.
            zlib(block, BLOCK_BYTES_MAX).map(|inflated| inflated.bytes).unwrap_or_default()
        });
        blocks.chain(last).flat_map(|bytes| Block {
            digests: &self.digests,
            bytes,
            at: 0,
            path: String::new(),
        })
    }
}

/// The rows of one block.
struct Block<'a> {
    digests: &'a [Digest],
    bytes: Vec<u8>,
    at: usize,
    path: String,
}

impl Block<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Some(number)
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn digest(&mut self) -> Option<Digest> {
        let number = self.small()?;
        self.digests.get(number as usize).copied()
    }

    fn text(&mut self) -> Option<&str> {
        let bytes = usize::try_from(self.number()?).ok()?;
        let start = self.at;
        self.at = start.checked_add(bytes)?;
        std::str::from_utf8(self.bytes.get(start..self.at)?).ok()
    }
}

impl Iterator for Block<'_> {
    type Item = FileRow;

    fn next(&mut self) -> Option<FileRow> {
        let (image, layer) = (self.digest()?, self.digest()?);
        let kind = *KINDS.get(self.small()? as usize)?;
        let (mode, uid, gid) = (self.small()?, self.number()?, self.number()?);
        let (size, shared) = (self.number()?, usize::try_from(self.number()?).ok()?);
        let rest = self.text()?.to_owned();
        self.path.truncate(shared);
        self.path += &rest;
        let has_target = self.number()? == 1;
        let target = self.text()?.to_owned();
        let target = has_target.then_some(target);
        Some(FileRow { image, path: self.path.clone(), kind, mode, uid, gid, size, target, layer })
    }
}

/// Writes a number in groups of 7 bits, the lowest first.
fn put(block: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            block.push(low & 0x7f);
            return;
        }
        block.push(low | 0x80);
    }
}

fn put_text(block: &mut Vec<u8>, text: &str) {
    put(block, text.len() as u64);
    block.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, size: u64, target: Option<&str>) -> FileLine {
        FileLine {
            image: Digest::sha256(b"image"),
            path: path.to_owned(),
            kind: if target.is_some() { "symlink" } else { "file" }.to_owned(),
            mode: 0o4755,
            uid: u32::MAX,
            gid: 0,
            size,
            mtime: None,
            target: target.map(str::to_owned),
            layer: Some(Digest::sha256(b"layer")),
            sha256: None,
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let mut lines = vec![line("", 0, None), line("é", u64::MAX, Some("")), line("è", 127, Some("x"))];
        // More than a block.
        lines.extend((0..60_000).map(|at| line(&format!("usr/share/doc/{}", at * 7919), at, Some("../y"))));
        let mut rows = FileRows::default();
        for line in &lines {
            rows.add(line);
        }
        assert!(!rows.blocks.is_empty() && !rows.block.is_empty());
        let mut number = 0;
        for (row, line) in rows.iter().zip(&lines) {
            assert_eq!((&row.path, row.size, &row.target), (&line.path, line.size, &line.target));
            assert_eq!((row.image, Some(row.layer), row.kind), (line.image, line.layer, &*line.kind));
            assert_eq!((row.mode, row.uid, row.gid), (line.mode, u64::from(line.uid), 0));
            number += 1;
        }
        assert_eq!((number, rows.left_out()), (lines.len(), 0));
    }
}
