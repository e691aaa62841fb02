//! Commands use chunk stores only through their traits, so every store behaves like a folder.

mod azure;
mod azurite;
mod memory;
mod room;
mod s3;
pub(crate) mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet::arrival::{Beside, OpenRequest, open};
use carnet::artifacts::{
    DestinationSpec, ExistingName, OnFailure, RegistryDestination, RegistrySources, SourceSpec,
};
use carnet::clock::Fixed;
use carnet::diagnosis::{Code, Diagnose as _};
use carnet::environment::Environment;
use carnet::format::Timestamp;
use carnet::format::plan::Carriage;
use carnet::format::signature::SignatureAlgorithm;
use carnet::import::{ImportRequest, Sending, TagPolicy};
use carnet::medium::{Bucket, BucketSettings, Category, ChunkStore, Folder, Replace};
use carnet::observe::Monitor;
use carnet::pack::{Outcome, PackError, PackReport, PackRequest, Wanted, pack};
use carnet::registry::{Registries, Settings};
use carnet::sign::{Controls, SignRequest};
use carnet::storage::Container;
use carnet::stream::hash::Function;
use carnet::stream::workers::Workers;
use carnet::sums::SumFunction;
use carnet::trust::{KeyFile, PublicKey, Signer, SignerError, TrustPolicy};
use carnet::verify::{BundleVerdict, verify};

use super::behaviour::support::{Desk, assert_same_layout};
use super::registries::server::Registry;
use memory::Memory;

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

    /// The place `s3://memory/in` of a container.
    fn bucket(&self, memory: &Arc<Memory>) -> Bucket {
        let settings = BucketSettings {
            spool: self.desk.path("spool"),
            connections: 3.try_into().unwrap(),
            category: Category::default(),
        };
        let container: Arc<dyn Container> = Arc::<Memory>::clone(memory);
        Bucket::new(container, &"s3://memory/in".parse().unwrap(), settings)
    }

    fn environment(&self) -> Environment<'_> {
        Environment { clock: &self.clock, monitor: Monitor::silent(), workers: &self.workers }
    }

    fn pack(&self, store: &dyn ChunkStore) -> PackReport {
        self.pack_with(store, &self.key).unwrap()
    }

    fn pack_with(&self, store: &dyn ChunkStore, signer: &dyn Signer) -> Result<PackReport, PackError> {
        self.pack_chunks(store, signer, "64KiB", Replace::Never)
    }

    fn pack_chunks(
        &self,
        store: &dyn ChunkStore,
        signer: &dyn Signer,
        chunk_size: &str,
        replace: Replace,
    ) -> Result<PackReport, PackError> {
        let spec: SourceSpec = format!("oci:{}", self.desk.path("src").display()).parse().unwrap();
        let registries = RegistrySources::new(Registries::new(Settings::default()), Vec::new());
        let source = spec.open(&registries).unwrap().remove(0);
        let name = "b".parse().unwrap();
        let mut request = PackRequest::new(vec![Wanted::all(source)], name, store, self.clock.0);
        request.chunk_size = chunk_size.parse().unwrap();
        request.replace = replace;
        request.file_sums = vec![Function::Sha256];
        pack(&request, signer, &self.environment())
    }
}

#[test]
fn an_object_store_gets_the_same_bytes_as_a_folder() {
    let (station, memory) = (Station::new(), Arc::new(Memory::default()));
    let bucket = station.bucket(&memory);
    let report = station.pack(&bucket);
    let folder = station.pack(&Folder::new(&station.desk.path("out")));
    // The sums of the files are those of a folder, though the store computes them.
    assert_eq!(serde_json::to_value(&report).unwrap(), serde_json::to_value(&folder).unwrap());
    let in_folder = station.desk.files("out");
    let objects = memory.objects();
    assert!(in_folder.len() > 4 && in_folder.len() == objects.len());
    for (name, bytes) in &in_folder {
        assert!(*bytes == *objects[&format!("in/{name}")], "{name} differs");
    }
    assert_eq!(memory.written.lock().unwrap().last().unwrap(), "in/b_00000.tar");
    let metadata = memory.stored("in/b_00001.tar").metadata;
    assert_eq!(metadata["category"], "carnet-transfer-blob");
    assert_eq!(metadata["carnetbundle"], report.bundle.to_string());
    assert_eq!(metadata["carnetchunk"], "1");
    // Nothing is left on the local disk.
    assert!(station.desk.files("spool").is_empty());
    assert_eq!(station.pack(&bucket).outcome, Outcome::Unchanged);
    let sums = report.sums(&[SumFunction::Sha256]);
    carnet::sums::write(&sums, &[SumFunction::Sha256], &bucket, &"b".parse().unwrap()).unwrap();
    assert!(memory.objects().contains_key("in/b_sha256.txt"));
}

