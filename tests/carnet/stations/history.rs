//! What a station remembers of its runs: numbers, the bundle before, what was imported. Deleting records does not change it.

use std::fs;

use serde_json::Value;

use super::service::{runs, write_station};
use super::watching::{deliver_all, desk};
use crate::behaviour::support::Desk;
use crate::registries::debian::Debian;

const AT: &str = "--station station.toml";

/// An export pipeline `out` of the layout `src-app` in a stream, and more keys for it.
fn write_export(desk: &Desk, more: &str) {
    let station = format!(
        "key = \"k.key.pem\"\nstate = \"state\"\n[export.out]\nartifacts = [\"oci:src-app\"]\nto = \"out\"\n\
         stream = \"low-to-high\"\n{more}"
    );
    fs::write(desk.path("station.toml"), station).unwrap();
}

/// Adds an image to the layout `src-app`.
fn change(desk: &Desk, seed: u64) {
    let mut source = desk.source("src-app");
    let image = source.image(seed, &[3000]);
    source.tag(&image, &format!("app:{seed}"));
}

fn export(desk: &Desk, more: &str) -> Value {
    let run = desk.carnet(&format!("station export out {AT} {more} --json"));
    run.json()
}

/// What the bundle says: stream, number, and the bundle before.
fn crossing(desk: &Desk, bundle: &Value) -> Value {
    let report = desk.carnet("inspect out --pub k.pub.pem --json").ok().json();
    let bundles = report["bundles"].as_array().unwrap();
    let found = bundles.iter().find(|found| found["bundle"] == *bundle).unwrap();
    found.clone()
}

fn delete(desk: &Desk, run: &Value) {
    desk.carnet(&format!("runs delete {} --state state --key k.key.pem", run["name"].as_str().unwrap())).ok();
}

#[test]
fn a_number_is_used_once_whatever_records_are_deleted() {
    let desk = desk(&["app"]);
    write_export(&desk, "");
    let first = export(&desk, "");
    assert_eq!((&first["sequence"], &first["bundleName"]), (&1.into(), &"out000001".into()), "{first}");
    delete(&desk, &first);
    // What was exported is known without its record.
    let again = export(&desk, "");
    assert_eq!(again["status"], "Skipped", "{again}");
    change(&desk, 77);
    let second = export(&desk, "");
    assert_eq!((&second["sequence"], &second["bundleName"]), (&2.into(), &"out000002".into()), "{second}");
    let said = crossing(&desk, &second["catalogDigest"]);
    assert_eq!(said["previous"], first["catalogDigest"], "{said}");

    // A run that failed keeps its number, too: chunks of it may be on their way.
    change(&desk, 78);
    fs::write(desk.path("out/out000003_00000.tar"), "in the way").unwrap();
    let failed = export(&desk, "");
    assert_eq!((&failed["status"], &failed["sequence"]), (&"Failed".into(), &3.into()), "{failed}");
    desk.carnet("runs clean --state state --key k.key.pem").ok().says(&["deleted"]);
    assert!(runs(&desk, "failed").is_empty());
    change(&desk, 79);
    let fourth = export(&desk, "");
    assert_eq!((&fourth["status"], &fourth["sequence"]), (&"Succeeded".into(), &4.into()), "{fourth}");
    assert_eq!(crossing(&desk, &fourth["catalogDigest"])["previous"], second["catalogDigest"]);
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}

#[test]
fn a_bundle_is_not_imported_again_after_its_record_was_deleted() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    write_station(&desk, registry.name(), "");
    deliver_all(&desk, "app");
    desk.carnet(&format!("station import mirror {AT}")).ok().says(&["Succeeded"]);
    let record = runs(&desk, "succeeded").remove(0);
    delete(&desk, &record);
    desk.carnet(&format!("station import mirror {AT}")).ok().says(&["nothing to import"]);
    desk.carnet(&format!("station import mirror app {AT}")).ok().says(&["Skipped"]);
    desk.carnet(&format!("station import mirror app --force {AT}")).ok().says(&["Succeeded"]);
}

/// Lines of the first version do not say what a run did. Its record does.
#[test]
fn chains_without_work_are_read() {
    let desk = desk(&["app"]);
    write_export(&desk, "");
    let first = export(&desk, "");
    let chain = fs::read_to_string(desk.path("state/chain.jsonl")).unwrap();
    let (head, rest) = chain.split_once(",\"work\":{").unwrap();
    let old = format!("{head}{}", rest.split_once('}').unwrap().1);
    fs::write(desk.path("state/chain.jsonl"), old).unwrap();
    assert_eq!(export(&desk, "")["status"], "Skipped");
    change(&desk, 77);
    let second = export(&desk, "");
    assert_eq!(second["sequence"], 2);
    assert_eq!(crossing(&desk, &second["catalogDigest"])["previous"], first["catalogDigest"]);
}

/// What was shipped counts as shipped, also if an artifact failed.
#[test]
fn a_bundle_without_an_artifact_that_failed_counts_as_shipped() {
    let desk = desk(&["app"]);
    write_export(&desk, "options = [\"ContinueOnErrors\"]\n");
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    let station = station.replace("\"oci:src-app\"", "\"oci:src-app\", \"oci:src-gone\"");
    fs::write(desk.path("station.toml"), station).unwrap();
    let first = export(&desk, "");
    assert_eq!(first["status"], "Failed", "{first}");
    assert!(first["pipelineRunErrorMessage"].as_str().unwrap().contains("1 artifact failed"), "{first}");
    let outcomes = |run: &Value| -> Vec<Value> {
        let all = run["exportedArtifacts"].as_array().unwrap();
        all.iter().map(|artifact| artifact["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(&first), ["exported", "failed"]);
    let again = export(&desk, "");
    assert_eq!((&again["status"], outcomes(&again)), (&"Skipped".into(), vec!["failed".into()]), "{again}");
    assert!(
        again["pipelineRunErrorMessage"].as_str().unwrap().contains("1 artifact failed again"),
        "{again}"
    );
    change(&desk, 77);
    let second = export(&desk, "");
    assert_eq!(second["sequence"], 2);
    assert_eq!(crossing(&desk, &second["catalogDigest"])["previous"], first["catalogDigest"]);
    // The artifact is there now, so there is more to pack.
    let mut gone = desk.source("src-gone");
    let image = gone.image(5, &[100]);
    gone.tag(&image, "gone:1");
    let third = export(&desk, "");
    assert_eq!((&third["status"], &third["sequence"]), (&"Succeeded".into(), &3.into()), "{third}");
}
