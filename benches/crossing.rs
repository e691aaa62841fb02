//! Packs, verifies and unpacks a layout of 64 MiB in one process.
#![allow(missing_docs, clippy::unwrap_used)] // A benchmark that cannot be set up should stop.

use std::path::Path;
use std::sync::Arc;

use carnet::arrival::{Beside, OpenRequest, open};
use carnet::artifacts::{DestinationSpec, ExistingName, RegistrySources, SourceSpec};
use carnet::clock::Fixed;
use carnet::environment::Environment;
use carnet::format::Timestamp;
use carnet::medium::{Folder, collect};
use carnet::observe::Monitor;
use carnet::oci::image_manifest::image_manifest;
use carnet::oci::write::{IndexEntry, OCI_LAYOUT, index_json};
use carnet::oci::{Descriptor, Digest, MediaType};
use carnet::pack::{PackRequest, Wanted, pack};
use carnet::registry::{Registries, Settings};
use carnet::stream::workers::Workers;
use carnet::trust::{KeyFile, Signer as _, TrustPolicy};
use carnet::verify::verify;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The sizes of the image's layers, in bytes.
const LAYERS: [usize; 8] = [24 << 20, 16 << 20, 12 << 20, 8 << 20, 3 << 20, 1 << 20, 64 << 10, 4 << 10];

fn blob(layout: &Path, bytes: &[u8], media_type: MediaType) -> Descriptor {
    let digest = Digest::sha256(bytes);
    std::fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    Descriptor::new(media_type, digest, bytes.len() as u64)
}

/// Returns bytes that differ between layers.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed + 1;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.extend(state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}

fn make_layout(layout: &Path) {
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let config = blob(layout, b"{}", MediaType::image_config());
    let layers: Vec<Descriptor> = LAYERS
        .iter()
        .zip(0..)
        .map(|(&bytes, seed)| blob(layout, &noise(bytes, seed), MediaType::image_layer()))
        .collect();
    let manifest = blob(layout, &image_manifest(&config, &layers), MediaType::image_manifest());
    let entry = IndexEntry {
        name: Some("bench:1".parse().unwrap()),
        digest: manifest.digest,
        size: manifest.size,
        media_type: manifest.media_type,
        artifact_type: None,
    };
    std::fs::write(layout.join("index.json"), index_json(&[entry])).unwrap();
    std::fs::write(layout.join("oci-layout"), OCI_LAYOUT).unwrap();
}

fn pack_to(layout: &Path, folder: &Path, key: &KeyFile, environment: &Environment<'_>) {
    let spec: SourceSpec = format!("oci:{}", layout.display()).parse().unwrap();
    let registries = RegistrySources::new(Registries::new(Settings::default()), Vec::new());
    let source = spec.open(&registries).unwrap().remove(0);
    let (name, folder) = ("bench".parse().unwrap(), Folder::new(folder));
    let created = Timestamp::from_seconds(1_800_000_000).unwrap();
    let mut request = PackRequest::new(vec![Wanted::all(source)], name, &folder, created);
    request.chunk_size = "10MiB".parse().unwrap();
    pack(&request, key, environment).unwrap();
}

fn crossing(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    make_layout(&layout);
    let key = KeyFile::generate().unwrap();
    let policy = TrustPolicy::single_key(key.public_key().clone(), "bench").unwrap();
    let workers = Workers::new(None, Arc::default()).unwrap();
    let clock = Fixed(Timestamp::from_seconds(1_800_000_000).unwrap());
    let environment = Environment { clock: &clock, monitor: Monitor::silent(), workers: &workers };
    let chunks = folder.path().join("chunks");
    pack_to(&layout, &chunks, &key, &environment);
    let files = collect(&[chunks]).unwrap().files;

    let mut group = criterion.benchmark_group("crossing");
    group.sample_size(10).throughput(Throughput::Bytes(LAYERS.iter().sum::<usize>() as u64));
    let mut next = 0_u32;
    let mut fresh = |what: &str| {
        next += 1;
        folder.path().join(format!("{what}{next}"))
    };
    group.bench_function("pack", |bencher| {
        bencher.iter_batched(
            || fresh("out"),
            |out| {
                pack_to(&layout, &out, &key, &environment);
                std::fs::remove_dir_all(out).unwrap();
            },
            criterion::BatchSize::PerIteration,
        );
    });
    let request = OpenRequest { files: &files, policy: Some(&policy) };
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert!(verify(&request, &environment).unwrap().failure().is_none()));
    });
    group.bench_function("unpack", |bencher| {
        bencher.iter_batched(
            || fresh("back"),
            |back| {
                let bundle = open(&request, &environment).unwrap().select(None).unwrap();
                let whole = bundle.released().unwrap().whole().unwrap();
                let spec: DestinationSpec = format!("oci:{}", back.display()).parse().unwrap();
                let sink = spec.open(&[], ExistingName::Refuse).unwrap();
                carnet::unpack::unpack(&whole, &Beside::default(), sink, &environment).unwrap();
                std::fs::remove_dir_all(back).unwrap();
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, crossing);
criterion_main!(benches);
