//! Limits on memory and on open files.

use std::process::Command;

use super::layouts::{CONFIG, LAYER};
use super::support::{CARNET, Desk, Run, assert_same_blobs, installed, noise};

/// Peak memory of a command, in MiB.
fn peak(desk: &Desk, args: &str) -> u64 {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M", "-o", "peak", CARNET]).args(args.split_whitespace()).current_dir(desk.path(""));
    Run::of(&mut command).ok();
    std::fs::read_to_string(desk.path("peak")).unwrap().trim().parse::<u64>().unwrap() >> 10
}

#[test]
fn memory_does_not_grow_with_the_bundle() {
    if !std::path::Path::new("/usr/bin/time").exists() && !installed(&["time"]) {
        return;
    }
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    // 300 MiB: one large blob, several medium ones, many small ones.
    let sizes = [150 << 20, 64 << 20, 48 << 20, 30 << 20].into_iter().chain((1..80).map(|at| at * 2000));
    let layers: Vec<_> = (0_u8..)
        .zip(sizes)
        .map(|(seed, bytes)| {
            let mut layer = vec![0; bytes];
            layer[0] = seed;
            source.blob(LAYER, &layer)
        })
        .collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
    for args in [
        "pack oci:src --to out --name b --key k.key.pem --chunk-size 16MiB",
        "verify out --pub k.pub.pem",
        "inspect out --pub k.pub.pem",
        "missing out",
        "sums out --sha256 --md5",
        "pack oci:src --to out --name b --key k.key.pem --chunk-size 16MiB",
        "unpack out --pub k.pub.pem --to oci-archive:back.tar",
        "unpack out --pub k.pub.pem --to oci:back",
        "unpack out --pub k.pub.pem --to oci:back",
    ] {
        let mib = peak(&desk, args);
        assert!(mib < 128, "{args}: {mib} MiB");
    }
    assert_same_blobs(source.path(), &desk.path("back"));
}

#[test]
fn many_chunks_need_few_open_files() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let sizes = [12 << 20, 8 << 20].into_iter().chain((0..150).map(|at| at * 300));
    let layers: Vec<_> =
        (0..).zip(sizes).map(|(seed, bytes)| source.blob(LAYER, &noise(seed, bytes))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
    let limited = |args: &str| desk.sh(&format!("ulimit -n 64; exec {CARNET} {args}")).ok();
    for jobs in [1, 8] {
        limited(&format!(
            "pack oci:src --to out{jobs} --name b --key k.key.pem --chunk-size 64KiB --jobs {jobs}"
        ));
        assert!(desk.files(&format!("out{jobs}")).len() > 350);
        limited(&format!("verify out{jobs} --pub k.pub.pem --jobs {jobs}"));
        limited(&format!("missing out{jobs} --jobs {jobs}"));
        limited(&format!("sums out{jobs} --md5 --jobs {jobs}"));
        limited(&format!("inspect out{jobs} --pub k.pub.pem --jobs {jobs}"));
        limited(&format!("unpack out{jobs} --pub k.pub.pem --to oci:back{jobs} --jobs {jobs}"));
        assert_same_blobs(source.path(), &desk.path(format!("back{jobs}")));
    }
}
