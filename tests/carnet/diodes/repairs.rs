//! Parity files, and what is repaired from them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::behaviour::support::{Desk, Run, assert_same_layout, noise};

const TRUST: &str = "--pub k.pub.pem";

/// A bundle `b` of 12 chunks or more in `out`, with parity.
fn desk(parity: &str) -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[600_000, 50_000]);
    source.tag(&image, "app:1");
    desk.pack(&format!("oci:src --chunk-size 64KiB --parity {parity}")).ok();
    desk
}

fn chunk(number: u32) -> String {
    format!("b_{number:05}.tar")
}

/// Copies `out` to `in`, does some damage there, and returns the verdict of `verify` and the run of `repair`.
fn after(desk: &Desk, damage: impl FnOnce(&Path)) -> (Value, Run) {
    desk.sh("rm -rf in && cp -r out in").ok();
    damage(&desk.path("in"));
    let verified = desk.carnet(&format!("verify in {TRUST} --json"));
    let bundle = verified.json()["bundles"][0].clone();
    (bundle, desk.carnet(&format!("repair in {TRUST}")))
}

/// Asserts that every chunk is as it was packed.
#[track_caller]
fn assert_repaired(desk: &Desk) {
    let (packed, repaired) = (desk.files("out"), desk.files("in"));
    for (name, bytes) in packed.iter().filter(|(name, _)| !name.contains("parity")) {
        assert!(repaired.get(name) == Some(bytes), "{name} differs");
    }
    desk.carnet(&format!("verify in {TRUST}")).ok();
}

