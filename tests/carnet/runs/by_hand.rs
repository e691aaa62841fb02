//! Transfer records of work by hand, and of imports from object stores.

use std::fs;
use std::path::Path;

use carnet::oci::Digest;
use serde_json::Value;

use super::commands::fits_document;
use crate::behaviour::support::Desk;
use crate::registries::http::{Fault, Response};
use crate::registries::server::Registry;
use crate::registries::station::Station;

/// A station with a source of two artifacts.
fn station() -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    let (one, two) = (source.image(1, &[90_000]), source.image(2, &[600]));
    source.tag(&one, "low.example/one:1");
    source.tag(&two, "low.example/two:1");
    station
}

fn read(station: &Station, name: &str) -> String {
    fs::read_to_string(station.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn document(station: &Station, name: &str) -> Value {
    serde_json::from_str(&read(station, name)).unwrap()
}

/// The SHA-256 of the statement in a chunk file, which is the first entry of a tar archive.
fn statement_sum(file: &Path) -> String {
    let bytes = fs::read(file).unwrap();
    let length = usize::from_str_radix(std::str::from_utf8(&bytes[124..135]).unwrap(), 8).unwrap();
    Digest::sha256(&bytes[512..512 + length]).hex()
}

const PEOPLE: &str = "--field transferred-by=Anna --field approved-by=Berta --field media-serial=4711";

#[test]
fn packing_and_importing_by_hand_leave_records_that_agree() {
    let station = station();
    let registry = Registry::start();
    station
        .pack(&format!(
            "oci:src --chunk-size 64KiB --transfer-record low.txt --transfer-record low.csv --transfer-record low.json {PEOPLE}"
        ))
        .ok();
    let low = document(&station, "low.json");
    fits_document(&low, "transfer-record");
    assert_eq!(low["people"][0]["name"], "Anna");
    assert_eq!(low["people"][1]["role"], "Approved by");
    assert_eq!(low["chain"], Value::Null);
    let files = low["run"]["files"].as_array().unwrap();
    assert!(files.len() > 2);
    for file in files {
        let path = station.path("out").join(file["name"].as_str().unwrap());
        assert_eq!(file["statementSha256"], statement_sum(&path));
        assert_eq!(file["sha256"], Digest::sha256(&fs::read(&path).unwrap()).hex());
        assert!(file["md5"].is_string());
    }
    let (text, table) = (read(&station, "low.txt"), read(&station, "low.csv"));
    assert!(text.contains("Name      Anna ") && text.contains("Berta"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("digest and size of each blob") && text.contains("done by hand"), "{text}");
    for row in
        ["person,Transferred by: name,Anna,", "person,Approved by: signature,,", "field,media-serial,4711"]
    {
        assert!(table.contains(row), "no {row} in\n{table}");
    }
    assert!(!table.contains("field,approved-by"), "{table}");

    // A second holder signs on the way: the file of the control chunk changes, its statement does not.
    let before = fs::read(station.path("out/b_00000.tar")).unwrap();
    station.carnet("keygen second").ok();
    station.carnet("sign out --key second.key.pem").ok();
    assert_ne!(fs::read(station.path("out/b_00000.tar")).unwrap(), before);
    station.import(&registry.name(), "--transfer-record high.json --file-sums sha256,md5").ok();
    let high = document(&station, "high.json");
    fits_document(&high, "transfer-record");
    assert_eq!(high["run"]["status"], "Succeeded");
    assert_eq!(high["run"]["importedArtifacts"].as_array().unwrap().len(), 2);
    assert!(high["run"]["files"].as_array().unwrap().iter().all(|file| file["md5"].is_string()));
    assert_eq!(high["people"][0]["name"], Value::Null);
    let agreed = station.carnet("runs reconcile low.json high.json --json").ok().json();
    assert_eq!((&agreed["sent"], &agreed["agreed"]), (&1.into(), &1.into()));

    // Another statement shows, although the sum of the file is not known.
    let mut forged = high;
    forged["run"]["files"][1]["statementSha256"] = "0".repeat(64).into();
    forged["run"]["files"][1]["sha256"] = Value::Null;
    fs::write(station.path("forged.json"), forged.to_string()).unwrap();
    let differs = station.carnet("runs reconcile low.json forged.json").ends(1);
    differs.says(&["other statement: chunk 1 of", &"0".repeat(64)]);
}

#[test]
fn a_record_that_cannot_be_written_ends_the_command_before_anything_is_done() {
    let station = station();
    let registry = Registry::start();
    fs::write(station.path("taken.txt"), "mine").unwrap();
    for (options, code, words) in [
        ("--transfer-record taken.txt", 1, "error[target-exists]"),
        ("--transfer-record nowhere/a.txt", 1, "error[file-unusable]"),
        ("--transfer-record a.pdf", 2, "ends in .txt, .csv or .json"),
        ("--transfer-record a.txt --dry-run", 2, "cannot be used with"),
        ("--field a=b", 2, "--transfer-record"),
        (
            "--transfer-record a.txt --field transferred-by=Anna --field approved-by=anna",
            2,
            "error[same-person]",
        ),
    ] {
        station.pack(&format!("oci:src {options}")).ends(code).says(&[words]);
        assert!(!station.path("out").exists(), "{options}");
    }
    station.pack("oci:src").ok();
    station.import(&registry.name(), "--transfer-record taken.txt").ends(1).says(&["error[target-exists]"]);
    assert!(registry.repositories().is_empty());
    assert_eq!(read(&station, "taken.txt"), "mine");
    let left = |name: &String| name.contains("partial") || name.contains("a.txt");
    assert!(!station.desk.files("").keys().any(left), "{:?}", station.desk.files("").keys());
}

#[test]
fn a_record_tells_of_an_import_that_failed_in_part() {
    let station = station();
    let registry = Registry::start();
    station.pack("oci:src").ok();
    registry.fault(Fault::on("PUT", "/v2/two/manifests/1").answers(Response::new(403)));
    station.import(&registry.name(), "--continue-on-errors --transfer-record high.json").ends(4);
    let high = document(&station, "high.json");
    assert_eq!(high["run"]["status"], "Failed");
    assert_eq!(high["run"]["pipelineRunErrorMessage"], "1 artifact failed; the others were imported");
    assert_eq!(high["run"]["options"], serde_json::json!(["--continue-on-errors"]));
    let outcomes = high["run"]["importedArtifacts"].as_array().unwrap();
    assert!(
        outcomes.iter().any(|one| one["outcome"] == "failed" && one["error"].is_string()),
        "{outcomes:?}"
    );

    // Nothing was packed, so there is nothing to file.
    station.carnet("pack oci:absent --to out2 --name c --key k.key.pem --transfer-record none.txt").ends(1);
    assert!(!station.path("none.txt").exists());
}

/// What an auditor of both sides sees of a bundle that crossed through an object store.
#[test]
fn records_of_an_import_from_a_store_have_the_statements() {
    let registry = Registry::start();
    let station = crate::stations::operator::Station::new(&registry.name(), "trust = \"trust.toml\"\n", "");
    station.takes_from_bucket();
    station.carnet("export out").ok();
    let imported = |station: &crate::stations::operator::Station| -> Value {
        let runs = station.desk.carnet("runs list --state state --pipeline mirror --json").json();
        runs[0].clone()
    };
    // The bundle `app` is not whole there, the exported one is.
    station.carnet("import mirror out000001").ok();
    let export = station.desk.carnet("runs list --state state --pipeline out --json").json()[0].clone();
    let import = imported(&station);
    for (sent, arrived) in export["files"].as_array().unwrap().iter().zip(import["files"].as_array().unwrap())
    {
        assert_eq!(sent["statementSha256"], arrived["statementSha256"]);
        assert!(sent["statementSha256"].is_string() && sent["sha256"].is_string());
        assert_eq!(arrived["sha256"], Value::Null);
    }
    // The trust file names the holder, and says that the bundle is released.
    assert_eq!(export["signers"], serde_json::json!(import["signers"]));
    assert_eq!(export["policySha256"], import["policySha256"]);
    let check = |run: &Value, name: &str| -> Value {
        let checks = run["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["check"] == name).unwrap()["result"].clone()
    };
    assert_eq!(check(&export, "the trust file"), "accepts the packer");
    assert_eq!(check(&export, "release"), "1 of 1 required");
    station.desk.carnet("runs reconcile state state").ok().says(&["1 bundle, 1 as they were sent"]);

    // With the option, the sums of whole files are there, too.
    with_file_sums(&station.desk);
    station.carnet("import mirror out000001 --force").ok();
    let import = imported(&station);
    for (sent, arrived) in export["files"].as_array().unwrap().iter().zip(import["files"].as_array().unwrap())
    {
        assert_eq!((&sent["sha256"], &sent["md5"]), (&arrived["sha256"], &arrived["md5"]));
    }
}

fn with_file_sums(desk: &Desk) {
    let station = fs::read_to_string(desk.path("station.toml")).unwrap();
    let with = station.replacen("poll = ", "file-sums = [\"sha256\", \"md5\"]\npoll = ", 1);
    assert_ne!(station, with);
    fs::write(desk.path("station.toml"), with).unwrap();
}
