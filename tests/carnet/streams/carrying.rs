//! A memory is carried to another machine.

use std::fs;

use super::support::{lines, packed, unpack, verdict};
use crate::behaviour::support::{Desk, files};

fn with_one() -> Desk {
    let desk = Desk::new();
    let one = packed(&desk, "one", "--sequence 1");
    packed(&desk, "two", &format!("--sequence 2 --previous {one}"));
    packed(&desk, "fork", "--sequence 2");
    unpack(&desk, "one", "").ok();
    desk.carnet("stream export early --state far").ok();
    unpack(&desk, "two", "").ok();
    desk.carnet("stream export late --state far").ok();
    desk
}

#[test]
fn another_machine_goes_on_where_the_first_one_was() {
    let desk = with_one();
    let printed = desk.carnet("stream export --state far").ok();
    assert_eq!(printed.stdout, fs::read_to_string(desk.path("late")).unwrap());
    for (copy, new) in [("early", 1), ("late", 1), ("late", 0)] {
        let run = desk.carnet(&format!("stream import {copy} --state new --json")).ok().json();
        assert_eq!(run["new"], new, "{run}");
    }
    let with =
        |name: &str| desk.carnet(&format!("unpack {name} --pub k.pub.pem --to oci:n --state new --json"));
    with("fork").ends(3).says(&["stream-forked"]);
    assert_eq!(verdict(&with("one").ok()), "replay");
    assert!(!desk.path("n").exists());
    assert_eq!(lines(&desk, "new"), lines(&desk, "far"));
}

#[test]
fn an_import_that_forgets_something_is_refused_unless_told() {
    let desk = with_one();
    let before = files(&desk.path("far"));
    desk.carnet("stream import early --state far")
        .ends(1)
        .says(&["error[streams-backwards]", "lacks line 2 of 2"]);
    assert_eq!(files(&desk.path("far")), before);
    // A memory that went another way from line 2 on.
    desk.carnet("stream import early --state other").ok();
    desk.carnet("unpack fork --pub k.pub.pem --to oci:f --state other").ok();
    desk.carnet("stream export otherwise --state other").ok();
    desk.carnet("stream import otherwise --state far").ends(1).says(&["error[streams-backwards]"]);
    desk.carnet("stream import otherwise --state far --allow-rollback").ends(2);
    let told = "stream import otherwise --state far --allow-rollback --reason test --json";
    let report = desk.carnet(told).ok().json();
    let kept = report["replaced"].as_str().unwrap();
    assert_eq!(fs::read(desk.path(kept)).unwrap(), before["streams.jsonl"], "what was replaced is kept");
    assert_eq!(lines(&desk, "far")[2]["event"], "restored");
    desk.carnet("stream verify --state far").ok();
    unpack(&desk, "two", "").ends(3).says(&["stream-forked"]);
}

#[test]
fn what_is_no_copy_is_refused() {
    let desk = with_one();
    let before = files(&desk.path("far"));
    let good = fs::read_to_string(desk.path("late")).unwrap();
    let changed = good.replacen("\"sequence\":1", "\"sequence\":3", 1);
    for text in ["", "x\n", good.trim_end(), &good[..good.len() / 2], &changed, &"y".repeat(10_000)] {
        fs::write(desk.path("bad"), text).unwrap();
        for state in ["far", "new"] {
            let run = desk.carnet(&format!("stream import bad --state {state}"));
            run.ends(4).says(&["error[streams-damaged]"]);
        }
    }
    desk.carnet("stream import nothing --state far").ends(1).says(&["file-unusable"]);
    desk.sh("mkfifo pipe").ok();
    for odd in ["far", "pipe"] {
        desk.carnet(&format!("stream import {odd} --state new")).ends(1).says(&["not a regular file"]);
    }
    assert_eq!(files(&desk.path("far")), before);
    assert!(!desk.path("new/streams.jsonl").exists());
}

/// A damaged memory can be replaced by a copy, with a reason.
#[test]
fn a_copy_replaces_a_damaged_memory() {
    let desk = with_one();
    let path = desk.path("far/streams.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replacen("\"seq\":1", "\"seq\":9", 1)).unwrap();
    desk.carnet("stream import late --state far").ends(1).says(&["streams-backwards"]);
    desk.carnet("stream import late --state far --allow-rollback --reason disk").ok();
    desk.carnet("stream verify --state far").ok();
    assert_eq!(verdict(&unpack(&desk, "two", "").ok()), "replay");
}