fn flip(folder: &Path, name: &str, at: usize) {
    let path = folder.join(name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

fn remove(folder: &Path, name: &str) {
    std::fs::remove_file(folder.join(name)).unwrap();
}

#[test]
fn lost_chunks_come_back_bit_for_bit() {
    let desk = desk("3");
    for lost in [[0, 1, 2], [3, 7, 12], [0, 6, 12]] {
        let (verdict, repaired) = after(&desk, |folder| {
            for number in lost {
                remove(folder, &chunk(number));
            }
        });
        assert_eq!(verdict["verdict"], "recoverable", "{verdict}");
        assert_eq!(verdict["protection"]["reserve"], 0);
        repaired.ok().says(&["REPAIRED, 3 chunks"]);
        assert_repaired(&desk);
    }
}

#[test]
fn parity_files_are_within_the_limit_and_change_nothing_else() {
    let desk = desk("25%");
    let with = desk.files("out");
    desk.sh("rm -rf out").ok();
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let without = desk.files("out");
    let shared: BTreeMap<_, _> = with.iter().filter(|(name, _)| without.contains_key(*name)).collect();
    assert_eq!(shared.len(), without.len());
    for (name, bytes) in &with {
        assert!(bytes.len() <= 65_536, "{name} has {} bytes", bytes.len());
    }
    assert!(with.len() > without.len() + 2);
}

#[test]
fn the_reserve_counts_lost_files_of_both_kinds() {
    let desk = desk("3");
    let (verdict, _) = after(&desk, |_| ());
    assert_eq!(verdict["verdict"], "complete");
    assert_eq!(verdict["protection"]["reserve"], 3);
    let (verdict, _) = after(&desk, |folder| remove(folder, "b_parity_00001.tar"));
    assert_eq!(verdict["verdict"], "complete");
    assert!(verdict["protection"]["reserve"].as_i64().unwrap() >= 2, "{verdict}");
    let (verdict, repaired) = after(&desk, |folder| {
        (1..=4).for_each(|number| remove(folder, &chunk(number)));
    });
    assert_eq!(verdict["verdict"], "incomplete");
    assert_eq!(verdict["protection"]["reserve"], -1);
    repaired.ends(4).says(&["NOT REPAIRED", "1 more file needed", "bundle-incomplete"]);
    assert!(!desk.path("in").join(chunk(1)).exists(), "nothing half is left");
}

#[test]
fn a_scratch_in_every_chunk_is_repaired() {
    let desk = desk("3");
    let (verdict, repaired) = after(&desk, |folder| {
        for (number, name) in desk.files("out").keys().filter(|name| !name.contains("parity")).enumerate() {
            let bytes = std::fs::metadata(folder.join(name)).unwrap().len();
            let last = usize::try_from(bytes).unwrap() - 1;
            flip(folder, name, (3_000 + number * 4_500).min(last));
        }
    });
    assert_eq!(verdict["verdict"], "recoverable", "{verdict}");
    repaired.ok().says(&["REPAIRED"]);
    assert_repaired(&desk);
}

#[test]
fn scratched_heads_cut_files_and_empty_files_are_repaired() {
    let desk = desk("4");
    let (verdict, repaired) = after(&desk, |folder| {
        // In the statement, in the signature; cut at the end, at the beginning; empty.
        flip(folder, &chunk(1), 600);
        flip(folder, &chunk(2), 1_600);
        let bytes = std::fs::read(folder.join(chunk(3))).unwrap();
        std::fs::write(folder.join(chunk(3)), &bytes[..40_000]).unwrap();
        std::fs::write(folder.join(chunk(5)), &bytes[..0]).unwrap();
    });
    assert_eq!(verdict["verdict"], "recoverable", "{verdict}");
    repaired.ok();
    assert_repaired(&desk);
}

#[test]
fn a_damaged_file_helps_under_any_name() {
    let desk = desk("2");
    // Three chunks without readable heads, under other names: only their blocks say what they are.
    let (_, repaired) = after(&desk, |folder| {
        for (number, name) in [(4, "a.bin"), (6, "b.bin"), (8, "c.bin")] {
            flip(folder, &chunk(number), 20);
            std::fs::rename(folder.join(chunk(number)), folder.join(name)).unwrap();
        }
    });
    repaired.ok().says(&["REPAIRED, 3 chunks"]);
    assert_repaired(&desk);
}

#[test]
fn damaged_parity_helps_as_far_as_it_is_good() {
    let desk = desk("2");
    let (verdict, repaired) = after(&desk, |folder| {
        remove(folder, &chunk(4));
        for file in desk.files("in").keys().filter(|name| name.contains("parity")) {
            // In its stripes, in its last quarter.
            let bytes = std::fs::metadata(folder.join(file)).unwrap().len();
            flip(folder, file, usize::try_from(bytes).unwrap() - 2_000);
        }
    });
    assert!(verdict["files"].as_array().unwrap().iter().any(|file| file["verdict"] == "damaged"));
    // The last rows of all parity files are damaged, and these rows of the chunk are lost with them.
    repaired.ends(4);
    let (_, repaired) = after(&desk, |folder| {
        remove(folder, &chunk(4));
        flip(folder, "b_parity_00000.tar", 30_000);
        flip(folder, "b_parity_00001.tar", 50_000);
    });
    repaired.ok();
    assert_repaired(&desk);
}

#[test]
fn repaired_chunks_can_go_elsewhere_and_repairing_again_is_safe() {
    let desk = desk("2");
    desk.sh("cp -r out in && rm in/b_00003.tar").ok();
    let again = format!("repair in {TRUST} --to fixed");
    desk.carnet(&again).ok().says(&["fixed/b_00003.tar"]);
    assert_eq!(desk.files("fixed")["b_00003.tar"], desk.files("out")["b_00003.tar"]);
    desk.carnet(&again).ok();
    desk.carnet(&format!("verify in fixed {TRUST}")).ok();
    desk.carnet(&format!("repair out {TRUST}")).ok().says(&["nothing to repair"]);
}

#[test]
fn what_has_the_name_of_a_chunk_and_is_none_is_kept_aside() {
    let desk = desk("2");
    let notes = noise(7, 5_000);
    let (_, repaired) = after(&desk, |folder| std::fs::write(folder.join(chunk(3)), &notes).unwrap());
    repaired.ok();
    assert_repaired(&desk);
    assert!(desk.files("in").values().any(|bytes| *bytes == notes), "somebody's file is not lost");
    // A chunk of another bundle is not touched.
    desk.sh("rm -rf in && cp -r out in && rm in/b_00003.tar").ok();
    desk.carnet("pack oci:src --to other --name other --key k.key.pem").ok();
    desk.sh("cp other/other_00000.tar in/b_00003.tar").ok();
    let other = desk.files("other")["other_00000.tar"].clone();
    desk.carnet(&format!("repair in {TRUST} --bundle b")).ends(1).says(&["target-exists"]);
    assert_eq!(desk.files("in")["b_00003.tar"], other);
}

#[test]
fn unpack_repairs_as_it_goes() {
    let desk = desk("3");
    for damage in
        ["rm in/b_00002.tar in/b_00000.tar", "printf XYZ | dd of=in/b_00004.tar bs=1 seek=30000 conv=notrunc"]
    {
        desk.sh("rm -rf in back && cp -r out in").ok();
        desk.sh(damage).ok();
        let before = desk.files("in");
        desk.sh("mkdir -p tmp").ok();
        desk.carnet(&format!("unpack in {TRUST} --to oci:back --tmp tmp"))
            .ok()
            .says(&["recovered from parity"]);
        assert_same_layout(&desk.path("src"), &desk.path("back"));
        assert_eq!(desk.files("in"), before, "what arrived is not changed");
        assert!(desk.files("tmp").is_empty(), "no chunk stays");
    }
}

#[test]
fn parity_after_the_release_brings_back_the_release() {
    let desk = desk("2");
    desk.carnet("keygen alice").ok();
    // Made before the release: the packer's signature comes back.
    desk.carnet("sign out --key alice.key.pem").ok();
    let released = desk.files("out")[&chunk(0)].clone();
    let (_, repaired) = after(&desk, |folder| remove(folder, &chunk(0)));
    repaired.ok().says(&["the control chunk has 1 signature"]);
    // Made after it: both do.
    desk.carnet("parity out --parity 2 --key k.key.pem --overwrite").ok();
    let (_, repaired) = after(&desk, |folder| remove(folder, &chunk(0)));
    repaired.ok().says(&["the control chunk has 2 signatures"]);
    assert_eq!(desk.files("in")[&chunk(0)], released);
    // A damaged control chunk keeps the signatures that it has.
    let (_, repaired) = after(&desk, |folder| flip(folder, &chunk(0), released.len() - 3_000));
    repaired.ok().says(&["the control chunk has 2 signatures"]);
    assert_eq!(desk.files("in")[&chunk(0)], released);
}

#[test]
fn parity_is_made_later_too_and_twice() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let make = "parity out --parity 20% --key k.key.pem";
    desk.carnet(make).ok().says(&["may be lost"]);
    let first = desk.files("out");
    // The same again keeps what is there, even though it is another time.
    desk.carnet(make).ok().says(&["0 parity files", "there already"]);
    assert_eq!(desk.files("out"), first);
    // Other parity does not replace it silently.
    desk.carnet("parity out --parity 3 --key k.key.pem").ends(1).says(&["target-exists"]);
    assert_eq!(desk.files("out"), first);
    desk.carnet("parity out --parity 3 --key k.key.pem --to more").ok();
    // Two sets help together.
    desk.sh("rm out/b_00001.tar out/b_00002.tar out/b_00003.tar").ok();
    desk.carnet(&format!("repair out more {TRUST} --to fixed")).ok();
    desk.carnet(&format!("verify out fixed {TRUST}")).ok();
}

#[test]
fn parity_is_not_made_of_a_bundle_that_is_not_whole() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[300_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.carnet("keygen stranger").ok();
    let parity = |key: &str| desk.carnet(&format!("parity out --parity 1 --key {key}"));
    parity("stranger.key.pem").ends(3).says(&["bundle-untrusted"]);
    flip(&desk.path("out"), &chunk(2), 20_000);
    parity("k.key.pem").ends(4).says(&["b_00002.tar"]);
    remove(&desk.path("out"), &chunk(2));
    parity("k.key.pem").ends(4).says(&["chunk 2 is missing"]);
    assert!(!desk.files("out").keys().any(|name| name.contains("parity")), "no parity file is left");
    desk.carnet(&format!("repair out {TRUST}")).ends(4).says(&["no-parity"]);
}

#[test]
fn a_good_copy_beside_a_damaged_one_is_not_repaired() {
    let desk = desk("1");
    let (verdict, repaired) = after(&desk, |folder| {
        std::fs::copy(folder.join(chunk(4)), folder.join("z-copy.tar")).unwrap();
        flip(folder, &chunk(4), 20_000);
    });
    assert_eq!(verdict["verdict"], "complete", "{verdict}");
    repaired.ok().says(&["nothing to repair"]);
}

#[test]
fn missing_lists_only_what_parity_cannot_recover() {
    let desk = desk("2");
    desk.sh("cp -r out in && rm in/b_00003.tar in/b_00004.tar").ok();
    let missing = format!("missing in {TRUST}");
    let run = desk.carnet(&missing).ok().says(&["recovers from parity: chunks 3, 4"]);
    assert_eq!(run.stdout, "");
    // Of four lost chunks, two must come again, and no matter which.
    desk.sh("rm in/b_00005.tar in/b_00006.tar").ok();
    let report = desk.carnet(&format!("{missing} --json")).ends(4).json();
    assert_eq!(report["bundles"][0]["missing"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(report["recoverable"][0]["chunks"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn another_bundle_of_the_name_takes_its_parity_along() {
    let desk = desk("2");
    let mut other = desk.source("other");
    let image = other.image(9, &[200_000]);
    other.tag(&image, "app:2");
    desk.pack("oci:other --chunk-size 64KiB --overwrite").ok();
    assert!(!desk.files("out").keys().any(|name| name.contains("parity")), "{:?}", desk.files("out").keys());
    desk.carnet(&format!("verify out {TRUST}")).ok();
    // With parity of its own, which has fewer files.
    desk.pack("oci:src --chunk-size 64KiB --overwrite --parity 4").ok();
    desk.pack("oci:other --chunk-size 64KiB --overwrite --parity 1").ok();
    desk.carnet(&format!("verify out {TRUST}")).ok().says(&["1 more file may be lost"]);
    // Packed again as it is, it keeps its parity.
    desk.pack("oci:other --chunk-size 64KiB --overwrite").ok();
    desk.carnet(&format!("verify out {TRUST}")).ok().says(&["1 more file may be lost"]);
}

#[test]
fn sums_of_files_include_parity_files() {
    let desk = desk("1");
    desk.sh("rm -rf out").ok();
    desk.pack("oci:src --chunk-size 64KiB --parity 1 --file-sums sha256").ok();
    desk.sh("cd out && sha256sum -c --strict b_sha256.txt")
        .ok()
        .says(&["b_00000.tar: OK", "b_parity_00000.tar: OK"]);
}

/// Small parity files protect few chunks each, so these are in several groups.
#[test]
fn neighbours_are_in_different_groups_and_no_group_helps_another() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[150 * 62_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB --parity 2").ok();
    let parity: Vec<String> = desk.files("out").into_keys().filter(|name| name.contains("parity")).collect();
    let groups = || {
        desk.carnet(&format!("verify out {TRUST} --json")).json()["bundles"][0]["protection"]["groups"]
            .clone()
    };
    let before = groups();
    let count = u32::try_from(before.as_array().unwrap().len()).unwrap();
    assert!(count > 1, "{before}");
    // A burst: two of each group.
    let mut lost = BTreeMap::new();
    for name in (50..50 + 2 * count).map(chunk) {
        lost.insert(name.clone(), std::fs::read(desk.path("out").join(&name)).unwrap());
        remove(&desk.path("out"), &name);
    }
    let damaged = groups();
    let of = |group: &Value| -> Vec<u64> {
        group["lost"].as_array().unwrap().iter().filter_map(Value::as_u64).collect()
    };
    assert!(damaged.as_array().unwrap().iter().all(|group| of(group).len() == 2), "{damaged}");
    // Without the parity files of one group, those of the others recover only their own.
    let first = usize::try_from(before[0]["files"].as_u64().unwrap()).unwrap();
    desk.sh("mkdir apart").ok();
    for name in &parity[..first] {
        std::fs::rename(desk.path("out").join(name), desk.path("apart").join(name)).unwrap();
    }
    let [one, other] = of(&damaged[0])[..] else { panic!("{damaged}") };
    let run = desk.carnet(&format!("repair out {TRUST} --to fixed")).ends(4);
    run.says(&["error[bundle-incomplete]", &format!("missing {one}, {other}")]);
    let repaired = desk.files("fixed");
    assert_eq!(repaired.len(), lost.len() - 2);
    desk.carnet(&format!("repair out fixed apart {TRUST} --to rest")).ok().says(&["REPAIRED, 2 chunks"]);
    let repaired: BTreeMap<_, _> = repaired.into_iter().chain(desk.files("rest")).collect();
    assert!(repaired == lost, "{:?}", repaired.keys());
}

/// Somebody who knows the id of the bundle may have made the folder before.
#[test]
fn nothing_is_recovered_into_a_folder_that_others_can_enter() {
    let desk = desk("2");
    desk.sh("cp -r out in && rm in/b_00002.tar && mkdir -m 755 tmp theirs").ok();
    let folder = format!("tmp/carnet-repair-{}", desk.inspected("out")["bundle"].as_str().unwrap());
    let unpack = format!("unpack in {TRUST} --to oci:back --tmp tmp");
    for made in [format!("ln -s ../theirs {folder}"), format!("rm {folder} && mkdir -m 755 {folder}")] {
        desk.sh(&made).ok();
        desk.carnet(&unpack).ends(1).says(&[
            "error[target-exists]",
            "only this user can enter",
            "carnet-repair-",
        ]);
        assert!(desk.files("theirs").is_empty() && desk.files("tmp").is_empty());
        assert!(!desk.path("back/index.json").exists());
    }
    // What a killed run left is used.
    desk.sh(&format!("chmod 700 {folder}")).ok();
    desk.carnet(&unpack).ok().says(&["recovered from parity"]);
    assert_same_layout(&desk.path("src"), &desk.path("back"));
    assert!(!desk.path(&folder).exists());
}