#[test]
fn a_bundle_in_a_store_is_verified_signed_and_unpacked() {
    for breaks in [false, true] {
        let (station, memory) = (Station::new(), Arc::new(Memory { breaks, ..Memory::default() }));
        let bucket = station.bucket(&memory);
        station.pack(&bucket);
        let environment = station.environment();
        let releaser = KeyFile::generate().unwrap();
        let before = memory.objects();
        let request = SignRequest { files: &bucket.files().unwrap(), policy: None };
        let controls = Controls::open(&request, &environment).unwrap();
        let signed = carnet::sign::sign(&controls, &releaser, &environment).unwrap();
        assert_eq!((signed.bundles.len(), signed.bundles[0].signatures), (1, 2));
        let now = memory.objects().into_iter();
        let changed: Vec<String> =
            now.filter(|(name, now)| before[name] != *now).map(|(name, _)| name).collect();
        assert_eq!(changed, ["in/b_00000.tar"]);
        assert_eq!(memory.stored("in/b_00000.tar").metadata["carnetchunk"], "0");

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
        carnet::unpack::unpack(&whole, &Beside::default(), sink, &environment).unwrap();
        assert_same_layout(&station.desk.path("src"), &station.desk.path("back"));
    }
}

#[test]
fn an_object_replaced_after_discovery_is_not_read() {
    let (station, memory) = (Station::new(), Arc::new(Memory::default()));
    let bucket = station.bucket(&memory);
    station.pack(&bucket);
    let files = bucket.files().unwrap();
    bucket.put_beside("b_00001.tar", b"another").unwrap();
    let request = OpenRequest { files: &files, policy: Some(&station.policy) };
    let verified = verify(&request, &station.environment()).unwrap();
    let bundle = &verified.bundles[0];
    assert_eq!((bundle.missing.len(), bundle.unreadable.len()), (0, 1));
    assert_eq!(bundle.unreadable[0].number, 1);
}

/// Every byte that is not a payload counts, too.
#[test]
fn a_changed_byte_anywhere_in_an_object_is_found() {
    let (station, memory) = (Station::new(), Arc::new(Memory::default()));
    let bucket = station.bucket(&memory);
    station.pack(&bucket);
    let environment = station.environment();
    let verdict = || {
        let files = bucket.files().unwrap();
        let request = OpenRequest { files: &files, policy: Some(&station.policy) };
        verify(&request, &environment).unwrap().bundles[0].verdict
    };
    let in_folder = |key: &str, bytes: &[u8]| {
        let folder = station.desk.path("copy");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(key.rsplit('/').next().unwrap()), bytes).unwrap();
    };
    let objects = memory.objects();
    let (key, whole) = objects.iter().nth(1).unwrap();
    assert_eq!(verdict(), BundleVerdict::Complete);
    // A header, the padding after a payload and the end of the file are between the payloads.
    let places = (0..whole.len()).step_by(487).chain([whole.len() - 1, whole.len() - 1025]);
    for place in places {
        let mut bytes = whole.to_vec();
        bytes[place] ^= 1;
        memory.place(key, &bytes);
        assert_ne!(verdict(), BundleVerdict::Complete, "byte {place} of {key} is not checked");
        in_folder(key, &bytes);
    }
    memory.place(key, whole);
    assert_eq!(verdict(), BundleVerdict::Complete);
}

