//! Files in the staging folder, from an earlier run or from someone else, are reused only if their blobs verify.

use std::os::unix::fs::{FileExt as _, symlink};
use std::path::PathBuf;

use super::http::{Delivery, Fault};
use super::server::Registry;
use super::station::Station;

const SIZES: [usize; 2] = [90_000, 100_001];

/// A registry with an image as `app:1`, of which one layer was packed before the other one stalled; and the file
/// that waits in staging.
fn left_over(station: &Station, options: &str) -> (Registry, PathBuf) {
    let mut source = station.source("src");
    source.tag(&source.image(1, &SIZES), "1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    registry.fault(Fault::on("GET", "*/blobs/*").alters(|response| {
        if response.body.len() == SIZES[0] {
            response.delivery = Delivery::Stall(0);
        }
    }));
    let line = format!("docker://{}/app:1 --timeout 1 --retries 0 --connections 1 --jobs 1", registry.name());
    station.pack(&format!("{line} {options}")).ends(1).says(&["error[registry-stalled]"]);
    registry.heal();
    let pending = station.path("out/.b.partial/b_00000.tar");
    assert!(pending.is_file(), "nothing was left");
    (registry, pending)
}

#[test]
fn bytes_between_the_blobs_are_rewritten() {
    let station = Station::new();
    let (registry, pending) = left_over(&station, "");
    let bytes = std::fs::read(&pending).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&pending).unwrap();
    // All zero bytes, and the end: after a power loss the disk may return anything there.
    for (at, block) in bytes.chunks(8).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            file.write_all_at(&vec![0xaa; block.len()], at as u64 * 8).unwrap();
        }
    }
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
    station.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn links_in_staging_are_never_written_through() {
    let link = |victim: &std::path::Path, at: &std::path::Path| symlink(victim, at).unwrap();
    let hard_link = |victim: &std::path::Path, at: &std::path::Path| std::fs::hard_link(victim, at).unwrap();
    for make in [link as fn(&std::path::Path, &std::path::Path), hard_link] {
        for with_blobs in [true, false] {
            let station = Station::new();
            let (registry, pending) = left_over(&station, "");
            let victim = station.path("victim");
            if with_blobs {
                std::fs::rename(&pending, &victim).unwrap();
            } else {
                std::fs::remove_file(&pending).unwrap();
                std::fs::write(&victim, "precious").unwrap();
            }
            let before = std::fs::read(&victim).unwrap();
            make(&victim, &pending);
            station.pack(&format!("docker://{}/app:1", registry.name())).ok();
            assert!(std::fs::read(&victim).unwrap() == before, "a file elsewhere was written to");
            station.carnet("verify out --pub k.pub.pem").ok();
        }
    }
}
