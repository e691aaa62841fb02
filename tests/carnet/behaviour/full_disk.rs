//! Full disks.

use std::path::PathBuf;
use std::process::Command;

use super::layouts::{CONFIG, LAYER};
use super::support::{Desk, Run, assert_same_layout, noise};

/// A small file system, unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` if mounting is not allowed; then the test is reported as skipped.
    fn new(desk: &Desk, options: &str) -> Option<Mounted> {
        let path = desk.path("disk");
        std::fs::create_dir(&path).unwrap();
        let run = Run::of(Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path));
        if run.code != Some(0) {
            super::support::skipped(&format!("cannot mount a small file system: {}", run.stderr));
            return None;
        }
        Some(Mounted(path))
    }

    fn becomes(&self, options: &str) {
        let options = format!("remount,{options}");
        Run::of(Command::new("mount").args(["-o", &options]).arg(&self.0)).ok();
    }

    /// Every entry on it by name, without the root.
    fn names(&self) -> Vec<String> {
        super::support::files(&self.0).into_keys().collect()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Run::of(Command::new("umount").arg(&self.0));
    }
}

/// About 50 chunks of 64 KiB.
fn fill(desk: &Desk) {
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let layers: Vec<_> = (0..30).map(|seed| source.blob(LAYER, &noise(seed, 105_000))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
}

#[test]
fn a_disk_that_is_too_small_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    let Some(small) = Mounted::new(&desk, "size=1m") else { return };
    fill(&desk);
    let args = "pack oci:src --to disk/out --name b --key k.key.pem --chunk-size 64KiB";
    desk.carnet(args).ends(1).says(&["bytes free", "hint:"]);
    assert!(small.names().is_empty(), "{:?}", small.names());
    small.becomes("size=16m");
    desk.carnet(args).ok();
    desk.carnet("verify disk/out --pub k.pub.pem").ok();
}

#[test]
fn a_disk_that_fills_up_while_packing_leaves_whole_chunks_and_the_next_run_resumes() {
    let desk = Desk::new();
    // Enough bytes, but inodes for only some of the chunks.
    let Some(small) = Mounted::new(&desk, "size=16m,nr_inodes=24") else { return };
    fill(&desk);
    let args = "pack oci:src --to disk/out --name b --key k.key.pem --chunk-size 64KiB";
    desk.carnet(args).ends(1).says(&["No space left", "hint:"]);
    let chunks = small.names();
    assert!(!chunks.is_empty() && chunks.iter().all(|name| name.starts_with("out/b_")), "{chunks:?}");
    let report = desk.carnet("verify disk/out --pub k.pub.pem --json").ends(4).json();
    let files = report["bundles"][0]["files"].as_array().unwrap();
    assert!(files.iter().all(|file| file["verdict"] == "accepted"), "{files:?}");
    small.becomes("nr_inodes=1000");
    desk.carnet(args).ok();
    desk.carnet("verify disk/out --pub k.pub.pem").ok();
}

#[test]
fn a_disk_that_fills_up_while_unpacking_shows_no_artifact_and_the_next_run_works() {
    let desk = Desk::new();
    let Some(small) = Mounted::new(&desk, "size=2500k") else { return };
    fill(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    for to in ["oci:disk/back", "oci-archive:disk/back.tar"] {
        desk.carnet(&format!("unpack out --pub k.pub.pem --to {to}")).ends(1).says(&["No space left"]);
        assert!(small.names().is_empty(), "{to}: {:?}", small.names());
    }
    small.becomes("size=16m");
    desk.carnet("unpack out --pub k.pub.pem --to oci-archive:disk/back.tar").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:disk/back").ok();
    assert_same_layout(&desk.path("src"), &desk.path("disk/back"));
}

/// Runs `line` in a shell with a limit on file sizes, in KiB.
fn limited(desk: &Desk, kib: u32, line: &str) -> Run {
    desk.sh(&format!("ulimit -f {}; exec {} {line}", kib * 2, super::support::CARNET))
}

#[test]
fn a_file_size_limit_is_an_error_and_leaves_no_partial_file() {
    let desk = Desk::new();
    fill(&desk);
    let pack = "pack oci:src --to out --name b --key k.key.pem";
    limited(&desk, 100, pack).ends(1).says(&["b_0000", "File too large"]);
    assert!(desk.files("out").is_empty());
    desk.carnet(pack).ok();
    let unpack = "unpack out --pub k.pub.pem --to oci:back";
    limited(&desk, 100, unpack).ends(1).says(&["File too large"]);
    assert!(!desk.path("back").exists());
    desk.carnet(unpack).ok();
    let to = "unpack out --pub k.pub.pem --to oci-archive:back.tar";
    limited(&desk, 100, to).ends(1).says(&["File too large"]);
    assert!(!desk.path("back.tar").exists());
    desk.sh("ls -A | grep -c carnet- ").says(&["0"]);
    let before = desk.files("out");
    desk.carnet("keygen r").ok();
    limited(&desk, 100, "sign out --key r.key.pem").ends(1);
    assert!(desk.files("out") == before, "the control chunk is what it was, and nothing is beside it");
}
