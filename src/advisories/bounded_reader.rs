//! Reading a database of any size: the sum of what was read, and a bound for each record.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

/// The longest record, in bytes. The longest real ones, with all versions of a package, have some 2 MB.
pub(super) const RECORD_BYTES_MAX: u64 = 16 << 20;

/// The bytes that may still be read for the record that is being read. The parser grants them again for each record.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowance(Rc<Cell<u64>>);

impl Allowance {
    /// Grants what a record may have.
    pub(super) fn renew(&self) {
        self.0.set(RECORD_BYTES_MAX);
    }
}

/// A stream whose records are bounded. So a parser that keeps one record at a time needs no more memory than this.
pub(super) struct BoundedReader<R> {
    inner: R,
    allowance: Allowance,
    sum: Sha256,
}

impl<R: Read> BoundedReader<R> {
    pub(super) fn new(inner: R, allowance: Allowance) -> BoundedReader<R> {
        allowance.renew();
        BoundedReader { inner, allowance, sum: Sha256::new() }
    }

    /// Reads what is left, and returns the SHA-256 of everything.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            self.allowance.renew();
            if self.read(&mut buffer)? == 0 {
                return Ok(Digest::Sha256(self.sum.finalize().into()));
            }
        }
    }
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(buffer.get(..read).unwrap_or_default());
        let left = self.allowance.0.get().checked_sub(read as u64);
        let left = left.ok_or_else(|| io::Error::other("a record is longer than the limit of 16 MiB"))?;
        self.allowance.0.set(left);
        Ok(read)
    }
}
