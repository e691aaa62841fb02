//! What an audit cannot do without: reading each layer, expanding it, and both SHA-256 sums. Nothing is parsed or kept.
//!
//! ```text
//! cargo bench --bench audit_floor -- BLOB…
//! ```
//!
//! Each blob takes two threads, as in an audit: one reads, sums and expands, the other sums what it expands to. Prints the
//! seconds, and the bytes of both sides.

use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use sha2::{Digest, Sha256};

/// The size of the blocks that are handed over, in bytes.
const BLOCK: usize = 256 << 10;

/// How many blocks may wait.
const BLOCKS: usize = 4;

/// How many blobs are read at once.
const AT_ONCE: usize = 2;

struct Summed<R> {
    source: R,
    sum: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.sum.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Reads a blob; returns the bytes of both sides.
fn expand(path: &str) -> (u64, u64) {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).expect("a blob can be read");
    let file = File::open(path).expect("a blob can be opened");
    let source = Summed { source: file, sum: Sha256::new(), bytes: 0 };
    let mut source = BufReader::with_capacity(BLOCK, source);
    let (sender, receiver) = sync_channel::<Vec<u8>>(BLOCKS);
    let summing = thread::spawn(move || {
        let mut sum = Sha256::new();
        let mut bytes = 0;
        for block in receiver {
            sum.update(&block);
            bytes += block.len() as u64;
        }
        std::hint::black_box(sum.finalize());
        bytes
    });
    {
        let mut plain: Box<dyn Read + '_> = match magic {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(&mut source)),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                Box::new(zstd::Decoder::with_buffer(&mut source).expect("a zstd stream can be opened"))
            }
            _ => Box::new(&mut source),
        };
        loop {
            let mut block = vec![0; BLOCK];
            let mut filled = 0;
            while filled < BLOCK {
                match plain.read(&mut block[filled..]).expect("a blob can be expanded") {
                    0 => break,
                    read => filled += read,
                }
            }
            block.truncate(filled);
            if block.is_empty() || sender.send(block).is_err() {
                break;
            }
        }
    }
    drop(sender);
    let expanded = summing.join().expect("the sum is computed");
    let source = source.into_inner();
    std::hint::black_box(source.sum.finalize());
    (source.bytes, expanded)
}

fn main() {
    let mut blobs: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    blobs.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).map_or(0, |blob| blob.len())));
    let began = Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut sums = (0, 0);
        while let Some(path) = blobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let (bytes, expanded) = expand(path);
            sums = (sums.0 + bytes, sums.1 + expanded);
        }
        sums
    };
    let sums: Vec<(u64, u64)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread ends")).collect()
    });
    let (bytes, expanded) = sums.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let line = format!("{:.3} {bytes} {expanded}\n", began.elapsed().as_secs_f64());
    std::io::stdout().write_all(line.as_bytes()).expect("stdout can be written");
}
