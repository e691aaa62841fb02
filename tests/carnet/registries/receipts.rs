//! The receipts that import writes.

use super::http::{Fault, Response};
use super::server::Registry;
use super::station::Station;
use crate::behaviour::layouts::digest_of;
use crate::behaviour::support::installed;

fn station() -> (Station, Vec<String>) {
    let station = Station::new();
    let mut source = station.source("src");
    let (one, two) = (source.image(1, &[500]), source.image(2, &[600]));
    source.tag(&one, "low.example/one:1");
    source.tag(&two, "low.example/two:1");
    let sbom = source.referrer(&one, "application/spdx+json", "sbom");
    source.list(&sbom);
    station.pack("oci:src").ok();
    let digests = [one, two, sbom].iter().map(|one| digest_of(one).to_owned()).collect();
    (station, digests)
}

fn read(station: &Station, name: &str) -> String {
    std::fs::read_to_string(station.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_receipt_names_artifacts_targets_and_signers() {
    let (station, digests) = station();
    let registry = Registry::start();
    station.import(&format!("{}/pre", registry.name()), "--receipt receipt.json").ok();
    let bundle = station.desk.inspected("out");
    let (json, text) = (read(&station, "receipt.json"), read(&station, "receipt.json.txt"));
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(document.is_object());
    let at = registry.name();
    for text in [&json, &text] {
        for word in [bundle["bundle"].as_str().unwrap(), &at, "low.example/one:1", "pre/one", "pre/two"] {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
        for digest in &digests[..2] {
            assert!(text.contains(digest.as_str()), "{digest} is not in\n{text}");
        }
    }
    assert!(json.contains(&digests[2]), "the referrer is not in\n{json}");
    assert!(text.is_ascii() && text.ends_with('\n'), "{text}");
    assert!(text.lines().all(|line| line.len() <= 200), "{text}");
    assert!(!station.path("receipt.json.sig").exists());
}

/// The same bundle again is not imported again, and has no second receipt.
#[test]
fn a_received_bundle_is_imported_once_with_a_receipt() {
    let (station, digests) = station();
    let registry = Registry::start();
    let receive = format!(
        "receive out --pub k.pub.pem --once --state state --receipts receipts --then import docker://{}/pre",
        registry.name()
    );
    station.carnet(&receive).ok().says(&["the bundle b is done"]);
    station.carnet(&receive).ok().says(&["the bundle b is there again"]);
    let receipts: Vec<String> = std::fs::read_dir(station.path("receipts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".json.txt"))
        .collect();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    let receipt = read(&station, &format!("receipts/{}", receipts[0]));
    assert!(receipt.contains(&digests[0]) && receipt.contains("pre/one"), "{receipt}");
    // Without the state it is pushed again, which changes nothing.
    std::fs::remove_dir_all(station.path("state")).unwrap();
    station.carnet(&receive).ok().says(&["the bundle b is done"]);
}

#[test]
fn openssl_verifies_the_signature_of_a_receipt() {
    if !installed(&["openssl"]) {
        return;
    }
    let (station, _) = station();
    let registry = Registry::start();
    station.carnet("keygen importer").ok();
    station.import(&registry.name(), "--receipt receipt.json --key importer.key.pem").ok();
    assert_eq!(std::fs::read(station.path("receipt.json.sig")).unwrap().len(), 64);
    let verify = "openssl pkeyutl -verify -pubin -rawin -sigfile receipt.json.sig -in receipt.json -inkey";
    station.desk.sh(&format!("{verify} importer.pub.pem")).ok();
    station.desk.sh(&format!("{verify} k.pub.pem")).ends(1);
}

#[test]
fn a_receipt_of_a_partly_failed_import_says_so() {
    let (station, _) = station();
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "/v2/two/manifests/*").answers(Response::new(403)));
    let run = station.import(&registry.name(), "--continue-on-errors --receipt receipt.json").ends(4);
    run.says(&["failed: low.example/two:1", "hint: log in"]);
    let document: serde_json::Value = serde_json::from_str(&read(&station, "receipt.json")).unwrap();
    let failed = &document["tags"]["failed"][0]["error"];
    assert_eq!(failed["code"], "registry-denied");
    assert!(failed["hint"].as_str().is_some_and(|hint| hint.starts_with("log in")), "{failed}");
    for name in ["receipt.json", "receipt.json.txt"] {
        let text = read(&station, name);
        assert!(text.contains("low.example/two:1") && text.contains("registry-denied"), "{text}");
    }
}

#[test]
fn an_existing_receipt_is_not_silently_overwritten() {
    let (station, _) = station();
    let registry = Registry::start();
    station.write("receipt.json", "an older one");
    for other in ["receipt.json", "other.json.txt", "other.json.sig"] {
        station.write(other, "an older one");
        let name = other.trim_end_matches(".txt").trim_end_matches(".sig");
        let run = station.import(&registry.name(), &format!("--receipt {name} --key k.key.pem")).ends(1);
        run.says(&["error[receipt-exists]", other]);
        assert_eq!(read(&station, other), "an older one");
        std::fs::remove_file(station.path(other)).unwrap();
    }
    let nowhere = station.import(&registry.name(), "--receipt no/such/folder/receipt.json").ends(1);
    nowhere.says(&["error[receipt-unwritten]", "no/such/folder"]);
    assert_eq!(registry.accepted_connections(), 0, "all of it was known before");
    assert_eq!(receipts(&station), [""; 0]);
}

/// The names of all files that belong to receipts, hidden ones, too.
fn receipts(station: &Station) -> Vec<String> {
    let entries = std::fs::read_dir(station.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains(".json")).collect();
    names.sort();
    names
}

#[test]
fn room_for_the_receipt_is_secured_before_anything_is_pushed() {
    let (station, _) = station();
    let registry = Registry::start();
    let line = format!("import out --pub k.pub.pem --to docker://{} --receipt receipt.json", registry.name());
    let carnet = env!("CARGO_BIN_EXE_carnet");
    let run = station.desk.sh(&format!("trap '' XFSZ; ulimit -f 16; exec {carnet} {line}"));
    run.ends(1).says(&["error[receipt-unwritten]", "receipt.json", "free space"]);
    assert_eq!(registry.accepted_connections(), 0);
    assert_eq!(receipts(&station), [""; 0]);
}

#[test]
fn what_a_killed_run_left_of_its_receipt_is_removed() {
    let (station, _) = station();
    let registry = Registry::start();
    for name in [".receipt.json.12345-0.partial", ".receipt.json.txt.12345-0.partial"] {
        station.write(name, "left");
    }
    station.import(&registry.name(), "--receipt receipt.json").ok();
    assert_eq!(receipts(&station), ["receipt.json", "receipt.json.txt"]);
    assert!(read(&station, "receipt.json").ends_with("}\n"), "it is longer than its content");
}

#[test]
fn a_receipt_that_cannot_be_completed_leaves_no_part_and_hides_no_outcome() {
    let (station, _) = station();
    let registry = Registry::start();
    let json = station.path("receipt.json");
    registry.fault(Fault::on("PUT", "*/manifests/1").alters(move |_| {
        std::fs::write(&json, "of another run").unwrap();
    }));
    let run = station.import(&registry.name(), "--receipt receipt.json --key k.key.pem").ends(1);
    run.says(&["error[receipt-exists]", "imported into", "one:1", "two:1"]);
    assert_eq!(receipts(&station), ["receipt.json"]);
    assert_eq!(read(&station, "receipt.json"), "of another run");
}

#[test]
fn an_import_that_ends_early_without_its_receipt_says_what_it_changed() {
    let (station, digests) = station();
    let registry = Registry::start();
    let json = station.path("receipt.json");
    registry.fault(Fault::on("PUT", "/v2/two/manifests/1").alters(move |answer| {
        std::fs::write(&json, "of another run").unwrap();
        *answer = Response::new(403);
    }));
    registry.fault(Fault::on("GET", "/v2/two/manifests/1").answers(Response::new(404)));
    let run = station.import(&registry.name(), "--receipt receipt.json --connections 1").ends(1);
    run.says(&["error[registry-denied]", "partly imported", "already exists", "one:1", &digests[0]]);
}

#[test]
fn receipts_of_the_same_import_differ_only_in_their_time() {
    let (station, _) = station();
    let registry = Registry::start();
    station.import(&registry.name(), "--receipt first.json").ok();
    station.import(&registry.name(), "--receipt second.json").ok();
    let artifacts = |name: &str| {
        let document: serde_json::Value = serde_json::from_str(&read(&station, name)).unwrap();
        document["artifacts"].as_array().map(Vec::len)
    };
    assert_eq!(artifacts("first.json"), Some(2));
    assert_eq!(artifacts("second.json"), Some(2));
}

#[test]
fn a_receipt_created_meanwhile_is_not_replaced() {
    let (station, _) = station();
    let registry = Registry::start();
    let (json, text) = (station.path("receipt.json"), station.path("receipt.json.txt"));
    registry.fault(Fault::on("PUT", "*/manifests/1").alters(move |_| {
        std::fs::write(&json, "of another run").unwrap();
        std::fs::write(&text, "of another run").unwrap();
    }));
    station.import(&registry.name(), "--receipt receipt.json").ends(1).says(&["error[receipt-exists]"]);
    for name in ["receipt.json", "receipt.json.txt"] {
        assert_eq!(read(&station, name), "of another run");
    }
}
