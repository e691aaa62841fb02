//! The verdicts of the far side (docs/format.md, "Verdicts on a stream").

use std::fs;

use super::support::{lines, packed, remembered, unpack, verdict};
use crate::behaviour::support::{Desk, files};

/// A desk on whose far side the bundles 1 and 2 were accepted. Returns their ids, too.
fn with_two() -> (Desk, [String; 2]) {
    let desk = Desk::new();
    let one = packed(&desk, "one", "--sequence 1");
    let two = packed(&desk, "two", &format!("--sequence 2 --previous {one}"));
    unpack(&desk, "one", "").ok();
    unpack(&desk, "two", "").ok();
    (desk, [one, two])
}

#[test]
fn a_first_contact_is_said_and_what_follows_is_new() {
    let desk = Desk::new();
    let one = packed(&desk, "one", "--sequence 41");
    let two = packed(&desk, "two", &format!("--sequence 42 --previous {one}"));
    let first = unpack(&desk, "one", "").ok().says(&["warning[first-contact]", "FIRST CONTACT"]);
    assert_eq!(verdict(&first), "first-contact");
    let second = unpack(&desk, "two", "").ok();
    assert_eq!(verdict(&second), "new");
    assert!(!second.stderr.contains("warning"), "{}", second.stderr);
    let known = remembered(&desk, "far");
    assert_eq!((&known["accepted"]["number"], &known["accepted"]["bundle"]), (&42.into(), &two.into()));
    assert_eq!((&known["missing"], &known["sent"]), (&Vec::<u8>::new().into(), &().into()), "{known}");
}

#[test]
fn a_replay_is_fine_and_an_old_one_changes_nothing() {
    let (desk, _) = with_two();
    let before = lines(&desk, "far");
    let again = unpack(&desk, "two", "").ok();
    assert_eq!(verdict(&again), "replay");
    assert_eq!(again.json()["blobs_written"], 0);
    let before_files = files(&desk.path("back-one"));
    fs::remove_dir_all(desk.path("back-one")).unwrap();
    // It was the latest once, and is not any more: using it again would go back.
    let old = unpack(&desk, "one", "").ok();
    assert_eq!(verdict(&old), "replay");
    assert!(!desk.path("back-one").exists(), "an old replay was unpacked");
    unpack(&desk, "one", "--allow-rollback").ok();
    assert_eq!(files(&desk.path("back-one")), before_files);
    // That an operator went back is recorded; the replays that changed nothing are not.
    assert_eq!(lines(&desk, "far").len(), before.len() + 1);
    assert_eq!(remembered(&desk, "far")["accepted"]["number"], 2);
}

#[test]
fn a_fork_is_refused_whatever_is_asked_for() {
    let (desk, [_, two]) = with_two();
    let other = packed(&desk, "other", "--sequence 2");
    for options in ["", "--allow-rollback"] {
        unpack(&desk, "other", options).ends(3).says(&["error[stream-forked]", &two]);
    }
    let accept = format!("stream accept north --bundle {other} --reason test --state far");
    desk.carnet(&accept).ok();
    unpack(&desk, "other", "").ends(3).says(&["stream-forked"]);
    assert!(!desk.path("back-other").exists());
}

#[test]
fn two_bundles_of_one_number_that_arrive_together_are_a_fork() {
    let desk = Desk::new();
    packed(&desk, "one", "--sequence 1");
    packed(&desk, "twin", "--sequence 1");
    desk.sh("mkdir both && cp one/* twin/* both").ok();
    let run = desk.carnet("unpack both --pub k.pub.pem --bundle one --to oci:back --state far");
    run.ends(3).says(&["error[stream-forked]"]);
    let run = desk.carnet("verify both --pub k.pub.pem --state far --json").ends(3);
    for bundle in run.json()["bundles"].as_array().unwrap() {
        assert_eq!(
            (&bundle["verdict"], &bundle["in_stream"]["verdict"]),
            (&"complete".into(), &"fork".into())
        );
    }
    // Without the other one, it is a first contact as any.
    unpack(&desk, "one", "").ok();
    unpack(&desk, "twin", "").ends(3).says(&["stream-forked"]);
}

#[test]
fn a_rollback_is_refused_unless_told() {
    let (desk, [_, two]) = with_two();
    let five = packed(&desk, "five", "--sequence 5");
    let late = packed(&desk, "late", &format!("--sequence 3 --previous {two}"));
    let gap = unpack(&desk, "five", "").ok().says(&["warning[gap]", "never accepted: 3-4"]);
    assert_eq!(gap.json()["in_stream"]["missing"][0], serde_json::json!({ "first": 3, "last": 4 }));
    unpack(&desk, "late", "").ends(3).says(&["error[stream-rollback]"]);
    assert!(!desk.path("back-late").exists());
    let told = unpack(&desk, "late", "--allow-rollback").ok();
    assert_eq!(verdict(&told), "rollback");
    let known = remembered(&desk, "far");
    assert_eq!(known["missing"], serde_json::json!([{ "first": 4, "last": 4 }]));
    assert_eq!(known["accepted"]["bundle"], five.clone());
    let six = packed(&desk, "six", &format!("--sequence 6 --previous {five}"));
    packed(&desk, "eight", &format!("--sequence 8 --previous {late}"));
    unpack(&desk, "six", "").ok();
    // It names a bundle that was accepted, and passes over newer ones.
    unpack(&desk, "eight", "").ends(3).says(&["error[stream-previous]", &six]);
}

