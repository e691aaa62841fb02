//! Proves that the bytes of a blob are those that its descriptor names, while they are read.

use std::io::{self, Read};

use super::budget::Budget;
use crate::observe::{Event, Monitor};
use crate::oci::Descriptor;
use crate::stream::digests::Digests;
use crate::stream::hash::Function;
use crate::stream::workers::Workers;

/// Hashes a blob on its way.
pub(super) struct Proving<'a> {
    source: Box<dyn Read + Send>,
    descriptor: &'a Descriptor,
    digests: Digests,
    workers: &'a Workers,
    monitor: Monitor<'a>,
    ends_with: Option<&'a Budget>,
}

impl<'a> Proving<'a> {
    /// Starts to hash the bytes of `source`.
    pub(super) fn new(
        source: Box<dyn Read + Send>,
        descriptor: &'a Descriptor,
        workers: &'a Workers,
        monitor: Monitor<'a>,
    ) -> Proving<'a> {
        let digests = Digests::of(&[Function::from(descriptor.digest.algorithm())]);
        Proving { source, descriptor, digests, workers, monitor, ends_with: None }
    }

    /// The same, but reading ends in an error once the budget is short.
    pub(super) fn ending_with(self, budget: Option<&'a Budget>) -> Proving<'a> {
        Proving { ends_with: budget, ..self }
    }

    /// Reads what is left, and says what is wrong with the blob.
    pub(super) fn finish(mut self) -> Option<String> {
        let mut block = vec![0; 256 << 10];
        loop {
            match self.read(&mut block) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(format!("it cannot be read: {error}")),
            }
        }
        let done = self.digests.finish();
        let found = done.whole.first().map(crate::stream::hash::Output::hex).unwrap_or_default();
        let expected = self.descriptor.digest.hex();
        if done.bytes != self.descriptor.size {
            return Some(format!("it has {} bytes, expected {}", done.bytes, self.descriptor.size));
        }
        (found != expected).then(|| format!("its digest is {found}, expected {expected}"))
    }
}

impl Read for Proving<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.workers.interrupted() {
            return Err(io::Error::other("the audit was interrupted"));
        }
        if self.ends_with.is_some_and(Budget::is_short) {
            return Err(io::Error::other("there is no room for more"));
        }
        let read = self.source.read(buffer)?;
        if let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) {
            self.digests.update(bytes);
            self.monitor.tell(Event::Moved { bytes: read as u64 });
        }
        Ok(read)
    }
}
