//! A memory that was damaged, cut, lost or put back to an earlier state.

use std::fs;

use serde_json::Value;

use super::support::{lines, packed, remembered, unpack, verdict};
use crate::behaviour::support::{Desk, files};

/// A desk on whose far side three bundles were accepted.
fn with_three() -> Desk {
    let desk = Desk::new();
    let mut previous = String::new();
    for (number, name) in (1..).zip(["one", "two", "three"]) {
        let id = packed(&desk, name, &format!("--sequence {number} {previous}"));
        previous = format!("--previous {id}");
        unpack(&desk, name, "").ok();
    }
    packed(&desk, "four", &format!("--sequence 4 {previous}"));
    desk
}

/// Asserts that every command refuses the memory and writes nothing, and then puts the good one back.
#[track_caller]
fn refused(desk: &Desk, what: &str) {
    let before = files(&desk.path("far"));
    for command in [
        "unpack four --pub k.pub.pem --to oci:back-four --state far",
        "verify four --pub k.pub.pem --state far",
        "pack oci:src-four --to x --name x --key k.key.pem --stream north --state far",
        "stream show --state far",
        "stream verify --state far",
        "stream export copy --state far",
        "stream accept north --sequence 9 --reason x --state far",
    ] {
        let run = desk.carnet(command);
        assert_eq!(run.code, Some(4), "{what}: {command}: {}", run.stderr);
        run.says(&["error[streams-damaged]", "hint:"]);
    }
    for made in ["back-four", "x", "copy"] {
        assert!(!desk.path(made).exists(), "{what}: {made} was written");
    }
    let mut after = files(&desk.path("far"));
    after.retain(|name, _| !name.starts_with("locks/"));
    let mut same = before;
    same.retain(|name, _| !name.starts_with("locks/"));
    assert_eq!(after, same, "{what}: the memory was changed");
}

#[test]
fn every_change_shows() {
    let desk = with_three();
    let path = desk.path("far/streams.jsonl");
    let good = fs::read_to_string(&path).unwrap();
    let all: Vec<&str> = good.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let changed = [
        ("a number", good.replacen("\"sequence\":2", "\"sequence\":7", 1)),
        ("a verdict", good.replacen("\"verdict\":\"new\"", "\"verdict\":\"gap\"", 1)),
        ("another spelling", good.replacen("\"seq\":2,", "\"seq\":2, ", 1)),
        ("a member that nobody knows", good.replacen("\"seq\":2,", "\"seq\":2,\"more\":1,", 1)),
        ("lines that were swapped", joined(&[all[1], all[0], all[2]])),
        ("a line that is gone", joined(&[all[0], all[2]])),
        ("a line that is there twice", joined(&[all[0], all[1], all[1], all[2]])),
        ("the end was cut off", joined(&all[..2])),
        ("everything was cut off", String::new()),
        ("it is not text", "\0\0\0\n".to_owned()),
        ("a line without an end", "x".repeat(100_000)),
    ];
    for (what, text) in changed {
        assert_ne!(text, good, "{what}");
        fs::write(&path, text).unwrap();
        refused(&desk, what);
        fs::write(&path, &good).unwrap();
    }
    fs::remove_file(&path).unwrap();
    refused(&desk, "the file is gone");
    fs::write(&path, &good).unwrap();
    let head = desk.path("far/streams.head");
    let good_head = fs::read(&head).unwrap();
    fs::remove_file(&head).unwrap();
    refused(&desk, "the head is gone");
    for text in ["3 abc\n", "", "4 ", "no"] {
        fs::write(&head, text).unwrap();
        refused(&desk, text);
    }
    fs::write(&head, good_head).unwrap();
    assert_eq!(verdict(&unpack(&desk, "four", "").ok()), "new");
}