#[test]
fn a_bundle_that_another_one_does_not_name_is_a_fork() {
    let (desk, _) = with_two();
    let three = packed(&desk, "three", "--sequence 3");
    packed(&desk, "four", &format!("--sequence 4 --previous {three}"));
    packed(&desk, "false", "--sequence 3");
    unpack(&desk, "four", "").ok();
    unpack(&desk, "false", "--allow-rollback").ends(3).says(&["error[stream-forked]", &three]);
    unpack(&desk, "three", "--allow-rollback").ok();
}

#[test]
fn another_previous_is_refused_until_an_operator_accepts_it() {
    let (desk, [one, two]) = with_two();
    let three = packed(&desk, "three", &format!("--sequence 3 --previous {}", "ab".repeat(32)));
    unpack(&desk, "three", "").ends(3).says(&["error[stream-previous]", &two]);
    packed(&desk, "back", &format!("--sequence 3 --previous {one}"));
    unpack(&desk, "back", "").ends(3).says(&["stream-previous"]);
    desk.carnet(&format!("stream accept north --bundle {three} --reason asked --state far")).ok();
    let passed = unpack(&desk, "three", "").ok().says(&["an operator lets it pass"]);
    assert_eq!(
        (verdict(&passed), &passed.json()["in_stream"]["permitted"]),
        ("other-previous".to_owned(), &true.into())
    );
    assert_eq!(lines(&desk, "far")[2]["reason"], "asked");
}

#[test]
fn numbers_that_the_packer_gave_up_are_not_missing() {
    let (desk, [_, two]) = with_two();
    packed(&desk, "nine", &format!("--sequence 9 --previous {two}"));
    assert_eq!(verdict(&unpack(&desk, "nine", "").ok()), "new");
    assert_eq!(remembered(&desk, "far")["missing"], serde_json::json!([]));
}

#[test]
fn no_key_can_burn_the_numbers() {
    let (desk, _) = with_two();
    packed(&desk, "far1", "--sequence 1003");
    unpack(&desk, "far1", "").ends(3).says(&["error[stream-jump]", "1000"]);
    packed(&desk, "near", "--sequence 1002");
    assert_eq!(verdict(&unpack(&desk, "near", "").ok()), "gap");
    // The trust file says how far each key may go.
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"h\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\nmax-jump = 7\n";
    fs::write(desk.path("trust.toml"), trust).unwrap();
    let with = |name: &str| {
        desk.carnet(&format!("unpack {name} --trust trust.toml --to oci:back-{name} --state far --json"))
    };
    let eight = packed(&desk, "eight", "--sequence 1010");
    with("eight").ends(3).says(&["error[stream-jump]"]);
    packed(&desk, "seven", "--sequence 1009");
    with("seven").ok();
    desk.carnet(&format!("stream accept north --bundle {eight} --reason right --state far")).ok();
    with("eight").ok();
    packed(&desk, "last", "--sequence 9223372036854775807");
    let last = with("last").ends(3);
    // What was burned can be set right.
    let id = last.json();
    assert_eq!(id["error"]["code"], "stream-jump", "{id}");
    desk.carnet("stream accept north --sequence 2 --reason burned --state far").ok();
    packed(&desk, "three", "--sequence 3");
    assert_eq!(verdict(&with("three").ok()), "new");
    for (limit, code) in [("0", "policy-jump"), ("-1", "policy-syntax")] {
        fs::write(desk.path("trust.toml"), trust.replace("max-jump = 7", &format!("max-jump = {limit}")))
            .unwrap();
        with("three").ends(2).says(&[code]);
    }
}

#[test]
fn a_bundle_without_a_number_passes_only_where_none_has_one() {
    let desk = Desk::new();
    packed(&desk, "a", "");
    packed(&desk, "b", "");
    assert_eq!(verdict(&unpack(&desk, "a", "").ok()), "first-contact");
    assert_eq!(verdict(&unpack(&desk, "b", "").ok()), "new");
    assert_eq!(verdict(&unpack(&desk, "a", "").ok()), "replay");
    packed(&desk, "one", "--sequence 1");
    assert_eq!(verdict(&unpack(&desk, "one", "").ok()), "new");
    packed(&desk, "c", "");
    unpack(&desk, "c", "").ends(3).says(&["error[stream-unnumbered]"]);
    unpack(&desk, "c", "--allow-rollback").ok();
}

