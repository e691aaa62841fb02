//! The way from the thread that expands to the thread that looks: blocks of bytes that go to and fro.

use std::io::{BufRead, Error, Read, Result};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

/// The size of a block, in bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// The blocks of one layer: 1 MiB.
const BLOCKS: usize = 4;

type Block = Vec<u8>;

/// The end of the pipe that expanded bytes go into.
pub(super) struct Filler {
    empty: Receiver<Block>,
    full: SyncSender<Result<Block>>,
}

/// The end of the pipe that gives them out. It hashes all that passes.
pub(super) struct Drain {
    full: Receiver<Result<Block>>,
    empty: SyncSender<Block>,
    block: Block,
    at: usize,
    hash: Sha256,
    bytes: u64,
    ended: bool,
    failed: bool,
}

/// Makes a pipe.
pub(super) fn pipe() -> (Filler, Drain) {
    let (to_drain, full) = sync_channel(BLOCKS);
    let (to_filler, empty) = sync_channel(BLOCKS);
    for _ in 0..BLOCKS {
        // The channel has room for all of them.
        let _ = to_filler.try_send(vec![0; BLOCK_BYTES]);
    }
    let drain = Drain {
        full,
        empty: to_filler,
        block: Vec::new(),
        at: 0,
        hash: Sha256::new(),
        bytes: 0,
        ended: false,
        failed: false,
    };
    (Filler { empty, full: to_drain }, drain)
}

impl Filler {
    /// Reads `source` to its end, or until nobody takes what it gives.
    pub(super) fn fill(self, source: &mut dyn Read) {
        while let Ok(mut block) = self.empty.recv() {
            block.resize(BLOCK_BYTES, 0);
            let (filled, error) = read_full(source, &mut block);
            let is_last = filled < block.len();
            block.truncate(filled);
            if filled > 0 && self.full.send(Ok(block)).is_err() {
                return;
            }
            if let Some(error) = error {
                let _ = self.full.send(Err(error));
            }
            if is_last {
                return;
            }
        }
    }
}

/// Reads until `block` is full, the source ends, or it fails.
fn read_full(source: &mut dyn Read, block: &mut [u8]) -> (usize, Option<Error>) {
    let mut filled = 0;
    while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count.min(room.len()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

impl Drain {
    /// The first block, of which nothing was used yet.
    pub(super) fn head(&mut self) -> Result<&[u8]> {
        self.fill_buf()
    }

    /// Takes the rest. The bytes that came through, and their digest if the source ended well; why not, unless that
    /// was said before.
    pub(super) fn finish(mut self) -> (u64, Option<Digest>, Option<Error>) {
        let mut error = None;
        while !self.ended && error.is_none() {
            self.at = self.block.len();
            error = self.fill_buf().err();
        }
        let whole = self.ended && !self.failed;
        (self.bytes, whole.then(|| Digest::Sha256(self.hash.finalize().into())), error)
    }
}

impl Read for Drain {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let found = self.fill_buf()?;
        let count = found.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), found.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Drain {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.at >= self.block.len() && !self.ended {
            let used = std::mem::take(&mut self.block);
            self.at = 0;
            if used.capacity() > 0 {
                // At the end, nobody takes it any more.
                let _ = self.empty.try_send(used);
            }
            match self.full.recv() {
                Ok(Ok(block)) => {
                    self.hash.update(&block);
                    self.bytes += block.len() as u64;
                    self.block = block;
                }
                Ok(Err(error)) => {
                    (self.ended, self.failed) = (true, true);
                    return Err(error);
                }
                Err(_) => self.ended = true,
            }
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.block.len());
    }
}
