//! The sums of a whole file that object stores are given.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::format::Sum;
use crate::medium::WholeSums;

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 256 << 10;

/// Computes the sums of bytes in memory.
pub(super) fn of(bytes: &[u8]) -> WholeSums {
    WholeSums { md5: Md5::digest(bytes).into(), sha256: Sum(Sha256::digest(bytes).into()) }
}

/// Computes the sums of the first `bytes` bytes of a file.
pub(super) fn of_file(file: &File, bytes: u64) -> io::Result<WholeSums> {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    while at < bytes {
        let length = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(block.len());
        file.read_exact_at(&mut block[..length], at)?;
        md5.update(&block[..length]);
        sha256.update(&block[..length]);
        at += length as u64;
    }
    Ok(WholeSums { md5: md5.finalize().into(), sha256: Sum(sha256.finalize().into()) })
}