#[test]
fn objects_are_read_by_ranges_and_once() {
    let station = Station::new();
    let mut source = station.desk.source("src");
    // Large layers, and many small ones.
    let image = source.image(7, &[3_000_000, 2_500_000, 900_000]);
    source.tag(&image, "large:1");
    for seed in 20..60 {
        let image = source.image(seed, &[2000 + usize::try_from(seed).unwrap(), 30_000]);
        source.tag(&image, &format!("small:{seed}"));
    }
    let memory = Arc::new(Memory::default());
    let bucket = station.bucket(&memory);
    station.pack_chunks(&bucket, &station.key, "2MiB", Replace::Never).unwrap();
    let total: u64 = memory.objects().values().map(|object| object.len() as u64).sum();
    let control = memory.objects()["in/b_00000.tar"].len() as u64;
    let chunks = memory.objects().len() as u64;
    let environment = station.environment();
    let count = |work: &dyn Fn(&OpenRequest<'_>)| {
        let bucket = station.bucket(&memory);
        let files = bucket.files().unwrap();
        memory.bytes_read.store(0, Ordering::Relaxed);
        work(&OpenRequest { files: &files, policy: Some(&station.policy) });
        memory.bytes_read.load(Ordering::Relaxed)
    };
    let inspected = count(&|request| drop(carnet::inspect::inspect(request, &environment).unwrap()));
    assert!(
        inspected <= control + chunks * 64_000,
        "inspect read {inspected} bytes, the control chunk has {control}"
    );
    let verified = count(&|request| {
        assert_eq!(verify(request, &environment).unwrap().bundles[0].verdict, BundleVerdict::Complete);
    });
    // The head and the sums of each chunk are read while it is opened, in a window of 32 KiB.
    assert!(verified <= total + chunks * 64_000, "verify read {verified} of {total} bytes");
    let unpacked = count(&|request| {
        let bundle = open(request, &environment).unwrap().select(None).unwrap();
        let whole = bundle.released().unwrap().whole().unwrap();
        let to: DestinationSpec = format!("oci:{}", station.desk.path("back").display()).parse().unwrap();
        carnet::unpack::unpack(
            &whole,
            &Beside::default(),
            to.open(&[], ExistingName::Refuse).unwrap(),
            &environment,
        )
        .unwrap();
    });
    assert!(unpacked <= total + chunks * 350_000, "unpack read {unpacked} of {total} bytes");
    let registry = Registry::start();
    let imported = count(&|request| {
        let bundle = open(request, &environment).unwrap().select(None).unwrap();
        let to: RegistryDestination = format!("docker://{}", registry.name()).parse().unwrap();
        let import = ImportRequest {
            bundle: &bundle.released().unwrap().whole().unwrap(),
            beside: &Beside::default(),
            registry: Registries::new(Settings::default()).registry(&to.host).unwrap(),
            to: &to,
            artifacts: &[],
            mount_from: &[],
            rename: &[],
            tags: TagPolicy::default(),
            referrers: Carriage::Carry,
            on_failure: OnFailure::Stop,
            sending: Sending::All,
            dry_run: false,
            connections: 3.try_into().unwrap(),
        };
        assert_eq!(carnet::import::import(&import, &environment).unwrap().failed(), 0);
    });
    assert!(imported <= total + chunks * 350_000, "import read {imported} of {total} bytes");
    assert!(imported > total / 2, "the registry was empty, and import read {imported} of {total} bytes");
}

#[test]
fn large_chunks_go_up_in_parts() {
    let station = Station::new();
    let mut source = station.desk.source("src");
    let image = source.image(7, &[11_000_000, 9_000_000, 12_000_000, 8_000_000]);
    source.tag(&image, "large:1");
    let memory = Arc::new(Memory::default());
    let bucket = station.bucket(&memory);
    // The store is full for a while. Nothing is left of what was begun.
    memory.refuse_parts.store(1, Ordering::Relaxed);
    let error = station.pack_chunks(&bucket, &station.key, "20MiB", Replace::Never).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull, "{error}");
    assert_eq!(memory.open_uploads(), 0);
    let kept = memory.objects().len();
    // The rest follows.
    assert_eq!(
        station.pack_chunks(&bucket, &station.key, "20MiB", Replace::Never).unwrap().outcome,
        Outcome::Packed
    );
    assert!(memory.objects().len() > kept);
    assert_eq!(memory.open_uploads(), 0);
    station
        .pack_chunks(&Folder::new(&station.desk.path("out")), &station.key, "20MiB", Replace::Never)
        .unwrap();
    for (name, bytes) in station.desk.files("out") {
        assert!(bytes == *memory.objects()[&format!("in/{name}")], "{name} differs");
    }
}

#[test]
fn what_exists_is_replaced_only_when_told_and_when_the_new_bundle_is_complete() {
    let (station, memory) = (Station::new(), Arc::new(Memory::default()));
    let bucket = station.bucket(&memory);
    memory.place("in/b_00001.tar", b"of somebody else");
    memory.place("in/b_00099.tar", b"of an earlier bundle");
    memory.place("in/other.txt", b"not ours");
    let error = station.pack_with(&bucket, &station.key).unwrap_err();
    assert_eq!(error.code(), Code::TargetExists, "{error}");
    assert!(memory.written.lock().unwrap().is_empty());
    station.pack_chunks(&bucket, &station.key, "64KiB", Replace::WhenComplete).unwrap();
    let objects = memory.objects();
    assert!(!objects.contains_key("in/b_00099.tar") && objects.contains_key("in/other.txt"));
    assert_eq!(memory.written.lock().unwrap().last().unwrap(), "in/b_00000.tar");
    assert_eq!(memory.open_uploads(), 0);
    assert_eq!(station.pack(&bucket).outcome, Outcome::Unchanged);
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

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match self.signed.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => self.key.sign(message),
            _ if self.fails => Err(SignerError::Output {
                program: "token".to_owned(),
                algorithm: SignatureAlgorithm::ED25519,
                found: 0,
            }),
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
        let expected = if fails { Code::SignCommandOutput } else { Code::SignerFailed };
        assert_eq!(error.code(), expected, "{error}");
        // Two chunks were signed well before; they stay, and nothing else does.
        assert_eq!(station.desk.files("out").len(), 2);
        // With a key that works the rest follows.
        assert_eq!(station.pack(&folder).outcome, Outcome::Packed);
        station.desk.carnet("verify out --pub k.pub.pem").ok();
    }
}
