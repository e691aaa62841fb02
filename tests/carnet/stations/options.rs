//! The options of pipelines, each seen to work.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::service::{Service, runs, write_station};
use super::watching::{chunk, chunks, deliver, deliver_all, desk};
use crate::behaviour::support::Desk;
use crate::registries::debian::Debian;

const AT: &str = "--station station.toml";

fn export(desk: &Desk, more: &str) -> Value {
    desk.carnet(&format!("station export out {AT} {more} --json")).json()
}

fn write_export(desk: &Desk, more: &str) {
    let station = format!(
        "key = \"k.key.pem\"\nstate = \"state\"\nretry-after = \"1s\"\n[export.out]\nartifacts = [\"oci:src-app\"]\n\
         to = \"out\"\n{more}"
    );
    fs::write(desk.path("station.toml"), station).unwrap();
}

fn change(desk: &Desk, seed: u64) {
    let mut source = desk.source("src-app");
    let image = source.image(seed, &[3000]);
    source.tag(&image, &format!("app:{seed}"));
}

#[test]
fn bundles_of_the_same_name_are_replaced_only_with_an_option() {
    let desk = desk(&["app"]);
    write_export(&desk, "");
    let first = export(&desk, "--name same");
    assert_eq!(first["status"], "Succeeded", "{first}");
    change(&desk, 77);
    let refused = export(&desk, "--name same");
    assert_eq!(refused["status"], "Failed", "{refused}");
    write_export(&desk, "options = [\"OverwriteBlobs\"]\n");
    let second = export(&desk, "--name same");
    assert_eq!(second["status"], "Succeeded", "{second}");
    let there = desk.carnet("inspect out --pub k.pub.pem --json").ok().json();
    assert_eq!(there["bundles"][0]["bundle"], second["catalogDigest"]);
}

#[test]
fn a_schedule_packs_what_has_changed_and_bundles_expire() {
    let desk = desk(&["app"]);
    write_export(&desk, "schedule = \"1s\"\nexpires = \"2s\"\n");
    let service = Service::start(&desk);
    service.wait("the first run", || runs(&desk, "succeeded").len() == 1);
    service.wait("nothing has changed", || !runs(&desk, "skipped").is_empty());
    change(&desk, 77);
    service.wait("the next bundle", || runs(&desk, "succeeded").len() == 2);
    assert_eq!(runs(&desk, "succeeded")[0]["trigger"]["schedule"], "1s");
    // What fails is tried again.
    fs::rename(desk.path("src-app"), desk.path("elsewhere")).unwrap();
    service.wait("it fails twice", || runs(&desk, "failed").len() > 1);
    assert!(service.page("/healthz").starts_with("HTTP/1.1 503"));
    service.stop();
    std::thread::sleep(Duration::from_secs(2));
    desk.carnet("verify out --pub k.pub.pem").ends(3).says(&["expired"]);
}

#[test]
fn a_failed_export_does_not_wait_for_its_schedule_after_a_restart() {
    let desk = desk(&["app"]);
    write_export(&desk, "schedule = \"1h\"\n");
    fs::rename(desk.path("src-app"), desk.path("elsewhere")).unwrap();
    assert_eq!(export(&desk, "")["status"], "Failed");
    fs::rename(desk.path("elsewhere"), desk.path("src-app")).unwrap();
    let service = Service::start(&desk);
    service.wait("it is tried again", || runs(&desk, "succeeded").len() == 1);
    service.stop();
}

#[test]
fn without_a_trigger_bundles_are_imported_by_hand() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app", "b"]);
    write_station(&desk, registry.name(), "trigger = \"Disabled\"\n");
    deliver_all(&desk, "app");
    deliver_all(&desk, "b");
    // Nothing is left to do for the service.
    desk.carnet(&format!("station run {AT}")).ok();
    assert!(runs(&desk, "succeeded").is_empty());
    let inspected = desk.carnet("inspect app --pub k.pub.pem --json").ok().json();
    let id = inspected["bundles"][0]["bundle"].as_str().unwrap().to_owned();
    desk.carnet(&format!("station import mirror --catalog-digest {id} {AT}")).ok().says(&["Succeeded"]);
    let records = runs(&desk, "succeeded");
    assert_eq!((records.len(), records[0]["catalogDigest"].as_str()), (1, Some(id.as_str())));
    let other = "0".repeat(64);
    desk.carnet(&format!("station import mirror --catalog-digest {other} {AT}")).says(&["no-such-bundle"]);
}

#[test]
fn unfinished_bundles_are_told_and_old_and_many_files_passed_over() {
    let desk = desk(&["app", "b"]);
    write_station(&desk, "127.0.0.1:1", "remind-after = \"1s\"\nmax-age = \"2d\"\n");
    for number in 1..chunks(&desk, "app") {
        deliver(&desk, "app", number, &format!("x{number}"));
    }
    deliver(&desk, "b", 0, "old");
    let old = fs::File::options().write(true).open(desk.path("in/old")).unwrap();
    let now = old.metadata().unwrap().modified().unwrap();
    old.set_modified(now - Duration::from_secs(3 * 86_400)).unwrap();
    let service = Service::start(&desk);
    service.wait("it is told", || service.count("the bundle app is unfinished") > 0);
    let send = format!("1 of {}: 0", chunks(&desk, "app"));
    assert_eq!(service.count(&send), 1);
    assert_eq!(service.count("the bundle b is unfinished"), 0);
    desk.carnet(&format!("station why mirror {AT}")).says(&["old: passed over: last modified too long ago"]);
    service.stop();

    write_station(&desk, "127.0.0.1:1", "max-files = 2\n");
    let service = Service::start(&desk);
    service.wait("it is told", || service.count("not taken up") > 0);
    service.stop();
    let bytes = fs::metadata(chunk(&desk, "app", 1)).unwrap().len();
    write_station(&desk, "127.0.0.1:1", &format!("max-bytes = \"{bytes}B\"\n"));
    let service = Service::start(&desk);
    service.wait("it is told", || service.count("(max-bytes)") > 0);
    service.stop();
}

#[test]
fn artifacts_go_on_after_one_that_fails_if_told() {
    let Some(registry) = Debian::plain() else { return };
    let desk = desk(&["app"]);
    // The registry has another `app:1`.
    write_station(&desk, registry.name(), "");
    deliver_all(&desk, "app");
    desk.carnet(&format!("station import mirror {AT}")).ok();
    let mut source = desk.source("src-two");
    for (seed, tag) in [(50, "app:1"), (51, "other:1")] {
        let image = source.image(seed, &[100]);
        source.tag(&image, tag);
    }
    super::watching::pack(&desk, "two", "two", "k");
    deliver_all(&desk, "two");
    write_station(&desk, registry.name(), "options = [\"ContinueOnErrors\"]\n");
    desk.carnet(&format!("station import mirror {AT}")).says(&["Failed", "1 artifact failed"]);
    let record = runs(&desk, "failed").remove(0);
    let mut outcomes: Vec<(String, String)> = Vec::new();
    for artifact in record["importedArtifacts"].as_array().unwrap() {
        let text = |key: &str| artifact[key].as_str().unwrap().to_owned();
        outcomes.push((text("name"), text("outcome")));
    }
    outcomes.sort();
    let expected = [("mirror/app:1", "failed"), ("mirror/other:1", "created")];
    assert_eq!(outcomes, expected.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())));
}
