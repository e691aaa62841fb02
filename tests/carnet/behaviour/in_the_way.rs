//! Files that are already in the target folder and must not be lost.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::SystemTime;

use super::support::Desk;

fn fill(desk: &Desk, name: &str, seed: u64, bytes: usize) {
    let mut source = desk.source(name);
    let image = source.image(seed, &[bytes]);
    source.tag(&image, &format!("{name}:1"));
}

fn state(desk: &Desk) -> BTreeMap<String, (u64, SystemTime, Vec<u8>)> {
    let files = desk.files("out").into_iter();
    files
        .map(|(name, bytes)| {
            let data = std::fs::symlink_metadata(desk.path("out").join(&name)).unwrap();
            (name, (data.ino(), data.modified().unwrap(), bytes))
        })
        .collect()
}

#[test]
fn packing_a_complete_bundle_again_changes_nothing_and_says_so() {
    for options in
        ["", "--chunk-size 64KiB", "--chunk-size 64KiB --overwrite", "--expires 90d --label SECRET"]
    {
        let desk = Desk::new();
        fill(&desk, "src", 1, 300_000);
        desk.pack(&format!("oci:src {options}")).ok();
        let before = state(&desk);
        let run = desk.pack(&format!("oci:src {options}")).ok();
        assert!(run.stdout.contains("nothing changed"), "{options}: {}", run.stdout);
        assert!(state(&desk) == before, "{options}");
        let report = desk.pack(&format!("oci:src {options} --json")).ok().json();
        assert_eq!(report["outcome"], "unchanged");
        desk.carnet("keygen releaser").ok();
        desk.carnet("sign out --key releaser.key.pem").ok();
        let signed = state(&desk);
        desk.pack(&format!("oci:src {options}")).ok().says(&["nothing changed"]);
        assert!(state(&desk) == signed, "a release signature is kept");
    }
}

#[test]
fn foreign_files_are_kept_and_stop_the_run() {
    for name in ["b_00000.tar", "b_00002.tar", "b_00077.tar"] {
        let desk = Desk::new();
        fill(&desk, "src", 1, 300_000);
        std::fs::create_dir(desk.path("out")).unwrap();
        std::fs::write(desk.path("out").join(name), "someone's letter").unwrap();
        let before = state(&desk);
        desk.pack("oci:src --chunk-size 64KiB").ends(1).says(&[name, "exists"]);
        assert!(state(&desk) == before, "{name}");
    }
}

#[test]
fn a_chunk_of_another_bundle_is_kept_and_stops_the_run() {
    let desk = Desk::new();
    fill(&desk, "src", 1, 300_000);
    fill(&desk, "other", 2, 300_000);
    desk.pack("oci:other --chunk-size 64KiB").ok();
    let before = state(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ends(1).says(&["exists"]);
    assert!(state(&desk) == before);
    // Other options also make another bundle.
    desk.pack("oci:other --chunk-size 100000").ends(1).says(&["exists"]);
    desk.carnet("keygen other").ok();
    desk.carnet("pack oci:other --chunk-size 64KiB --to out --name b --key other.key.pem").ends(1);
    assert!(state(&desk) == before);
}

#[test]
fn a_finished_chunk_that_was_damaged_later_is_not_reused() {
    let desk = Desk::new();
    fill(&desk, "src", 1, 300_000);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    let path = desk.path("out/b_00002.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let before = state(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ends(1).says(&["b_00002.tar"]);
    assert!(state(&desk) == before);
    desk.pack("oci:src --chunk-size 64KiB --overwrite").ok();
    desk.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn unrelated_file_names_are_ignored() {
    let desk = Desk::new();
    fill(&desk, "src", 1, 300_000);
    std::fs::create_dir(desk.path("out")).unwrap();
    for name in ["b_0.tar", "b_000001.tar", "bb_00000.tar", "b_00000.tar.old", "letter.txt", ".b_00000.tar"] {
        std::fs::write(desk.path("out").join(name), name).unwrap();
    }
    let before = state(&desk);
    desk.pack("oci:src --chunk-size 64KiB").ok();
    fill(&desk, "small", 2, 10);
    desk.pack("oci:small --overwrite").ok();
    let after = state(&desk);
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|(name, file)| after[name] == *file));
}

#[test]
fn overwriting_replaces_every_chunk_of_the_old_bundle() {
    let desk = Desk::new();
    fill(&desk, "large", 1, 600_000);
    fill(&desk, "small", 2, 70_000);
    desk.pack("oci:large --chunk-size 64KiB").ok();
    assert!(desk.files("out").len() > 8);
    desk.pack("oci:small --chunk-size 64KiB --overwrite").ok();
    assert_eq!(desk.files("out").len(), 3, "the control chunk and two of payload");
    desk.carnet("verify out --pub k.pub.pem").ok();
    desk.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
    super::support::assert_same_layout(&desk.path("small"), &desk.path("back"));
    desk.pack("oci:large --chunk-size 64KiB --overwrite").ok();
    desk.carnet("verify out --pub k.pub.pem").ok();
}

#[test]
fn links_and_folders_with_the_name_of_a_chunk_are_not_followed() {
    for options in ["", "--overwrite"] {
        let desk = Desk::new();
        fill(&desk, "src", 1, 1000);
        std::fs::create_dir(desk.path("out")).unwrap();
        std::fs::write(desk.path("letter"), "someone's letter").unwrap();
        symlink(desk.path("letter"), desk.path("out/b_00000.tar")).unwrap();
        let run = desk.pack(&format!("oci:src {options}"));
        assert_eq!(std::fs::read(desk.path("letter")).unwrap(), b"someone's letter", "{options}");
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
        std::fs::remove_file(desk.path("out/b_00000.tar")).unwrap();
        std::fs::create_dir_all(desk.path("out/b_00000.tar/kept")).unwrap();
        desk.pack(&format!("oci:src {options}")).ends(1).says(&["b_00000.tar"]);
        assert!(desk.path("out/b_00000.tar/kept").exists());
    }
}

#[test]
fn a_file_with_the_name_of_the_folder_stops_the_run() {
    let desk = Desk::new();
    fill(&desk, "src", 1, 1000);
    std::fs::write(desk.path("out"), "someone's letter").unwrap();
    desk.pack("oci:src").ends(1).says(&["out"]);
    assert_eq!(std::fs::read(desk.path("out")).unwrap(), b"someone's letter");
}
