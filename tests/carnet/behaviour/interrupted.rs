//! If packing is killed at any point, only finished chunks remain, and the next run continues from there.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::layouts::{CONFIG, LAYER};
use super::support::{Desk, Run, noise, signal, wait_for};

/// About 140 chunks of 64 KiB.
fn fill(desk: &Desk) {
    let mut source = desk.source("src");
    let config = source.blob(CONFIG, b"{}");
    let sizes = [5 << 20, 2 << 20, 700_000, 50_000, 49_000, 3000, 0];
    let layers: Vec<_> =
        (0..).zip(sizes).map(|(seed, bytes)| source.blob(LAYER, &noise(seed, bytes))).collect();
    let image = source.manifest(&config, &layers);
    source.tag(&image, "app:1");
}

const PACK: &str = "pack oci:src --name b --key k.key.pem --chunk-size 64KiB --to";

fn command(desk: &Desk, folder: &str) -> Command {
    let mut command = desk.command(&format!("{PACK} {folder}"));
    command.env("SOURCE_DATE_EPOCH", "1700000000").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Inode and time of every visible file. A file that was written again has another inode.
fn identities(folder: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let entries = entries.map(|entry| entry.unwrap());
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| {
            let data = entry.metadata().unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, (data.ino(), data.mtime(), data.mtime_nsec()))
        })
        .collect()
}

/// Asserts that every visible file is a valid chunk.
#[track_caller]
fn only_good_chunks(desk: &Desk, folder: &str) {
    if identities(&desk.path(folder)).is_empty() {
        return;
    }
    let report = desk.carnet(&format!("verify {folder} --pub k.pub.pem --json")).json();
    let verdicts = report["bundles"].as_array().unwrap().iter().flat_map(|b| b["files"].as_array().unwrap());
    for file in verdicts {
        assert_eq!(file["verdict"], "accepted", "{file}");
    }
    let strays: Vec<&str> =
        report["others"].as_array().unwrap().iter().map(|o| o["file"].as_str().unwrap()).collect();
    assert!(strays.iter().all(|file| file.contains("/.b.partial/")), "{strays:?}");
}

