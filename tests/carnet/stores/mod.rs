//! Commands use chunk stores only through their traits, so every store behaves like a folder.

mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet::arrival::{OpenRequest, open};
use carnet::artifacts::{DestinationSpec, ExistingName, OnFailure, RegistrySources, Selection, SourceSpec};
use carnet::clock::Fixed;
use carnet::diagnosis::{Code, Diagnose as _};
use carnet::environment::Environment;
use carnet::format::Timestamp;
use carnet::format::plan::Carriage;
use carnet::format::signature::SignatureAlgorithm;
use carnet::format::statement::Crossing;
use carnet::medium::{ChunkStore, Folder, Replace};
use carnet::observe::Monitor;
use carnet::pack::{Outcome, PackError, PackReport, PackRequest, Splitting, Wanted, pack};
use carnet::registry::{Registries, Settings};
use carnet::stream::hash::Function;
use carnet::stream::workers::Workers;
use carnet::sums::{SumFunction, SumsReport};
use carnet::trust::{KeyFile, PublicKey, Signer, SignerError, TrustPolicy};
use carnet::verify::{BundleVerdict, verify};

use super::behaviour::support::{Desk, assert_same_layout};
use memory::Bucket;

/// A desk with a layout of small and split blobs, and everything a command needs in addition to its request.
struct Station {
    desk: Desk,
    key: KeyFile,
    policy: TrustPolicy,
    workers: Workers,
    clock: Fixed,
}

impl Station {
    fn new() -> Station {
        let desk = Desk::new();
        let mut source = desk.source("src");
        for (seed, layers) in [(1, vec![150_000, 20_000, 1, 512]), (2, vec![40_000, 0, 5000])] {
            let image = source.image(seed, &layers);
            source.tag(&image, &format!("app:{seed}"));
        }
        let key = KeyFile::load(&desk.path("k.key.pem"), None).unwrap();
        let public = PublicKey::load(&desk.path("k.pub.pem")).unwrap();
        Station {
            policy: TrustPolicy::single_key(public, "station").unwrap(),
            workers: Workers::new(Some(2.try_into().unwrap()), Arc::default()).unwrap(),
            clock: Fixed(Timestamp::from_seconds(1_800_000_000).unwrap()),
            desk,
            key,
        }
    }

    fn environment(&self) -> Environment<'_> {
        Environment { clock: &self.clock, monitor: Monitor::silent(), workers: &self.workers }
    }

    fn pack(&self, store: &dyn ChunkStore) -> PackReport {
        self.pack_with(store, &self.key).unwrap()
    }

    fn pack_with(&self, store: &dyn ChunkStore, signer: &dyn Signer) -> Result<PackReport, PackError> {
        let spec: SourceSpec = format!("oci:{}", self.desk.path("src").display()).parse().unwrap();
        let registries = RegistrySources::new(Registries::new(Settings::default()), Vec::new());
        let source = spec.open(&registries).unwrap().remove(0);
        let request = PackRequest {
            sources: vec![Wanted { source, selection: Selection::Every, rename: None }],
            crossing: Crossing {
                name: "b".parse().unwrap(),
                stream: None,
                sequence: None,
                previous: None,
                label: None,
            },
            store,
            chunk_size: "64KiB".parse().unwrap(),
            splitting: Splitting::Allowed,
            nondistributable: Carriage::Carry,
            referrers: Carriage::Carry,
            platforms: Vec::new(),
            created: self.clock.0,
            expires: None,
            replace: Replace::Never,
            on_failure: OnFailure::Stop,
            file_sums: vec![Function::Sha256],
        };
        pack(&request, signer, &self.environment())
    }
}

