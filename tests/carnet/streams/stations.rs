//! Stations remember streams in their own state folder.

use std::fs;

use serde_json::Value;

use super::support::packed;
use crate::behaviour::support::Desk;
use crate::registries::debian::Debian;

const AT: &str = "--station station.toml";

fn change(desk: &Desk, seed: u64) {
    let mut source = desk.source("src-app");
    let image = source.image(seed, &[3000]);
    source.tag(&image, &format!("app:{seed}"));
}

fn exporting(pipelines: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    change(&desk, 1);
    let mut station = "key = \"k.key.pem\"\nstate = \"state\"\n".to_owned();
    for (name, stream) in pipelines {
        station += &format!("[export.{name}]\nartifacts = [\"oci:src-app\"]\nto = \"{name}\"\n{stream}\n");
    }
    fs::write(desk.path("station.toml"), station).unwrap();
    desk
}

fn export(desk: &Desk, pipeline: &str) -> Value {
    desk.carnet(&format!("station export {pipeline} {AT} --json")).ok().json()
}

#[test]
fn pipelines_of_one_stream_and_packs_by_hand_share_its_numbers() {
    let north = "stream = \"north\"";
    let desk = exporting(&[("east", north), ("west", north), ("alone", "")]);
    assert_eq!(export(&desk, "east")["sequence"], 1);
    let second = export(&desk, "west");
    assert_eq!((&second["sequence"], &second["bundleName"]), (&2.into(), &"west000002".into()));
    packed(&desk, "hand", "--state state");
    change(&desk, 2);
    assert_eq!(export(&desk, "east")["sequence"], 4);
    // Without a stream, a pipeline counts for itself.
    let alone = export(&desk, "alone");
    assert_eq!((&alone["sequence"], &alone["bundleName"]), (&1.into(), &"alone000001".into()));
    change(&desk, 3);
    assert_eq!(export(&desk, "alone")["bundleName"], "alone000002");
    let forced = desk.carnet(&format!("station export alone --force {AT} --json")).ok().json();
    assert_eq!(forced["bundleName"], "alone000003");
    let shown = desk.carnet("stream show --state state").ok();
    shown.says(&["alone/-", "north"]);
    let bundles = desk.carnet("inspect east west hand --pub k.pub.pem --json").ok().json();
    let mut chain: Vec<(u64, Value, Value)> = bundles["bundles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["sequence"].as_u64().unwrap(), b["bundle"].clone(), b["previous"].clone()))
        .collect();
    chain.sort_by_key(|(number, ..)| *number);
    for pair in chain.windows(2) {
        assert_eq!(pair[1].2, pair[0].1, "{chain:?}");
    }
}

/// The records of runs know what was sent. So a memory that was put back to an earlier state, or lost, takes no number
/// twice.
#[test]
fn the_records_of_runs_tell_that_the_memory_is_old() {
    let desk = exporting(&[("out", "stream = \"north\"")]);
    export(&desk, "out");
    desk.sh("cp state/streams.* .").ok();
    change(&desk, 2);
    let second = export(&desk, "out");
    desk.sh("cp streams.* state").ok();
    change(&desk, 3);
    let run = desk.carnet(&format!("station export out {AT} --json")).ok();
    let third = run.says(&["the memory of streams is older than the records of runs"]).json();
    assert_eq!(third["sequence"], 3, "{third}");
    let bundles = desk.carnet("inspect out --pub k.pub.pem --json").ok().json();
    let found = bundles["bundles"].as_array().unwrap().iter().find(|b| b["sequence"] == 3).unwrap();
    assert_eq!(found["previous"], second["catalogDigest"]);
    desk.sh("rm state/streams.*").ok();
    change(&desk, 4);
    assert_eq!(export(&desk, "out")["sequence"], 4);
}

#[test]
fn an_import_pipeline_judges_its_stream() {
    let Some(registry) = Debian::plain() else { return };
    let desk = Desk::new();
    desk.sh("mkdir in").ok();
    let pipeline = |name: &str, more: &str| {
        format!(
            "[import.{name}]\nfrom = \"in\"\nto = \"docker://{}/{name}\"\ntrust = \"trust.toml\"\n{more}\n",
            registry.name()
        )
    };
    let station = |more: &str| {
        let text = format!(
            "key = \"k.key.pem\"\nstate = \"state\"\nplain-http = [\"{}\"]\n{}{}",
            registry.name(),
            pipeline("one", more),
            pipeline("two", "")
        );
        fs::write(desk.path("station.toml"), text).unwrap();
    };
    station("");
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"h\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\n";
    fs::write(desk.path("trust.toml"), trust).unwrap();
    let a = packed(&desk, "a", "--sequence 1");
    packed(&desk, "b", &format!("--sequence 2 --previous {a}"));
    packed(&desk, "fork", "--sequence 2");
    packed(&desk, "late", "--sequence 0");
    desk.sh("cp b/* a/* in").ok();
    let import = |more: &str| desk.carnet(&format!("station import {more} {AT} --json"));
    import("one").ok().says(&["FIRST CONTACT"]);
    let streams = |name: &str| {
        let shown = desk.carnet(&format!("stream show {name} --state state --json")).ok().json();
        shown["streams"][0]["accepted"]["number"].clone()
    };
    assert_eq!((streams("one/north"), streams("two/north")), (2.into(), Value::Null));
    desk.sh("cp fork/* late/* in").ok();
    import("one fork").ends(3).says(&["FORK"]);
    import("one late").ends(3).says(&["not newer than what was accepted"]);
    desk.carnet(&format!("station why one {AT}")).ok().says(&["cannot be imported", "[stream-forked]"]);
    // Another pipeline has another registry, and remembers for itself. Two bundles of one number that wait are a fork.
    import("two a").ok();
    import("two b").ends(3).says(&["FORK"]);
    desk.carnet(&format!("station why two {AT}")).ok().says(&["cannot be imported", "[stream-forked]"]);
    desk.sh("rm in/fork*").ok();
    import("two b").ok();
    import("one late --allow-rollback").ok();
    // What the records of runs know is not forgotten with the memory.
    desk.sh("rm state/streams.*").ok();
    packed(&desk, "old", "--sequence 1");
    desk.sh("rm in/a_* && cp old/* in").ok();
    import("one old").ends(3).says(&["not newer than what was accepted"]);
    station("allow-rollback = true");
    let record = import("one old").ok().json();
    let checks = record["checks"].to_string();
    assert!(checks.contains("an operator lets it pass"), "{record}");
}
