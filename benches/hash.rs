//! Hashes one stream, and many together as a worker does. `CARNET_HASH` selects the kernel.
#![allow(missing_docs, clippy::unwrap_used)] // A benchmark that cannot be set up should stop.
#![allow(clippy::disallowed_methods)] // In a benchmark, no program reads the environment.

use std::hint::black_box;

use carnet::stream::hash::{Function, Kernel, Stream, update_together};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BLOCK_BYTES: usize = 256 << 10;

fn hash(criterion: &mut Criterion) {
    if let Ok(kernel) = std::env::var("CARNET_HASH") {
        kernel.parse::<Kernel>().unwrap().force().unwrap();
    }
    let block: Vec<u8> = (0..BLOCK_BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect();
    for (name, function) in
        [("sha256", Function::Sha256), ("sha512", Function::Sha512), ("md5", Function::Md5)]
    {
        let mut group = criterion.benchmark_group(name);
        for streams in [1_usize, 2, 3, 4, 8, 16] {
            group.throughput(Throughput::Bytes((BLOCK_BYTES * streams) as u64));
            group.bench_function(format!("{streams} streams"), |bencher| {
                bencher.iter(|| {
                    let mut all: Vec<Stream> = (0..streams).map(|_| Stream::new(function)).collect();
                    let mut blocks: Vec<(&mut Stream, &[u8])> =
                        all.iter_mut().map(|stream| (stream, black_box(&block[..]))).collect();
                    update_together(&mut blocks);
                    all.into_iter().map(Stream::finish).collect::<Vec<_>>()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, hash);
criterion_main!(benches);