/// A line that a crash left half written counts for nothing, and is cut off when the next one is written.
#[test]
fn a_half_written_line_is_cut_off() {
    let desk = with_three();
    let path = desk.path("far/streams.jsonl");
    let good = fs::read_to_string(&path).unwrap();
    for half in [&good[..1], &good[..good.find('\n').unwrap()]] {
        fs::write(&path, format!("{good}{half}")).unwrap();
        assert_eq!(remembered(&desk, "far")["accepted"]["number"], 3);
    }
    unpack(&desk, "four", "").ok();
    assert_eq!(lines(&desk, "far").len(), 4);
    desk.carnet("stream verify --state far").ok();
    // A crash between a line and the head leaves the head one line behind.
    let text = fs::read_to_string(&path).unwrap();
    let head = desk.path("far/streams.head");
    let sum = carnet::format::Sum::of(text.lines().nth(2).unwrap().as_bytes());
    fs::write(head, format!("3 {sum}\n")).unwrap();
    assert_eq!(remembered(&desk, "far")["accepted"]["number"], 4);
}

#[test]
fn a_lost_memory_is_a_first_contact_until_an_operator_says_where_it_was() {
    let desk = with_three();
    fs::remove_dir_all(desk.path("far")).unwrap();
    let run = unpack(&desk, "two", "").ok().says(&["FIRST CONTACT"]);
    assert_eq!(verdict(&run), "first-contact");
    fs::remove_dir_all(desk.path("far")).unwrap();
    let told = "stream accept north --sequence 3 --reason lost --state far";
    desk.carnet(told).ok();
    unpack(&desk, "two", "").ends(3).says(&["stream-rollback"]);
    assert_eq!(verdict(&unpack(&desk, "four", "").ok()), "new");
    desk.carnet("stream accept north --sequence 3 --state far").ends(2);
    desk.carnet("stream accept north --reason x --state far").ends(2);
    desk.carnet("stream accept nor/th/x --sequence 3 --reason x --state far").ends(2);
}

/// A backup of the whole folder fits itself. What was noted elsewhere, and the bundles that arrive, tell.
#[test]
fn a_memory_from_a_backup_is_told_by_its_head_and_by_what_arrives() {
    let desk = with_three();
    desk.sh("cp -a far backup").ok();
    unpack(&desk, "four", "").ok();
    let verified = desk.carnet("stream verify --state far --json").ok().json();
    let Value::String(head) = &verified["head"] else { panic!("{verified}") };
    desk.carnet(&format!("stream verify --state far --expect {head}")).ok();
    let four = remembered(&desk, "far")["accepted"]["bundle"].as_str().unwrap().to_owned();
    let five = packed(&desk, "five", &format!("--sequence 5 --previous {four}"));
    desk.sh("rm -r far && mv backup far").ok();
    desk.carnet(&format!("stream verify --state far --expect {head}"))
        .ends(4)
        .says(&["error[streams-damaged]"]);
    // The next bundle names one that the memory does not have.
    let run = unpack(&desk, "five", "").ok().says(&["never accepted: 4"]);
    assert_eq!(
        (verdict(&run), remembered(&desk, "far")["accepted"]["bundle"].clone()),
        ("gap".to_owned(), five.into())
    );
}

/// A packing machine that was put back to an earlier state gives out a number again. It cannot know; the far side does.
#[test]
fn a_number_that_a_backup_gives_out_again_is_a_fork_on_the_far_side() {
    let desk = Desk::new();
    packed(&desk, "one", "--state low");
    unpack(&desk, "one", "").ok();
    desk.sh("cp -a low backup").ok();
    let two = packed(&desk, "two", "--state low");
    unpack(&desk, "two", "").ok();
    let head = desk.carnet("stream verify --state low --json").ok().json()["head"].clone();
    desk.sh("rm -r low && mv backup low").ok();
    desk.carnet(&format!("stream verify --state low --expect {}", head.as_str().unwrap()))
        .ends(4)
        .says(&["error[streams-damaged]"]);
    let again = packed(&desk, "again", "--state low");
    let before = files(&desk.path("far"));
    let run = unpack(&desk, "again", "").ends(3);
    run.says(&["error[stream-forked]", &two, &again]);
    assert!(!desk.path("back-again").exists());
    assert_eq!(remembered(&desk, "far")["accepted"]["bundle"], two);
    let mut after = files(&desk.path("far"));
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, before);
    // The way out: the operator says which bundle was sent last, and it is packed again.
    desk.carnet(&format!("stream accept north --sequence 2 --bundle {two} --reason backup --state low")).ok();
    desk.sh("rm -r again").ok();
    packed(&desk, "again", "--state low");
    unpack(&desk, "again", "").ok();
    assert_eq!(remembered(&desk, "far")["accepted"]["number"], 3);
}
