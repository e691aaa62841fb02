//! Finds the blobs of the cargo whose bytes are not what their digests say, before anything is written.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::gather::Cargo;
use super::{PackError, PackRequest};
use crate::environment::Environment;
use crate::oci::{Digest, VerifiedBlob};
use crate::stream::digests::{Digested, Digests};
use crate::stream::flow::{Filled, Flow};
use crate::stream::hash::{Function, lanes};
use crate::stream::pump::pump;

/// A blob that is read and hashed, and goes nowhere.
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
                // Longer than announced, or not readable.
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

/// The blobs that cannot be packed, sorted.
///
/// # Errors
/// When the work is interrupted or the system gives no memory.
pub(super) fn damaged(
    request: &PackRequest<'_>,
    cargo: &Cargo,
    environment: &Environment<'_>,
) -> Result<Vec<Digest>, PackError> {
    let blobs: Vec<_> = cargo.nodes.values().collect();
    let lengths: Vec<u64> = blobs.iter().map(|(node, _)| node.descriptor.size).collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Digest>> = Mutex::default();
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &lengths,
        &|| {
            let (node, source) = blobs.get(next.fetch_add(1, Ordering::Relaxed))?;
            let (digest, size) = (node.descriptor.digest, node.descriptor.size);
            let opened = request.sources[*source].source.open(&node.descriptor, 0);
            Some(opened.map(|reader| Probing { digest, size, read: 0, reader }).map_err(|_| digest))
        },
        &|outcome| {
            if let Err(digest) = outcome {
                found.lock().expect("no thread panicked").push(digest);
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(PackError::System)?;
    if environment.workers.interrupted() {
        return Err(PackError::Interrupted);
    }
    let mut found = found.into_inner().expect("no thread panicked");
    found.sort_unstable();
    Ok(found)
}