#[test]
fn after_a_kill_the_next_run_keeps_finished_chunks() {
    let desk = Desk::new();
    fill(&desk);
    assert!(command(&desk, "whole").status().unwrap().success());
    let whole = desk.files("whole");
    let mut killed = 0;
    for chunks in [0, 1, 10, 50, 100, whole.len() - 1] {
        let before = identities(&desk.path("out"));
        let mut child = command(&desk, "out").spawn().unwrap();
        if wait_for(&mut child, || identities(&desk.path("out")).len() >= chunks) {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        only_good_chunks(&desk, "out");
        let after = identities(&desk.path("out"));
        for (name, identity) in before {
            assert_eq!(after[&name], identity, "{name} was finished and is not what it was");
        }
    }
    assert!(killed >= 3, "only {killed} runs could be killed");
    let before = identities(&desk.path("out"));
    assert!(command(&desk, "out").status().unwrap().success());
    let after = identities(&desk.path("out"));
    assert!(before.iter().all(|(name, identity)| after[name] == *identity));
    assert!(desk.files("out") == whole, "as if it had never been killed, and nothing besides");
}

#[test]
fn a_kill_at_any_time_leaves_no_partial_file() {
    let desk = Desk::new();
    fill(&desk);
    for pause in [0, 3, 7, 15, 31, 63, 127] {
        let _ = std::fs::remove_dir_all(desk.path("out"));
        let mut child = command(&desk, "out").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        only_good_chunks(&desk, "out");
        assert!(command(&desk, "out").status().unwrap().success(), "after {pause} ms");
        desk.carnet("verify out --pub k.pub.pem").ok();
        assert!(!desk.path("out/.b.partial").exists());
    }
}

#[test]
fn ctrl_c_ends_cleanly_and_says_how_to_resume() {
    for name in ["INT", "TERM", "HUP"] {
        let desk = Desk::new();
        fill(&desk);
        let mut child = command(&desk, "out").stderr(Stdio::piped()).spawn().unwrap();
        assert!(wait_for(&mut child, || identities(&desk.path("out")).len() >= 3), "it ended too early");
        signal(&child, name);
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(130), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
        only_good_chunks(&desk, "out");
        assert!(!desk.path("out/.b.partial").exists(), "what is half is cleaned up");
        assert!(command(&desk, "out").status().unwrap().success());
    }
}

#[test]
fn a_hangup_is_ignored_under_nohup() {
    let desk = Desk::new();
    fill(&desk);
    let line = format!("trap '' HUP; exec {} {PACK} out", super::support::CARNET);
    let mut child = Command::new("sh").args(["-c", &line]).current_dir(desk.path("")).spawn().unwrap();
    assert!(wait_for(&mut child, || identities(&desk.path("out")).len() >= 3), "it ended too early");
    signal(&child, "HUP");
    assert!(child.wait().unwrap().success());
    desk.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn a_kill_while_one_bundle_replaces_another_is_explained_and_repaired() {
    if !super::support::installed(&["strace"]) {
        return;
    }
    let desk = Desk::new();
    let mut old = desk.source("old");
    let image = old.image(99, &[400_000]);
    old.tag(&image, "old:1");
    desk.carnet("pack oci:old --name b --key k.key.pem --chunk-size 64KiB --to out").ok();
    let mut new = desk.source("new");
    let image = new.image(98, &[500_000]);
    new.tag(&image, "new:1");
    let pack = format!(
        "{} pack oci:new --name b --key k.key.pem --chunk-size 64KiB --to out",
        super::support::CARNET
    );
    let killed = desk
        .sh(&format!("strace -f -qq -o /dev/null -e inject=rename:signal=SIGKILL:when=5 {pack} --overwrite"));
    if killed.stderr.contains("Operation not permitted") {
        super::support::skipped("strace may not trace here");
        return;
    }
    assert_ne!(killed.code, Some(0), "it was killed: {killed:?}");
    let run = desk.carnet("verify out --pub k.pub.pem").ends(4);
    assert_eq!(run.stdout.matches("INCOMPLETE").count(), 2, "the old and the new bundle: {}", run.stdout);
    run.says(&["2 bundles are called b", "--overwrite"]);
    desk.sh(&pack).ends(1).says(&["target-exists", "--overwrite"]);
    desk.sh(&format!("{pack} --overwrite")).ok();
    desk.carnet("verify out --pub k.pub.pem").ok();
    desk.carnet("inspect out --pub k.pub.pem").ok().says(&["new:1"]);
    assert_eq!(desk.sh("ls -A out | grep partial; true").stdout, "");
}

#[test]
fn the_old_bundle_stays_until_the_new_one_is_complete() {
    let desk = Desk::new();
    let mut old = desk.source("old");
    let image = old.image(99, &[400_000]);
    old.tag(&image, "old:1");
    desk.carnet("pack oci:old --name b --key k.key.pem --chunk-size 64KiB --to out").ok();
    let before = identities(&desk.path("out"));
    fill(&desk);
    for chunks in [1, 20, 60] {
        let mut child = command(&desk, "out").arg("--overwrite").spawn().unwrap();
        let staged = || std::fs::read_dir(desk.path("out/.b.partial")).map_or(0, Iterator::count) >= chunks;
        assert!(wait_for(&mut child, staged), "it ended too early");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(identities(&desk.path("out")), before);
        desk.carnet("verify out --pub k.pub.pem").ok();
    }
    assert!(command(&desk, "out").arg("--overwrite").status().unwrap().success());
    desk.carnet("inspect out --pub k.pub.pem").ok().says(&["app:1"]);
}

#[test]
fn two_concurrent_runs_do_not_mix() {
    let desk = Desk::new();
    fill(&desk);
    let mut first = command(&desk, "out").spawn().unwrap();
    // The lock is taken before the first chunk is started.
    let staged = || std::fs::read_dir(desk.path("out/.b.partial")).map_or(0, Iterator::count) >= 2;
    assert!(wait_for(&mut first, staged));
    signal(&first, "STOP");
    Run::of(&mut desk.command(&format!("{PACK} out"))).ends(1).says(&["another process"]);
    signal(&first, "CONT");
    assert!(first.wait().unwrap().success());
    desk.carnet("verify out --pub k.pub.pem").ok();
}
