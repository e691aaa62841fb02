//! Policies of pipelines: what they deny is neither packed nor imported, and the record says why.

use std::fs;

use serde_json::{Value, json};

use super::service::{Service, runs, write_station};
use super::watching::{deliver_all, pack};
use crate::audits::contents::{image, tar_of};
use crate::behaviour::support::Desk;
use crate::registries::server::Registry;

const DENIES: &str = "version = 1\nallow-setuid = false\n";
const ALLOWS: &str = "version = 1\n";
const WAITS: &str =
    "tried again when it or the policy changes: the policy objects: 1 reason: allow-setuid (1)";

/// A desk with the bundle `app`, which has an executable that runs as its owner, and the bundle `good`.
fn desk() -> Desk {
    let desk = Desk::new();
    for (name, path, mode) in [("app", "bin/su", 0o4755), ("good", "etc/motd", 0o644)] {
        let mut source = desk.source(&format!("src-{name}"));
        image(&mut source, &format!("{name}:1"), &[tar_of(&[(path, mode, b"x")])]);
        pack(&desk, name, name, "k");
    }
    fs::create_dir(desk.path("in")).unwrap();
    write(&desk, "policy.toml", DENIES);
    desk
}

fn write(desk: &Desk, name: &str, text: &str) {
    fs::write(desk.path(name), text).unwrap();
}

/// A file that accepts the denials of a record.
fn accepting(record: &Value) -> String {
    let denial = &record["judgement"]["denials"][0];
    format!(
        "version = 1\n[[ignore]]\nrule = {}\nplace = {}\nreason = \"needed\"\nuntil = \"2099-01-01\"\n",
        denial["rule"], denial["place"]
    )
}

