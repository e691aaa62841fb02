//! What arrives, and when it is used.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use super::watching::{Watching, chunk, chunks, deliver, deliver_all, desk, strange};
use crate::behaviour::support::{assert_same_layout, wait_for};

const DONE: &str = "the bundle b is done";

#[test]
fn a_bundle_is_used_once_and_not_before_its_last_byte() {
    let desk = desk(&["b"]);
    strange(&desk);
    let mut watching = Watching::start(&desk, "log", "--then unpack oci:back --state state");
    let bytes = fs::read(chunk(&desk, "b", 1)).unwrap();
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    for number in (2..chunks(&desk, "b")).chain([0]) {
        deliver(&desk, "b", number, &format!("part {number}"));
    }
    fs::write(desk.path("in/part 1"), half).unwrap();
    watching.looks_twice();
    assert_eq!(watching.count(DONE), 0, "{}", watching.log());
    assert!(!desk.path("back").exists());
    OpenOptions::new().append(true).open(desk.path("in/part 1")).unwrap().write_all(rest).unwrap();
    watching.looks_twice();
    watching.says(DONE);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    // The same files again, and under other names.
    for number in 0..chunks(&desk, "b") {
        deliver(&desk, "b", number, &format!("part {number}"));
        deliver(&desk, "b", number, &format!("again {number}"));
    }
    watching.looks_twice();
    assert_eq!(watching.count(DONE), 1, "{}", watching.log());
    let (code, log) = watching.stop();
    assert_eq!(code, Some(0), "{log}");
    // After the next start it is still known.
    let mut watching = Watching::start(&desk, "log", "--then unpack oci:back --state state");
    watching.says("it was done at");
    watching.looks_twice();
    assert_eq!(watching.count(DONE), 0, "{}", watching.log());
}

#[test]
fn a_preallocated_file_is_waited_for() {
    let desk = desk(&["b"]);
    strange(&desk);
    let mut watching = Watching::start(&desk, "log", "--then unpack oci:back");
    let bytes = fs::read(chunk(&desk, "b", 1)).unwrap();
    // The head is there, and the right length, but zeros in the middle.
    let file = fs::File::create(desk.path("in/1")).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    let (from, to) = (bytes.len() / 2, bytes.len() / 2 + 5000);
    file.write_all_at(&bytes[..from], 0).unwrap();
    file.write_all_at(&bytes[to..], to as u64).unwrap();
    for number in (2..chunks(&desk, "b")).chain([0]) {
        deliver(&desk, "b", number, &number.to_string());
    }
    watching.looks_twice();
    watching.looks_twice();
    assert_eq!(watching.count(DONE), 0, "{}", watching.log());
    assert_eq!(watching.count("error"), 0, "a bundle that waits has not failed: {}", watching.log());
    desk.carnet("receive in --pub k.pub.pem --once").ends(4);
    file.write_all_at(&bytes[from..to], from as u64).unwrap();
    watching.says(DONE);
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
}

#[test]
fn bundles_that_arrive_at_once_are_told_apart() {
    let desk = desk(&["b", "c"]);
    let most = chunks(&desk, "b").max(chunks(&desk, "c"));
    for number in (0..most).rev() {
        for name in ["b", "c"] {
            if number < chunks(&desk, name) && (name, number) != ("c", 1) {
                deliver(&desk, name, number, &format!("{number}.{name}"));
            }
        }
    }
    let run = desk.carnet("receive in --pub k.pub.pem --once --then unpack oci:back --state state").ends(4);
    run.says(&["the bundle b is done", "send again: c ", &format!("1 of {}: 1", chunks(&desk, "c"))]);
    deliver(&desk, "c", 1, "late");
    let run = desk.carnet("receive in --pub k.pub.pem --once --then unpack oci:back --state state").ok();
    run.says(&["the bundle b is there again", "the bundle c is done"]);
    let tags: Vec<_> = crate::behaviour::support::entries(&desk.path("back"))
        .into_iter()
        .filter_map(|(name, ..)| name)
        .collect();
    assert_eq!(tags.len(), 2, "{tags:?}");
}

#[test]
fn after_a_kill_the_next_start_finishes() {
    let desk = desk(&["b"]);
    deliver_all(&desk, "b");
    // While the chunks are copied, while they are unpacked, and after the bundle is done.
    for milestone in ["arrived", "back/blobs", "state/received.json"] {
        let options = "--then unpack oci:back --state state --to arrived --delete-source";
        let mut watching = Watching::start(&desk, "log", options);
        let milestone = desk.path(milestone);
        wait_for(&mut watching.child, || milestone.exists());
        watching.child.kill().unwrap();
    }
    desk.carnet(
        "receive in --pub k.pub.pem --once --then unpack oci:back --state state --to arrived --delete-source",
    )
    .ok();
    assert_same_layout(&desk.path("src-b"), &desk.path("back"));
    assert!(desk.files("in").is_empty(), "{:?}", desk.files("in").keys());
    let folders: Vec<_> =
        fs::read_dir(desk.path("arrived")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    let copies = format!("arrived/{}", folders[0].to_str().unwrap());
    desk.carnet(&format!("verify {copies} --pub k.pub.pem")).ok();
    assert_eq!(desk.files(&copies), desk.files("b"));
}

/// A key that is added to the trust file is known at the next look.
#[test]
fn the_trust_file_is_read_again() {
    let desk = desk(&["b"]);
    desk.carnet("keygen other").ok();
    let trust = |keys: &[&str]| {
        let key = |key: &&str| {
            format!(
                "[[keys]]\nholder = \"{key}\"\npublic-key-file = \"{key}.pub.pem\"\nroles = [\"packer\", \"releaser\"]\n"
            )
        };
        let keys: String = keys.iter().map(key).collect();
        fs::write(desk.path("trust.toml"), format!("version = 1\nrelease-threshold = 1\n{keys}")).unwrap();
    };
    trust(&["other"]);
    // Where nothing can be moved, files that are not trusted stay.
    deliver_all(&desk, "b");
    fs::write(desk.path("in/.quarantine"), "in the way").unwrap();
    let mut watching = Watching::with(&desk, "log", "--trust trust.toml --then unpack oci:back");
    watching.says("is not trusted, it stays");
    assert!(!desk.path("back").exists());
    trust(&["other", "k"]);
    watching.says("the trust policy has changed");
    watching.says("the bundle b is done");
    assert!(desk.path("back/index.json").exists());
}

#[test]
fn more_files_than_allowed_are_told_once() {
    let desk = desk(&["b"]);
    deliver_all(&desk, "b");
    let run = desk.carnet("receive in --pub k.pub.pem --once --max-files 2").ends(4);
    run.says(&["not taken up", "the inbox takes up 2 files at most (max-files)", "send again"]);
    desk.carnet("receive in --pub k.pub.pem --once --max-bytes 100KB")
        .ends(4)
        .says(&["of 100000 at most (max-bytes)"]);
    desk.carnet("receive in --pub k.pub.pem --once --max-bytes 1GB --max-files 100").ok();
    desk.carnet("receive in --pub k.pub.pem --once --max-bytes much").ends(2);
}
