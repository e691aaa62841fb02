//! Packing, verifying and importing by several processes, and the engines that run them.

#![allow(clippy::case_sensitive_file_extension_comparisons)] // Names are those that the program writes.

mod cluster;
mod engines;
mod far_side;
mod in_stores;
mod lost_node;
mod machines;
mod pieces;

use std::time::{Duration, Instant};

use super::behaviour::layouts::{CONFIG, LAYER, on, plain};
use super::behaviour::support::{Desk, Run, Source, noise};

/// The time of sealing of every bundle here.
const SEALED: &str = "1700000000";

/// Waits until something is true. Returns false if it is not so after two minutes.
fn until(mut ready: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !ready() {
        if start.elapsed() > Duration::from_secs(120) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// Images with layers of many sizes, an index, a referrer and a non-distributable layer.
fn fill(source: &mut Source) {
    for seed in 0..4 {
        let image = source.image(seed, &[300_000, 5000, 70_000, 0]);
        source.tag(&plain(&image), &format!("app:{seed}"));
    }
    let foreign = source.blob("application/vnd.oci.image.layer.nondistributable.v1.tar", &noise(77, 99_999));
    let config = source.blob(CONFIG, b"{}");
    let windows = source.manifest(&config, &[foreign, source.blob(LAYER, &noise(1, 5000))]);
    let index = source.index(&[on("windows/amd64", &windows)]);
    let sbom = source.referrer(&index, "application/spdx+json", "sbom");
    source.tag(&index, "all:1");
    source.list(&sbom);
}

/// A desk with the layout `src`, and the bundle that one process makes of it in `whole`.
fn desk() -> Desk {
    let desk = Desk::new();
    fill(&mut desk.source("src"));
    at(
        &desk,
        "pack oci:src --to whole --name b --key k.key.pem --chunk-size 64KiB --label TEST --expires 20000d",
    )
    .ok();
    desk
}

/// Runs the program at the time of sealing.
fn at(desk: &Desk, args: &str) -> Run {
    Run::of(desk.command(args).env("SOURCE_DATE_EPOCH", SEALED))
}

/// Makes a plan for the same bundle in the folder `to`. Returns the number of pieces.
fn plan(desk: &Desk, to: &str, options: &str) -> usize {
    let content = "oci:src --name b --pub k.pub.pem --chunk-size 64KiB --label TEST --expires 20000d";
    let report = at(desk, &format!("plan {content} --to {to} {options} --json")).ok().json();
    report["pieces"].as_array().unwrap().len()
}

/// Asserts that a folder has the same chunk files as the bundle that one process made.
#[track_caller]
fn assert_whole(desk: &Desk, folder: &str) {
    let (whole, mut found) = (desk.files("whole"), desk.files(folder));
    found.retain(|name, _| !name.starts_with("b.plan/"));
    assert_eq!(whole.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(bytes == found[&name], "{name} differs");
    }
}