#[test]
fn a_denied_bundle_stays_and_is_tried_again_when_the_policy_changes() {
    let registry = Registry::start();
    let desk = desk();
    write_station(&desk, &registry.name(), "policy = [\"policy.toml\"]\n");
    deliver_all(&desk, "app");
    let service = Service::start(&desk);
    service.wait("the denial", || !runs(&desk, "failed").is_empty());
    let record = runs(&desk, "failed")[0].clone();
    assert_eq!(record["errorCode"], "denied-by-policy");
    let judgement = &record["judgement"];
    assert_eq!((&judgement["allowed"], &judgement["reasons"]), (&json!(false), &json!(1)));
    assert_eq!(judgement["denials"][0]["rule"], "allow-setuid");
    assert!(judgement["files"][0]["name"].as_str().unwrap().ends_with("policy.toml"));
    let kept = record["filesKept"].as_object().unwrap();
    assert!(!kept.is_empty() && kept.values().all(|why| why == "a policy denies the bundle"));
    assert_eq!(registry.repositories(), Vec::<String>::new());
    assert_eq!(service.count("import Failed: error[denied-by-policy]: the policy objects"), 1);
    service.wait("the page says so", || service.page("/").contains(WAITS));
    assert!(service.page("/healthz").starts_with("HTTP/1.1 503"));
    let why = desk.carnet("station why mirror --station station.toml").ok();
    why.says(&["Failed in the run", "allow-setuid", "[denied-by-policy]", "hint: `carnet runs show"]);

    // Another bundle is imported, and that one is not judged again.
    deliver_all(&desk, "good");
    service.wait("the import", || !runs(&desk, "succeeded").is_empty());
    let good = runs(&desk, "succeeded")[0].clone();
    assert_eq!(good["judgement"]["allowed"], true);
    let checks = good["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["result"] == "the content was audited and allowed"), "{good}");
    assert_eq!(registry.repositories(), ["mirror/good"]);
    assert_eq!(runs(&desk, "failed").len(), 1);
    // Nor after a restart.
    service.stop();
    let service = Service::start(&desk);
    service.wait("the page says so again", || service.page("/").contains(WAITS));
    assert_eq!(runs(&desk, "failed").len(), 1);

    write(&desk, "policy.toml", ALLOWS);
    service.wait("the second import", || runs(&desk, "succeeded").len() == 2);
    assert_eq!(service.count("a file of the policy has changed"), 1);
    assert_eq!(registry.repositories(), ["mirror/app", "mirror/good"]);
    service.wait("it is well", || service.page("/healthz").starts_with("HTTP/1.1 200"));
    service.stop();
    desk.carnet("runs verify --state state --pub k.pub.pem").ok();
}

#[test]
fn an_import_by_hand_that_is_denied_exits_with_5() {
    let registry = Registry::start();
    let desk = desk();
    write_station(&desk, &registry.name(), "policy = [\"policy.toml\"]\nignore = [\"ignore.toml\"]\n");
    deliver_all(&desk, "app");
    // A file that is not there is no denial, and no run.
    let run = desk.carnet("station import mirror --station station.toml").ends(1);
    run.says(&["error[file-unusable]", "ignore.toml"]);
    desk.carnet("station check --station station.toml")
        .ends(1)
        .says(&["FAILED  mirror: policy", "ignore.toml"]);
    assert!(runs(&desk, "failed").is_empty());
    write(&desk, "ignore.toml", "version = 1\n");
    desk.carnet("station check --station station.toml").ok().says(&["ok      mirror: policy"]);
    let run = desk.carnet("station import mirror --station station.toml").ends(5);
    run.says(&["policy denied by", "allow-setuid: ", "bin/su", "stays: ", "a policy denies the bundle"]);
    assert_eq!(registry.repositories(), Vec::<String>::new());
    // The same again is the same.
    desk.carnet("station import mirror --station station.toml").ends(5);
    write(&desk, "ignore.toml", &accepting(&runs(&desk, "failed")[0]));
    let why = desk.carnet("station why mirror --station station.toml").ok();
    why.says(&["hint: the policy has changed since"]);
    desk.carnet("station import mirror --station station.toml").ok().says(&["policy allowed by"]);
    assert_eq!(registry.repositories(), ["mirror/app"]);
}

/// A desk with the export pipeline `out` of the source `src-app`.
fn exporting(keys: &str) -> Desk {
    let desk = desk();
    let out = format!("[export.out]\nartifacts = [\"oci:src-app\"]\nto = \"sent\"\n{keys}");
    write_station(&desk, "127.0.0.1:1", &out);
    desk
}

fn export(desk: &Desk, options: &str) -> crate::behaviour::support::Run {
    desk.carnet(&format!("station export out --station station.toml {options}"))
}

#[test]
fn what_a_policy_denies_is_not_exported_and_not_read_again() {
    let desk = exporting("policy = [\"policy.toml\"]\nignore = [\"ignore.toml\"]\n");
    write(&desk, "ignore.toml", "version = 1\n");
    let run = export(&desk, "").ends(5);
    run.says(&["error[denied-by-policy]", "code   denied-by-policy", "allow-setuid: ", "bin/su"]);
    assert!(!desk.path("sent").exists());
    let first = runs(&desk, "failed")[0].clone();
    let same = "neither the content nor the rules have changed since the run";
    let run = export(&desk, "").ends(5).says(&[same]);
    assert!(run.stdout.contains(first["name"].as_str().unwrap()), "{}", run.stdout);
    assert_eq!(runs(&desk, "failed")[0]["judgement"], first["judgement"]);
    assert!(!export(&desk, "--force").ends(5).stdout.contains(same));
    write(&desk, "ignore.toml", &accepting(&first));
    // No number was used up.
    export(&desk, "").ok().says(&["policy allowed by", "bundle out000001"]);
    desk.carnet("verify sent --pub k.pub.pem").ok();
    export(&desk, "").ok().says(&["nothing has changed since the run"]);
}

#[test]
fn a_pipeline_takes_all_that_a_policy_needs() {
    let keys = "policy = [\"policy.toml\"]\nadvisories = [\"osv.json\"]\nvex = [\"vex.json\"]\nsecret-rules = [\"house.toml\"]\n\
                cosign-keys = [\"team.pub\"]\nnotation-ca = [\"ca.pem\"]\n";
    let desk = exporting(keys);
    let status = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
    let mut source = desk.source("src-app");
    let release = b"ID=debian\nVERSION_ID=\"12\"\n";
    let layer = tar_of(&[
        ("etc/os-release", 0o644, release),
        ("etc/app.conf", 0o644, b"id = HOUSE-123456\n"),
        ("var/lib/dpkg/status", 0o644, status),
    ]);
    image(&mut source, "app:1", &[layer]);
    write(&desk, "policy.toml", "version = 1\ndenied-findings = [\"advisory\"]\nallow-secrets = true\n");
    write(&desk, "house.toml", "[[rules]]\nid = \"house-id\"\nregex = '''HOUSE-[0-9]{6}'''\n");
    let record = json!({ "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "bad",
        "affected": [{ "package": { "ecosystem": "Debian:12", "name": "a" },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }] });
    write(&desk, "osv.json", &record.to_string());
    let vex = |status: &str| {
        let statement = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
                "vulnerability": { "name": "CVE-2026-1" }, "products": [{ "@id": "pkg:deb/debian/a@1" }],
                "status": status, "justification": "vulnerable_code_not_present" }] });
        write(&desk, "vex.json", &statement.to_string());
    };
    vex("affected");
    fs::write(desk.path("ca.pem"), "").unwrap();
    let made = desk.sh("openssl ecparam -name prime256v1 -genkey -noout -out team.key && \
        openssl ec -in team.key -pubout -out team.pub && \
        openssl req -x509 -new -key team.key -subj /CN=team -days 30 -out ca.pem");
    made.ok();
    desk.carnet("station check --station station.toml").says(&[
        "ok      out: policy",
        "ok      out: advisories",
        "1 record",
    ]);
    export(&desk, "").ends(5).says(&["denied-findings: ", "CVE-2026-1"]);
    vex("not_affected");
    export(&desk, "--name first").ok();
    // The rule of the house is used.
    write(&desk, "policy.toml", "version = 1\n");
    export(&desk, "--force").ends(5).says(&["allow-secrets: ", "etc/app.conf"]);
    for file in ["team.pub", "ca.pem", "vex.json", "house.toml"] {
        let text = fs::read_to_string(desk.path(file)).unwrap();
        write(&desk, file, "[[wrong");
        let run = export(&desk, "--force").ends(2);
        run.says(&[file]);
        write(&desk, file, &text);
    }
}