/// Each bundle is judged as if those before it were accepted.
#[test]
fn verify_judges_and_records_nothing() {
    let (desk, [_, two]) = with_two();
    let three = packed(&desk, "three", &format!("--sequence 3 --previous {two}"));
    packed(&desk, "four", &format!("--sequence 4 --previous {three}"));
    packed(&desk, "six", "--sequence 6");
    let before = files(&desk.path("far"));
    let run = desk.carnet("verify one two three four six --pub k.pub.pem --state far --json").ok();
    let mut found: Vec<(u64, String)> = run.json()["bundles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["sequence"].as_u64().unwrap(), b["in_stream"]["verdict"].as_str().unwrap().to_owned()))
        .collect();
    found.sort();
    let expected = [(1, "replay"), (2, "replay"), (3, "new"), (4, "new"), (6, "gap")];
    assert_eq!(found, expected.map(|(number, verdict)| (number, verdict.to_owned())));
    packed(&desk, "zero", "--sequence 0");
    desk.carnet("verify zero --pub k.pub.pem --state far")
        .ends(3)
        .says(&["REFUSED", "error[stream-rollback]"]);
    desk.carnet("verify zero --pub k.pub.pem --state far --allow-rollback").ok();
    assert_eq!(files(&desk.path("far")), before, "verify changed the memory");
    // A folder that does not exist is not made, and is a first contact.
    desk.carnet("verify one --pub k.pub.pem --state none").ok().says(&["FIRST CONTACT"]);
    assert!(!desk.path("none").exists());
    // Without a memory, nothing is said.
    let run = desk.carnet("verify one --pub k.pub.pem --json").ok();
    assert_eq!(run.json()["bundles"][0]["in_stream"], serde_json::Value::Null);
}

/// What a bundle says that was not released counts for nothing.
#[test]
fn an_unreleased_bundle_is_not_judged() {
    let (desk, _) = with_two();
    desk.carnet("keygen other").ok();
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"p\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\"]\n[[keys]]\nholder = \"r\"\npublic-key-file = \"other.pub.pem\"\n\
                 roles = [\"releaser\"]\n";
    fs::write(desk.path("trust.toml"), trust).unwrap();
    packed(&desk, "other1", "--sequence 2");
    let run = desk.carnet("verify other1 --trust trust.toml --state far --json").ends(3);
    let bundle = &run.json()["bundles"][0];
    assert_eq!((&bundle["verdict"], &bundle["in_stream"]), (&"unreleased".into(), &serde_json::Value::Null));
    desk.carnet("sign other1 --key other.key.pem").ok();
    let run = desk.carnet("verify other1 --trust trust.toml --state far --json").ends(3);
    assert_eq!(verdict(&run), "fork");
}

#[test]
fn a_new_bundle_is_not_made_of_a_fork() {
    let (desk, _) = with_two();
    packed(&desk, "fork", "--sequence 2");
    let make = |places: &str, to: &str| {
        desk.carnet(&format!(
            "merge {places} --pub k.pub.pem --to {to} --name {to} --key k.key.pem --state far"
        ))
    };
    make("fork", "new").ends(3).says(&["error[stream-forked]"]);
    let split = "resplit fork --pub k.pub.pem --to new --chunk-size 64KiB --key k.key.pem --state far";
    desk.carnet(split).ends(3).says(&["error[stream-forked]"]);
    assert!(!desk.path("new").exists());
    // What was accepted before is told, and nothing is recorded.
    let before = lines(&desk, "far").len();
    make("two", "new").ok().says(&["a replay"]);
    assert_eq!(lines(&desk, "far").len(), before);
}

/// The far side has the other bundle of that number, so it cannot have what the delta leaves out.
#[test]
fn a_delta_whose_base_is_a_fork_is_refused_and_writes_nothing() {
    let desk = Desk::new();
    packed(&desk, "one", "--sequence 1");
    unpack(&desk, "one", "").ok();
    let fork = packed(&desk, "fork", "--sequence 1");
    let known = lines(&desk, "far");
    let delta = |name: &str, options: &str| {
        let command = format!(
            "pack oci:src-fork --to {name} --name {name} --key k.key.pem --stream north --sequence 2 --base fork {options}"
        );
        desk.carnet(&command).ok();
    };
    // It names the fork as the bundle before it, or it does not.
    delta("named", &format!("--previous {fork}"));
    unpack(&desk, "named", "").ends(3).says(&["error[stream-previous]", &fork]);
    delta("unnamed", "");
    let run = desk.carnet("unpack unnamed --pub k.pub.pem --to oci:back-one --state far");
    run.ends(4).says(&["error[base-missing]", &fork]);
    assert!(!desk.path("back-named").exists());
    assert_eq!(lines(&desk, "far"), known);
    // The fork itself is refused, too, with the delta beside it.
    desk.sh("mkdir both && cp fork/* unnamed/* both").ok();
    let run = desk.carnet("unpack both --bundle fork --pub k.pub.pem --to oci:back-fork --state far");
    run.ends(3).says(&["error[stream-forked]"]);
    assert!(!desk.path("back-fork").exists());
}
