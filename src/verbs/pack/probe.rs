//! Finds the blobs that do not match their digests or cannot be read, before anything is written.

use std::io::{self, Read};
use std::sync::Mutex;

use super::PackError;
use super::gather::Gathered;
use crate::environment::Environment;
use crate::oci::{Digest, VerifiedBlob};
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump_list;

/// A blob that is only read and hashed.
struct Probing {
    digest: Digest,
    size: u64,
    read: u64,
    reader: Box<dyn Read + Send>,
}

impl Flow for Probing {
    type Done = ();
    type Error = Digest;

    fn bytes(&self) -> u64 {
        self.size
    }

    fn digests(&self) -> Digests {
        Digests::of(&[self.digest.algorithm().into()])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Digest> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(filled) if self.read + filled as u64 <= self.size => {
                    self.read += filled as u64;
                    return Ok(Filled::of(filled));
                }
                // Longer than its descriptor says, or unreadable.
                Ok(_) | Err(_) => return Err(self.digest),
            }
        }
    }

    fn drain(&mut self, _: &[u8]) -> Result<(), Digest> {
        Ok(())
    }

    fn finish(self, digested: Digested) -> Result<(), Digest> {
        let found = digested.whole[0].digest().ok_or(self.digest)?;
        VerifiedBlob::prove(self.digest, self.size, found, digested.bytes).map(drop).map_err(|_| self.digest)
    }
}

/// Returns the digests of the blobs that cannot be packed, sorted.
///
/// # Errors
/// If the operation is interrupted or the system is out of memory.
pub(super) fn damaged(gathered: &Gathered, environment: &Environment<'_>) -> Result<Vec<Digest>, PackError> {
    let digests: Vec<Digest> = gathered.nodes.keys().copied().collect();
    let lengths: Vec<u64> = gathered.nodes.values().map(|(node, _)| node.descriptor.size).collect();
    let found: Mutex<Vec<Digest>> = Mutex::default();
    let begin = |at: usize| {
        let (descriptor, source) = gathered.origin(&digests[at]);
        let (digest, size) = (descriptor.digest, descriptor.size);
        source.open(descriptor, 0).map(|reader| Probing { digest, size, read: 0, reader }).map_err(|_| digest)
    };
    let lanes = lanes(Function::Sha256);
    pump_list(environment.workers, lanes, &lengths, &begin, &|_, outcome| {
        if let Err(digest) = outcome {
            found.lock().expect("no thread panicked").push(digest);
        }
        Ok::<(), PackError>(())
    })?;
    let mut found = found.into_inner().expect("no thread panicked");
    found.sort_unstable();
    Ok(found)
}