#[cfg(feature = "rego")]
#[test]
fn a_pipeline_takes_policies_in_rego() {
    let desk = exporting("policy = [\"policy.rego\"]\n");
    write(&desk, "policy.rego", "package carnet\n\ndeny contains \"no\" if input.totals.artifacts == 1\n");
    export(&desk, "").ends(5).says(&["error[denied-by-policy]", "deny: no"]);
    assert!(!desk.path("sent").exists());
    let record = runs(&desk, "failed")[0].clone();
    assert_eq!(record["judgement"]["denials"][0]["text"], "no");
    // A policy that says nothing lets nothing pass.
    write(&desk, "policy.rego", "package carnet\n\ndeny contains 1 if true\n");
    export(&desk, "").ends(1).says(&["error[policy-failed]"]);
    assert!(!desk.path("sent").exists());
    write(&desk, "policy.rego", "package carnet\n\ndeny contains \"no\" if input.totals.artifacts == 2\n");
    export(&desk, "").ok();
    desk.carnet("verify sent --pub k.pub.pem").ok();
}

#[cfg(feature = "rego")]
#[test]
fn an_import_takes_policies_in_rego() {
    let registry = Registry::start();
    let desk = desk();
    write_station(&desk, &registry.name(), "policy = [\"policy.toml\", \"policy.rego\"]\n");
    write(&desk, "policy.toml", ALLOWS);
    write(&desk, "policy.rego", "package carnet\n\ndeny contains \"no\" if input.totals.artifacts == 1\n");
    deliver_all(&desk, "app");
    let import = "station import mirror --station station.toml";
    desk.carnet(import).ends(5).says(&["policy denied by", "deny: no"]);
    assert_eq!(runs(&desk, "failed")[0]["judgement"]["denials"][0]["text"], "no");
    // A policy that says nothing lets nothing pass.
    write(&desk, "policy.rego", "package carnet\n\ndeny contains 1 if true\n");
    desk.carnet(import).ends(1).says(&["error[policy-failed]"]);
    assert_eq!(registry.repositories(), Vec::<String>::new());
    write(&desk, "policy.rego", "package carnet\n\ndeny contains \"no\" if input.totals.artifacts == 2\n");
    desk.carnet(import).ok().says(&["policy allowed by"]);
    assert_eq!(registry.repositories(), ["mirror/app"]);
}
