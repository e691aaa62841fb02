//! What import writes about what it did.

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
fn a_receipt_says_what_went_where_on_whose_word() {
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

#[test]
fn a_receipt_is_signed_so_that_openssl_agrees() {
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
fn a_receipt_of_a_run_that_failed_in_part_says_so() {
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
fn a_receipt_in_the_way_is_never_overwritten_unseen() {
    let (station, _) = station();
    let registry = Registry::start();
    station.write("receipt.json", "an older one");
    let run = station.import(&registry.name(), "--receipt receipt.json");
    if run.code != Some(0) {
        assert_eq!(read(&station, "receipt.json"), "an older one");
        assert_eq!(registry.accepted_connections(), 0, "it was known before");
    }
    let nowhere = station.import(&registry.name(), "--receipt no/such/folder/receipt.json");
    assert!(matches!(nowhere.code, Some(1 | 2)), "{nowhere:?}");
    nowhere.says(&["no/such/folder"]);
}

#[test]
fn receipts_of_the_same_import_differ_in_their_time_only() {
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
fn a_receipt_that_came_meanwhile_is_not_replaced() {
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
