//! Very many files, entries and copies: memory for what they say about themselves is bounded.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet::arrival::{Arrivals, OpenError, OpenRequest, Standing, open};
use carnet::clock::Fixed;
use carnet::environment::Environment;
use carnet::format::entry::EntryName;
use carnet::format::limits::{COPIES_MAX, ENTRIES_MAX, SIGNATURE_BYTES_MAX, UNVERIFIED_ENTRIES_MAX};
use carnet::format::signature::Signature;
use carnet::medium::{ChunkFile, ReadAt};
use carnet::observe::Monitor;
use carnet::oci::Digest;
use carnet::stream::workers::Workers;
use carnet::trust::{PublicKey, TrustPolicy};

use super::support::forge::{Parts, head};
use super::support::packed;

/// A file in memory. Many files can have the same bytes.
struct Copy(String, Arc<Vec<u8>>);

impl ReadAt for Copy {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).expect("small");
        let bytes = self.1.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl ChunkFile for Copy {
    fn name(&self) -> &str {
        &self.0
    }

    fn file_name(&self) -> Option<&str> {
        Some(&self.0)
    }

    fn bytes(&self) -> u64 {
        self.1.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Copy(self.0.clone(), Arc::clone(&self.1))))
    }

    fn version(&self) -> String {
        String::new()
    }

    fn modified(&self) -> Option<carnet::format::Timestamp> {
        None
    }

    fn remove(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn replace_front(
        &self,
        _: &[u8],
        _: u64,
        _: &dyn Fn(Arc<dyn ChunkFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Opens this many files with the same bytes.
fn opened(bytes: Vec<u8>, files: usize, policy: Option<&TrustPolicy>) -> Result<Arrivals, OpenError> {
    let bytes = Arc::new(bytes);
    let copy = |at: usize| Arc::new(Copy(format!("copy{at:06}"), Arc::clone(&bytes))) as Arc<dyn ChunkFile>;
    let files: Vec<_> = (0..files).map(copy).collect();
    let workers = Workers::new(Some(1.try_into().expect("one")), Arc::new(AtomicBool::new(false)));
    let workers = workers.expect("threads");
    let clock = Fixed("2026-12-01T00:00:00Z".parse().expect("a time"));
    let environment = Environment { clock: &clock, monitor: Monitor::silent(), workers: &workers };
    open(&OpenRequest { files: &files, policy }, &environment)
}

/// A data chunk with as many entries as a chunk can have.
fn crowded() -> Vec<u8> {
    let mut parts = Parts::of(&packed().chunks[1]);
    let entry = |at: usize| {
        let payload = at.to_be_bytes().to_vec();
        (EntryName::Blob(Digest::sha256(&payload)), payload)
    };
    parts.entries = (0..ENTRIES_MAX).map(entry).collect();
    parts.rebuild();
    parts.seal()
}

#[test]
fn the_entries_of_unverified_chunks_are_bounded() {
    let fitting = usize::try_from(UNVERIFIED_ENTRIES_MAX).expect("small") / ENTRIES_MAX;
    let few = opened(crowded(), 3, None).expect("opened");
    let is_good = few.bundles[0].files.iter().all(|file| matches!(file.standing, Standing::Good(_)));
    assert!(is_good, "{:?}", few.bundles[0].files[0].standing);
    match opened(crowded(), fitting + 1, None) {
        Err(OpenError::TooManyEntries) => {}
        other => panic!("{:?}", other.map(|arrivals| arrivals.bundles.len())),
    }
}

#[test]
fn the_signatures_of_unverified_chunks_are_bounded() {
    let parts = Parts::of(&packed().chunks[0]);
    let junk = |at: u8| Signature {
        key: [at; 8],
        algorithm: "x".parse().expect("a name"),
        bytes: vec![at; usize::try_from(SIGNATURE_BYTES_MAX).expect("small")],
    };
    let signatures: Vec<Signature> = (0..16).map(junk).collect();
    let chunk = [head(&parts.fitting().render(), &signatures), parts.body()].concat();
    assert!(opened(chunk.clone(), 3, None).is_ok());
    assert!(matches!(opened(chunk, 2_100, None), Err(OpenError::TooManyEntries)));
}

#[test]
fn copies_beyond_the_limit_are_passed_over() {
    let policy = TrustPolicy::single_key(PublicKey::load(&packed().public).expect("a key"), "station");
    let policy = policy.expect("a policy");
    let chunk = packed().chunks[1].clone();
    let arrivals = opened(chunk, COPIES_MAX + 5, Some(&policy)).expect("opened");
    let files = &arrivals.bundles[0].files;
    let passed_over = files.iter().filter(|file| matches!(file.standing, Standing::PassedOver)).count();
    assert_eq!((files.len(), passed_over), (COPIES_MAX + 5, 5));
    // Copies that are not accepted use up nothing.
    let mut spoilt = packed().chunks[1].clone();
    let at = spoilt.windows(4).position(|bytes| bytes == b".sig").expect("a signature") + 512;
    spoilt[at] ^= 1;
    let arrivals = opened(spoilt, COPIES_MAX + 5, Some(&policy)).expect("opened");
    assert!(arrivals.bundles[0].files.iter().all(|file| matches!(file.standing, Standing::Untrusted(_))));
}
