//! Finds the blobs of the cargo whose bytes are not what their digests say, before anything is written.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::gather::Cargo;
use super::{PackError, PackRequest};
use crate::environment::Environment;
use crate::oci::{Digest, VerifiedBlob};
use crate::stream::hash::{Function, Stream, lanes};
use crate::stream::pump::{Filled, Flow, pump};

/// A blob that is read and hashed, and goes nowhere.
struct Probing {
    digest: Digest,
    size: u64,
    reader: Box<dyn Read + Send>,
    stream: [Stream; 1],
}

impl Flow for Probing {
    type Done = ();
    type Error = Digest;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, Digest> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(filled) if self.stream[0].bytes() + filled as u64 <= self.size => {
                    return Ok(Filled::of(filled));
                }
                // Longer than announced, or not readable.
                Ok(_) | Err(_) => return Err(self.digest),
            }
        }
    }

    fn streams(&mut self) -> &mut [Stream] {
        &mut self.stream
    }

    fn drain(&mut self, _: &[u8]) -> Result<(), Digest> {
        Ok(())
    }

    fn finish(self) -> Result<(), Digest> {
        let [stream] = self.stream;
        let bytes = stream.bytes();
        let found = stream.finish().digest().ok_or(self.digest)?;
        VerifiedBlob::prove(self.digest, self.size, found, bytes).map(drop).map_err(|_| self.digest)
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
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Digest>> = Mutex::default();
    pump(
        environment.workers,
        lanes(Function::Sha256),
        &|| {
            let (node, source) = blobs.get(next.fetch_add(1, Ordering::Relaxed))?;
            let (digest, size) = (node.descriptor.digest, node.descriptor.size);
            let opened = request.sources[*source].source.open(&node.descriptor, 0);
            let stream = [Stream::new(digest.algorithm().into())];
            Some(opened.map(|reader| Probing { digest, size, reader, stream }).map_err(|_| digest))
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
