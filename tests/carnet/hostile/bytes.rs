//! No byte of a chunk can change without being noticed.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet::arrival::{OpenError, OpenRequest};
use carnet::clock::Fixed;
use carnet::environment::Environment;
use carnet::medium::collect;
use carnet::observe::Monitor;
use carnet::stream::workers::Workers;
use carnet::trust::{PublicKey, TrustPolicy};
use carnet::verify::{BundleVerdict, VerifyReport, verify};

use super::support::run::{Expect, deliver};
use super::support::{folder, named, packed};

struct Receiver {
    policy: TrustPolicy,
    workers: Workers,
}

impl Receiver {
    fn new() -> Receiver {
        let key = PublicKey::load(&packed().public).expect("a key");
        let policy = TrustPolicy::single_key(key, "station").expect("a policy");
        let workers = Workers::new(Some(1.try_into().expect("one")), Arc::new(AtomicBool::new(false)));
        Receiver { policy, workers: workers.expect("threads") }
    }

    fn verify(&self, paths: &[PathBuf]) -> Result<VerifyReport, OpenError> {
        let clock = Fixed("2026-12-01T00:00:00Z".parse().expect("a time"));
        let environment = Environment { clock: &clock, monitor: Monitor::silent(), workers: &self.workers };
        let files = collect(paths).expect("files").files;
        verify(&OpenRequest { files: &files, policy: Some(&self.policy) }, &environment)
    }
}

/// Whether the report calls the bundle complete.
fn complete(report: &Result<VerifyReport, OpenError>) -> bool {
    let of = |report: &VerifyReport| report.bundles.iter().any(|b| b.verdict == BundleVerdict::Complete);
    report.as_ref().is_ok_and(of)
}

/// Changes every `step`th byte of a chunk in turn and verifies the whole bundle each time.
fn flip_every(number: usize, step: usize, flip: u8) {
    let receiver = Receiver::new();
    let folder = folder();
    let paths: Vec<PathBuf> = named(&packed().chunks)
        .into_iter()
        .map(|(name, bytes)| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("written");
            path
        })
        .collect();
    assert!(complete(&receiver.verify(&paths)), "unchanged");
    let mut bytes = packed().chunks[number].clone();
    for at in (0..bytes.len()).step_by(step) {
        bytes[at] ^= flip;
        fs::write(&paths[number], &bytes).expect("written");
        let report = receiver.verify(&paths);
        assert!(!complete(&report), "byte {at} of chunk {number} ^ {flip:#04x}");
        let report = report.expect("the other chunks are good");
        assert!(report.failure().is_some(), "byte {at} of chunk {number}");
        bytes[at] ^= flip;
    }
    fs::write(&paths[number], &bytes).expect("written");
    assert!(complete(&receiver.verify(&paths)), "unchanged again");
}

#[test]
fn every_changed_byte_of_a_small_chunk_is_noticed() {
    flip_every(1, 1, 1);
}

#[test]
fn changed_bytes_of_the_control_chunk_are_noticed() {
    flip_every(0, 7, 0x80);
}

#[test]
fn changed_bytes_of_chunks_with_slices_are_noticed() {
    flip_every(2, 101, 0x20);
    flip_every(3, 101, 0xff);
}

#[test]
fn the_program_says_which_file_is_damaged() {
    for number in 0..packed().chunks.len() {
        let length = packed().chunks[number].len();
        for at in [0, 200, 700, length / 2, length - 1025, length - 1] {
            let mut chunks = packed().chunks.clone();
            chunks[number][at] ^= 1;
            // A changed signature is that of an untrusted key.
            let signature = (1024..2560).contains(&at);
            let expect = if signature { Expect::Untrusted } else { Expect::Incomplete };
            let (verified, _) = deliver(&format!("byte {at} of chunk {number}"), &named(&chunks), expect);
            assert!(verified.stdout.contains(&format!("hostile_{number:05}.tar")), "{verified}");
        }
    }
}
