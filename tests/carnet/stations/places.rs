//! What happens to the files in a place.

use std::fs;
use std::time::Duration;

use super::watching::{chunk, chunks, deliver, deliver_all, desk, strange};
use crate::behaviour::support::installed;

#[test]
fn files_of_an_unknown_key_are_moved_away_and_others_stay() {
    let desk = desk(&["b"]);
    strange(&desk);
    deliver_all(&desk, "b");
    fs::copy(desk.path("strange/strange_00000.tar"), desk.path("in/x.tar")).unwrap();
    for (name, text) in [("empty", ""), ("notes.txt", "not a chunk")] {
        fs::write(desk.path("in").join(name), text).unwrap();
    }
    desk.carnet("receive in --pub k.pub.pem --once").ends(3).says(&["x.tar is not trusted, moved to"]);
    assert!(!desk.path("in/x.tar").exists() && desk.path("in/.quarantine/x.tar").exists());
    let reason = fs::read_to_string(desk.path("in/.quarantine/x.tar.reason.txt")).unwrap();
    assert!(reason.contains("not signed by a trusted packer"), "{reason}");
    for name in ["empty", "notes.txt", "b-0"] {
        assert!(desk.path("in").join(name).exists(), "{name}");
    }
    fs::copy(desk.path("strange/strange_00000.tar"), desk.path("in/y.tar")).unwrap();
    desk.carnet("receive in --pub k.pub.pem --once --quarantine away").ends(3);
    assert!(desk.path("away/y.tar").exists() && desk.path("away/y.tar.reason.txt").exists());
    desk.carnet("receive in --pub k.pub.pem --once").ok();
    desk.carnet("receive in --pub k.pub.pem --once --to in/sub").ends(2);
}

#[test]
fn only_what_was_used_is_deleted() {
    let desk = desk(&["b", "c"]);
    deliver_all(&desk, "b");
    deliver(&desk, "b", 1, "b-1 again");
    deliver(&desk, "c", 0, "c-0");
    fs::write(desk.path("in/notes.txt"), "mine").unwrap();
    desk.carnet("receive in --pub k.pub.pem --once --delete-source --then unpack oci:back").ends(4);
    let left: Vec<String> = desk.files("in").into_keys().collect();
    assert_eq!(left, ["c-0", "notes.txt"]);
    // A step that fails deletes nothing.
    deliver_all(&desk, "c");
    fs::write(desk.path("file"), "in the way").unwrap();
    let before = desk.files("in").len();
    desk.carnet("receive in --pub k.pub.pem --once --delete-source --then unpack oci-archive:file").ends(1);
    assert_eq!(desk.files("in").len(), before);
}

#[test]
fn a_damaged_chunk_is_named_and_a_good_copy_replaces_it() {
    let desk = desk(&["b"]);
    deliver_all(&desk, "b");
    let mut bytes = fs::read(chunk(&desk, "b", 1)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path("in/b-1"), bytes).unwrap();
    desk.carnet("receive in --pub k.pub.pem --once --then unpack oci:back").ends(4);
    assert!(!desk.path("back").exists());
    deliver(&desk, "b", 1, "b-1 again");
    desk.carnet("receive in --pub k.pub.pem --once --then unpack oci:back").ok();
}

#[test]
fn old_files_are_passed_over() {
    let desk = desk(&["b"]);
    deliver_all(&desk, "b");
    let file = fs::File::open(desk.path("in/b-1")).unwrap();
    let now = file.metadata().unwrap().modified().unwrap();
    file.set_modified(now - Duration::from_secs(3 * 86_400)).unwrap();
    let run = desk.carnet("receive in --pub k.pub.pem --once --max-age 2d").ends(4);
    run.says(&["b-1: passed over: last modified too long ago", &format!("1 of {}: 1", chunks(&desk, "b"))]);
    desk.carnet("receive in --pub k.pub.pem --once --max-age 4d").ok();
}

#[test]
fn a_place_that_cannot_be_written_is_read() {
    let desk = desk(&["b"]);
    strange(&desk);
    deliver_all(&desk, "b");
    fs::copy(desk.path("strange/strange_00000.tar"), desk.path("in/x.tar")).unwrap();
    desk.sh("chmod 555 in").ok();
    let run = desk.ordinary("receive in --pub k.pub.pem --once --then unpack oci:back --delete-source");
    desk.sh("chmod 755 in").ok();
    run.ends(3).says(&["x.tar is not trusted, it stays", "the bundle b is done", "b-0 stays: "]);
    assert_eq!(desk.files("in").len(), chunks(&desk, "b") + 1);
    assert!(desk.path("back/index.json").exists());
}

#[test]
fn a_step_that_is_wrong_is_refused_at_once() {
    let desk = desk(&[]);
    for then in ["unpack", "fly away", "import oci:x", "unpack docker://x"] {
        desk.carnet(&format!("receive in --pub k.pub.pem --once --then {then}")).ends(2);
    }
    desk.carnet("receive in --once").ends(2);
}

#[test]
fn a_second_process_does_not_use_the_same_state() {
    let desk = desk(&["b"]);
    let mut first = super::watching::Watching::start(&desk, "log", "--state state");
    let lock = desk.path("state/received.lock");
    assert!(crate::behaviour::support::wait_for(&mut first.child, || lock.exists()));
    // The lock is taken right after the file is there.
    assert!(crate::behaviour::support::wait_for(&mut first.child, || {
        desk.carnet("receive in --pub k.pub.pem --once --state state").code == Some(1)
    }));
}

/// Files that did not change are not opened again.
#[test]
fn ten_thousand_foreign_files_are_read_once() {
    if !installed(&["strace"]) {
        return;
    }
    let desk = desk(&[]);
    strange(&desk);
    for number in 0..10_000 {
        fs::write(desk.path(format!("in/foreign-{number}")), "not a chunk").unwrap();
    }
    let mut watching = super::watching::Watching::start(&desk, "log", "");
    watching.looks_twice();
    let tracing = desk.path("trace");
    let process = watching.child.id();
    let mut strace = std::process::Command::new("strace")
        .args(["-f", "-q", "-e", "trace=openat", "-o"])
        .arg(&tracing)
        .args(["-p", &process.to_string()])
        .spawn()
        .unwrap();
    assert!(crate::behaviour::support::wait_for(&mut strace, || {
        fs::read_to_string(&tracing).is_ok_and(|text| text.contains("\"in\""))
    }));
    watching.looks_twice();
    crate::behaviour::support::signal(&strace, "INT");
    strace.wait().unwrap();
    let text = fs::read_to_string(&tracing).unwrap();
    assert!(text.contains("marker-"), "the trace shows what is opened");
    assert_eq!(text.matches("foreign-").count(), 0);
}