#[test]
fn an_object_store_gets_the_same_bytes_as_a_folder() {
    let (station, bucket) = (Station::new(), Bucket::default());
    let report = station.pack(&bucket);
    station.pack(&Folder::new(&station.desk.path("out")));
    let in_folder = station.desk.files("out");
    let objects = bucket.objects();
    assert!(in_folder.len() > 4 && in_folder.keys().eq(objects.keys()));
    for (name, bytes) in &in_folder {
        assert!(*bytes == *objects[name], "{name} differs");
    }
    // The front of a chunk lists its content, so it is written last.
    for (number, parts) in bucket.parts.lock().unwrap().iter() {
        assert_eq!(parts.last(), Some(&0), "chunk {number}: {parts:?}");
    }
    assert_eq!(station.pack(&bucket).outcome, Outcome::Unchanged);
    let sums = SumsReport::of_packed(&report, &[SumFunction::Sha256]);
    carnet::sums::write(&sums, &[SumFunction::Sha256], &bucket, &"b".parse().unwrap()).unwrap();
    assert!(bucket.objects().contains_key("b_sha256.txt"));
}

#[test]
fn a_bundle_in_a_store_is_verified_signed_and_unpacked() {
    let (station, bucket) = (Station::new(), Bucket::default());
    station.pack(&bucket);
    let environment = station.environment();
    let releaser = KeyFile::generate().unwrap();
    let before = bucket.objects();
    let signed = carnet::sign::sign(&bucket.files().unwrap(), &releaser, &environment).unwrap();
    assert_eq!((signed.bundles.len(), signed.bundles[0].signatures), (1, 2));
    let changed: Vec<String> = bucket
        .objects()
        .into_iter()
        .filter(|(name, now)| before[name] != *now)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(changed, ["b_00000.tar"]);

    let files = bucket.files().unwrap();
    let request = OpenRequest { files: &files, policy: Some(&station.policy) };
    let verified = verify(&request, &environment).unwrap();
    assert_eq!(verified.bundles[0].verdict, BundleVerdict::Complete);
    let inspected = carnet::inspect::inspect(&request, &environment).unwrap();
    assert_eq!(inspected.bundles[0].artifacts.len(), 2);

    let bundle = open(&request, &environment).unwrap().select(None).unwrap();
    let whole = bundle.released().unwrap().whole().unwrap();
    let to: DestinationSpec = format!("oci:{}", station.desk.path("back").display()).parse().unwrap();
    let sink = to.open(&[], ExistingName::Refuse).unwrap();
    carnet::unpack::unpack(&whole, sink, &environment).unwrap();
    assert_same_layout(&station.desk.path("src"), &station.desk.path("back"));
}

#[test]
fn an_object_replaced_after_discovery_is_not_read() {
    let (station, bucket) = (Station::new(), Bucket::default());
    station.pack(&bucket);
    let files = bucket.files().unwrap();
    bucket.put_beside("b_00001.tar", b"another").unwrap();
    let request = OpenRequest { files: &files, policy: Some(&station.policy) };
    let verified = verify(&request, &station.environment()).unwrap();
    let bundle = &verified.bundles[0];
    assert_eq!((bundle.missing.len(), bundle.unreadable.len()), (0, 1));
    assert_eq!(bundle.unreadable[0].number, 1);
}

/// A key whose token fails, or signs something else, at the chunk with this count.
struct FaultyKey {
    key: KeyFile,
    signed: AtomicUsize,
    fails: bool,
}

impl Signer for FaultyKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn signature_bytes(&self) -> u64 {
        self.key.signature_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match self.signed.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => self.key.sign(message),
            _ if self.fails => Err(SignerError { problem: "the token was removed".to_owned() }),
            _ => self.key.sign(b"something else"),
        }
    }
}

#[test]
fn no_chunk_gets_its_name_without_a_signature_that_verifies() {
    for fails in [true, false] {
        let station = Station::new();
        let folder = Folder::new(&station.desk.path("out"));
        let key = KeyFile::load(&station.desk.path("k.key.pem"), None).unwrap();
        let faulty = FaultyKey { key, signed: AtomicUsize::new(0), fails };
        let error = station.pack_with(&folder, &faulty).unwrap_err();
        assert_eq!(error.code(), Code::SignerFailed, "{error}");
        // Two chunks were signed well before; they stay, and nothing else does.
        assert_eq!(station.desk.files("out").len(), 2);
        // With a key that works the rest follows.
        assert_eq!(station.pack(&folder).outcome, Outcome::Packed);
        station.desk.carnet("verify out --pub k.pub.pem").ok();
    }
}
