//! Numbers that the low side gives out.

use std::process::Stdio;

use serde_json::Value;

use super::support::{lines, packed, remembered, unpack, verdict};
use crate::behaviour::support::{Desk, files};

fn pack(desk: &Desk, name: &str, options: &str) -> Value {
    packed(desk, name, "--state low");
    let command =
        format!("pack oci:src-{name} --to {name} --name {name} --key k.key.pem --stream north --state low");
    desk.carnet(&format!("{command} --json {options}")).ok().json()
}

#[test]
fn numbers_follow_each_other_and_name_the_bundle_before() {
    let desk = Desk::new();
    let mut before = Value::Null;
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        let report = pack(&desk, name, "");
        assert_eq!((&report["sequence"], &report["previous"]), (&number.into(), &before), "{report}");
        // It was packed twice: the second time, the same plan took the same number.
        assert_eq!(report["outcome"], "unchanged");
        before = report["bundle"].clone();
        unpack(&desk, name, "").ok();
    }
    let known = remembered(&desk, "low");
    assert_eq!((&known["sent"]["number"], &known["sent"]["bundle"]), (&3.into(), &before), "{known}");
    assert_eq!(remembered(&desk, "far")["missing"], serde_json::json!([]));
    // What came before packs again, under a new number: it is not the last one.
    let line = "pack oci:src-a --to again --name a --key k.key.pem --stream north --state low --json";
    let again = desk.carnet(line).ok().json();
    assert_eq!((&again["sequence"], &again["previous"]), (&4.into(), &before), "{again}");
}

#[test]
fn another_name_or_label_is_another_bundle() {
    let desk = Desk::new();
    pack(&desk, "a", "");
    let more = "pack oci:src-a --key k.key.pem --stream north --state low --json";
    let other = desk.carnet(&format!("{more} --to x --name x")).ok().json();
    assert_eq!(other["sequence"], 2);
    let other = desk.carnet(&format!("{more} --to y --name x --label SECRET")).ok().json();
    assert_eq!(other["sequence"], 3);
    let other = desk.carnet(&format!("{more} --to z --name x --label SECRET")).ok().json();
    assert_eq!(other["sequence"], 3, "the same bundle, in another folder");
    assert_eq!(
        files(&desk.path("y")).keys().collect::<Vec<_>>(),
        files(&desk.path("z")).keys().collect::<Vec<_>>()
    );
}

#[test]
fn a_dry_run_takes_no_number_and_options_contradict() {
    let desk = Desk::new();
    pack(&desk, "a", "");
    let before = files(&desk.path("low"));
    let more = "pack oci:src-a --to x --name x --key k.key.pem --stream north";
    let planned = desk.carnet(&format!("{more} --state low --dry-run --json")).ok().json();
    assert_eq!(planned["sequence"], 2);
    assert_eq!(files(&desk.path("low")), before);
    desk.carnet(&format!("{more} --state none --dry-run")).ok().says(&["stream north, number 1"]);
    assert!(!desk.path("none").exists());
    desk.carnet(&format!("{more} --state low --sequence 7")).ends(2);
    desk.carnet(&format!("{more} --state low --previous {}", "ab".repeat(32))).ends(2);
    desk.carnet("pack oci:src-a --to x --name x --key k.key.pem --state low").ends(2);
}

#[test]
fn an_operator_sets_where_numbers_go_on() {
    let desk = Desk::new();
    let id = "cd".repeat(32);
    desk.carnet(&format!("stream accept north --sequence 41 --bundle {id} --reason moved --state low")).ok();
    let report = pack(&desk, "a", "");
    assert_eq!((&report["sequence"], &report["previous"]), (&42.into(), &id.into()));
    // Not even an operator takes a number twice.
    desk.carnet("stream accept north --sequence 3 --reason wrong --state low").ok();
    assert_eq!(pack(&desk, "b", "")["sequence"], 43);
    desk.carnet("stream accept north --sequence 9223372036854775807 --reason end --state low").ok();
    desk.carnet("pack oci:src-a --to z --name z --key k.key.pem --stream north --state low")
        .ends(1)
        .says(&["error[streams-full]"]);
}

/// Packs that begin together wait for each other.
#[test]
fn two_packs_at_once_take_two_numbers() {
    let desk = Desk::new();
    let names = ["a", "b", "c", "d"];
    for name in names {
        packed(&desk, name, "--dry-run");
    }
    let start = |name: &&str| {
        let line = format!(
            "pack oci:src-{name} --to {name} --name {name} --key k.key.pem --stream north --state low"
        );
        desk.command(&line).stdout(Stdio::null()).spawn().unwrap()
    };
    for mut child in names.iter().map(start).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    let mut found: Vec<(u64, Value, &str)> = names
        .iter()
        .map(|name| {
            let bundle = desk.inspected(name);
            (bundle["sequence"].as_u64().unwrap(), bundle["bundle"].clone(), *name)
        })
        .collect();
    found.sort_by_key(|(number, _, _)| *number);
    assert_eq!(found.iter().map(|(number, _, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (number, _, name) in &found {
        let expected = if *number == 1 { "first-contact" } else { "new" };
        assert_eq!(verdict(&unpack(&desk, name, "").ok()), expected);
    }
    assert_eq!(lines(&desk, "low").len(), 8);
}

/// A number that was taken for something else is used up, and the far side does not miss it.
#[test]
fn a_number_that_was_given_up_is_shown_and_not_missed() {
    let desk = Desk::new();
    pack(&desk, "a", "");
    packed(&desk, "b", "--dry-run");
    std::fs::create_dir(desk.path("b")).unwrap();
    std::fs::write(desk.path("b/b_00000.tar"), "in the way").unwrap();
    desk.carnet("pack oci:src-b --to b --name b --key k.key.pem --stream north --state low").ends(1);
    assert_eq!(remembered(&desk, "low")["open"], 2);
    pack(&desk, "c", "");
    let known = remembered(&desk, "low");
    assert_eq!(known["given_up"], serde_json::json!([{ "first": 2, "last": 2 }]), "{known}");
    assert_eq!(verdict(&unpack(&desk, "a", "").ok()), "first-contact");
    let third = unpack(&desk, "c", "").ok();
    assert_eq!((third.json()["sequence"].clone(), verdict(&third)), (3.into(), "new".to_owned()));
}

/// A delta gets its number like any bundle, and its base must come before it.
#[test]
fn a_delta_follows_its_base() {
    let desk = Desk::new();
    pack(&desk, "a", "");
    packed(&desk, "b", "--dry-run");
    let delta = desk.carnet(
        "pack oci:src-a oci:src-b --to b --name b --key k.key.pem --stream north --state low --base a/a_00000.tar --json",
    );
    assert_eq!(delta.ok().json()["sequence"], 2);
    packed(&desk, "nine", "--sequence 9");
    desk.carnet("pack oci:src-a --to c --name c --key k.key.pem --stream north --state low --base nine/nine_00000.tar")
        .ends(3)
        .says(&["error[base-refused]", "number 9"]);
    assert_eq!(remembered(&desk, "low")["sent"]["number"], 2);
}
