//! Reading a database of any size: the sum of what was read, and a bound for each record.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

/// The longest record, in bytes. The longest real ones, with all versions of a package, have some 2 MB.
pub(super) const RECORD_BYTES_MAX: u64 = 8 << 20;

/// The bytes that may still be read for the record that is being read. The parser grants them again for each record.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    left: Rc<Cell<u64>>,
    record_bytes_max: u64,
}

impl Allowance {
    pub(super) fn new(record_bytes_max: u64) -> Allowance {
        Allowance { left: Rc::new(Cell::new(record_bytes_max)), record_bytes_max }
    }

    /// Grants what a record may have.
    pub(super) fn renew(&self) {
        self.left.set(self.record_bytes_max);
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.left.get().checked_sub(bytes as u64);
        let too_long = || format!("a record is longer than the limit of {} bytes", self.record_bytes_max);
        self.left.set(left.ok_or_else(|| io::Error::other(too_long()))?);
        Ok(())
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
        let mut buffer = vec![0; 1 << 12];
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
        self.allowance.take(read)?;
        Ok(read)
    }
}
