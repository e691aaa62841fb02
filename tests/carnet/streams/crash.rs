//! Kills at many moments: no number is used twice, and what was used is remembered or done again.
//! `scripts/torture` does more of this.

use std::process::Stdio;
use std::time::Duration;

use super::support::{lines, packed, remembered, unpack, verdict};
use crate::behaviour::support::{Desk, assert_same_layout, noise};

const MOMENTS: [u64; 8] = [1, 3, 6, 10, 15, 22, 30, 45];

/// A source with many chunks, so that packing takes a while.
fn fill(desk: &Desk, name: &str, seed: u64) {
    let mut source = desk.source(name);
    let config = source.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let layer = source.blob("application/vnd.oci.image.layer.v1.tar", &noise(seed, 3 << 20));
    let image = source.manifest(&config, &[layer]);
    source.tag(&image, "app:1");
}

/// Runs a command and kills it after some milliseconds. Returns whether it was killed.
fn killed(desk: &Desk, line: &str, milliseconds: u64) -> bool {
    let mut child = desk.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(milliseconds));
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

#[test]
fn a_killed_pack_takes_its_number_again_and_another_plan_takes_the_next() {
    let desk = Desk::new();
    fill(&desk, "src", 1);
    fill(&desk, "other", 2);
    let line = |source: &str, name: &str| {
        format!(
            "pack oci:{source} --to {name} --name {name} --key k.key.pem --chunk-size 64KiB --stream north --state low"
        )
    };
    let mut kills = 0;
    for moment in MOMENTS {
        kills += u32::from(killed(&desk, &line("src", "a"), moment));
        desk.carnet("stream verify --state low").ok();
    }
    assert!(kills > 2, "{kills} kills");
    let first = desk.carnet(&format!("{} --json", line("src", "a"))).ok().json();
    assert_eq!(first["sequence"], 1, "{first}");
    let taken = lines(&desk, "low").iter().filter(|line| line["event"] == "taken").count();
    assert_eq!(taken, 1, "one number for one plan");
    // Killed, and then something else is packed.
    for moment in MOMENTS {
        killed(&desk, &line("other", "b"), moment);
    }
    let before = remembered(&desk, "low");
    let highest = before["open"].as_u64().or(before["sent"]["number"].as_u64()).unwrap();
    packed(&desk, "c", "--state low");
    let third = remembered(&desk, "low");
    assert_eq!(third["sent"]["number"], highest + 1, "{before} {third}");
    unpack(&desk, "a", "").ok();
    let expected = if before["open"].is_null() && highest > 1 { "gap" } else { "new" };
    assert_eq!(verdict(&unpack(&desk, "c", "").ok()), expected);
}

#[test]
fn a_killed_unpack_is_done_again_and_remembered_once() {
    let desk = Desk::new();
    fill(&desk, "src", 1);
    desk.pack("oci:src --chunk-size 64KiB --stream north --sequence 1").ok();
    let line = "unpack out --pub k.pub.pem --to oci:back --state far";
    for moment in MOMENTS {
        killed(&desk, line, moment);
        desk.carnet("stream verify --state far").ok();
        if !lines(&desk, "far").is_empty() {
            assert_same_layout(&desk.path("src"), &desk.path("back"));
        }
    }
    desk.carnet(line).ok();
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    let known = lines(&desk, "far");
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0]["verdict"], "first-contact");
}
