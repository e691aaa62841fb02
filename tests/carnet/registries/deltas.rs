//! Importing a delta: what it leaves out must be in the registry, and is mounted where it is needed.

use serde_json::{Value, json};

use super::debian::Debian;
use super::server::{Options, Registry};
use super::station::Station;
use crate::behaviour::deltas::image;
use crate::behaviour::layouts::digest_of;
use crate::behaviour::support::{Run, installed};

/// The bundle `one` with `low.example/team/app:1`, and the deltas `two` with `app:2` and `web` with
/// `low.example/team/web:1`, which share layers with it.
fn station() -> Station {
    let station = Station::new();
    let mut source = station.source("src");
    let app = "low.example/team/app";
    for (name, seeds) in [
        (format!("{app}:1"), &[1, 2][..]),
        (format!("{app}:2"), &[1, 2, 3]),
        ("low.example/team/web:1".into(), &[1, 4]),
    ] {
        let image = image(&source, seeds);
        source.tag(&image, &name);
    }
    pack(&station, "one", "team/app:1", "").ok();
    pack(&station, "two", "team/app:2", "--base one/one_00000.tar").ok();
    pack(&station, "web", "team/web:1", "--base one/one_00000.tar").ok();
    station
}

fn pack(station: &Station, name: &str, reference: &str, options: &str) -> Run {
    station.carnet(&format!(
        "pack oci:src:low.example/{reference} --to {name} --name {name} --key k.key.pem --chunk-size 64KiB {options}"
    ))
}

fn import(station: &Station, places: &str, registry: &str, options: &str) -> Run {
    station.carnet(&format!("import {places} --pub k.pub.pem --to docker://{registry} {options}"))
}

fn blobs(report: &Run) -> Value {
    let blobs = &report.json()["blobs"];
    json!({ "sent": blobs["sent"], "mounted": blobs["mounted"], "present": blobs["present"] })
}

/// The whole way in one registry: into the same repository, and into another one.
fn crosses(registry: &str) {
    let station = station();
    import(&station, "two", registry, "").ends(4).says(&["error[base-missing]", "bundle one", "2 blobs"]);
    import(&station, "one", registry, "").ok();
    import(&station, "two", registry, "--dry-run --json").ok();
    let two = import(&station, "two", registry, "--json").ok();
    // The new layer and the new configuration; the layers of the base.
    assert_eq!(blobs(&two), json!({ "sent": 2, "mounted": 0, "present": 2 }), "{}", two.stdout);
    let dry = import(&station, "web", registry, "--dry-run --json").ok();
    let web = import(&station, "web", registry, "--json").ok();
    assert_eq!(blobs(&web), json!({ "sent": 2, "mounted": 1, "present": 0 }), "{}", web.stdout);
    assert_eq!(blobs(&dry), blobs(&web));
    if installed(&["skopeo"]) {
        let copy = format!("copy -q --src-tls-verify=false docker://{registry}/team/web:1 oci:pulled:web");
        station.skopeo(&copy).ok();
    }
}

#[test]
fn a_delta_crosses_into_a_registry() {
    crosses(&Registry::start().name());
}

#[test]
fn a_delta_crosses_into_a_real_registry() {
    if let Some(debian) = Debian::plain() {
        crosses(debian.name());
    }
}

#[test]
fn nothing_is_pushed_where_the_base_is_missing() {
    let station = station();
    let registry = Registry::start();
    for options in ["", "--dry-run", "--receipt r.json"] {
        let run = import(&station, "two", &registry.name(), options).ends(4);
        run.says(&["error[base-missing]", station.desk.inspected("one")["bundle"].as_str().unwrap()]);
    }
    let writes = |exchange: &super::http::Exchange| !["GET", "HEAD"].contains(&exchange.method.as_str());
    assert!(!registry.log().iter().any(writes), "a delta without its base was pushed");
    assert!(!station.path("r.json").exists());
    // With other artifacts to go on with, only this one fails.
    let run = import(&station, "two", &registry.name(), "--continue-on-errors").ends(4);
    run.says(&["base-missing"]);
    assert!(registry.repository("team/app").tags.is_empty());
}

#[test]
fn a_registry_that_lost_a_blob_of_the_base_is_not_believed() {
    let station = station();
    let registry = Registry::start();
    import(&station, "one", &registry.name(), "").ok();
    let lost = digest_of(&station.desk.inspected("two")["elsewhere"][0]).to_owned();
    registry.change("team/app", |repository| {
        repository.blobs.remove(&lost).unwrap();
    });
    import(&station, "two", &registry.name(), "")
        .ends(4)
        .says(&["error[base-missing]", "1 blob of 40000 bytes"]);
    import(&station, "one two --bundle two", &registry.name(), "").ok();
}

#[test]
fn what_is_renamed_is_found_where_it_was_named() {
    let station = station();
    let registry = Registry::start();
    let name = registry.name();
    import(&station, "one", &name, "--rename low.example/team/app:(.*)=other/app:$1").ok();
    // The rules of this import do not lead to the repository.
    import(&station, "web", &name, "").ends(4).says(&["error[base-missing]"]);
    import(&station, "web", &name, "--mount-from other/app").ok();
    // The same rules do.
    import(&station, "web", &name, "--rename low.example/team/(.*):(.*)=other/$1:$2").ok();
}

#[test]
fn without_mounts_the_chunks_of_the_base_help() {
    let station = station();
    let registry = Registry::with(Options { mounts: false, ..Options::default() });
    import(&station, "one", &registry.name(), "").ok();
    import(&station, "web", &registry.name(), "").ends(4).says(&[
        "error[base-missing]",
        "does not mount",
        "--bundle",
    ]);
    assert_eq!(registry.open_uploads(), 0);
    let web = import(&station, "one web --bundle web", &registry.name(), "--json").ok();
    assert_eq!(blobs(&web)["sent"], 3);
}

#[test]
fn only_what_a_receipt_confirms_is_left_out() {
    let station = station();
    let registry = Registry::start();
    let name = registry.name();
    for key in ["far", "stranger"] {
        station.carnet(&format!("keygen {key}")).ok();
    }
    let receipt = |bundle: &str, options: &str| {
        import(&station, bundle, &name, &format!("--receipt {bundle}.json --key far.key.pem {options}"))
    };
    receipt("one", "").ok();
    let three = |options: &str| {
        pack(
            &station,
            "three",
            "team/app:2",
            &format!("--base one --base two --receipt-pub far.pub.pem {options}"),
        )
    };
    // `two` was not imported yet: only what `one` carried is left out.
    three("--since one.json").ok();
    assert_eq!(station.desk.inspected("three")["left_out"][0]["blobs"], 2);
    station.desk.sh("rm -r three").ok();
    receipt("two", "").ok();
    three("--since one.json --since two.json").ok();
    let left_out = station.desk.inspected("three")["left_out"].clone();
    assert_eq!(left_out.as_array().unwrap().len(), 2, "{left_out}");
    station.desk.sh("rm -r three").ok();
    // Signed by another key, changed, not signed, no receipt, of a bundle that was not given.
    let refused = |options: &str, code: &str| {
        let run = pack(&station, "three", "team/app:2", &format!("--base one {options}"));
        assert_ne!(run.code, Some(0), "{options}");
        run.says(&[&format!("error[{code}]")]);
        assert!(!station.path("three").exists());
    };
    refused("--since one.json --receipt-pub stranger.pub.pem", "receipt-refused");
    station
        .desk
        .sh("sed s/created/replaced/ one.json > changed.json && cp one.json.sig changed.json.sig")
        .ok();
    refused("--since changed.json --receipt-pub far.pub.pem", "receipt-refused");
    station.desk.sh("cp one.json unsigned.json").ok();
    refused("--since unsigned.json --receipt-pub far.pub.pem", "file-unusable");
    station.desk.sh("cp one.json short.json && head -c 63 one.json.sig > short.json.sig").ok();
    refused("--since short.json --receipt-pub far.pub.pem", "receipt-refused");
    refused("--since two.json --receipt-pub far.pub.pem", "base-not-confirmed");
}

#[test]
fn an_import_of_some_artifacts_confirms_nothing() {
    let station = station();
    let registry = Registry::start();
    station.carnet("keygen far").ok();
    station.carnet("pack oci:src --to all --name all --key k.key.pem --chunk-size 64KiB").ok();
    let some = "--artifact low.example/team/web:1 --receipt some.json --key far.key.pem";
    import(&station, "all", &registry.name(), some).ok();
    let delta = "--base all --since some.json --receipt-pub far.pub.pem";
    pack(&station, "three", "team/app:2", delta).ends(1).says(&["error[base-not-confirmed]"]);
}

/// The import pipeline `mirror` of a station, from the folder `in` into this registry.
fn with_pipeline(station: &Station, registry: &str) {
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\n";
    station.write("trust.toml", trust);
    let pipeline = format!(
        "key = \"far.key.pem\"\nstate = \"state\"\n[import.mirror]\nfrom = \"in\"\nto = \"docker://{registry}/mirror\"\n\
         trust = \"trust.toml\"\n"
    );
    station.write("station.toml", &pipeline);
    for key in ["far", "stranger"] {
        station.carnet(&format!("keygen {key}")).ok();
    }
    station.desk.sh("mkdir in").ok();
}

#[test]
fn a_station_names_the_base_that_is_missing_and_confirms_what_it_imported() {
    let Some(registry) = Debian::plain() else { return };
    let station = station();
    with_pipeline(&station, registry.name());
    let import =
        |bundle: &str| station.carnet(&format!("station import mirror {bundle} --station station.toml"));
    station.desk.sh("cp two/* in").ok();
    import("two").ends(4).says(&["code   base-missing", "2 blobs", "bundle one ("]);
    // Nothing was imported in full so far.
    let three = |options: &str| {
        let base = format!("--base one --base two --since state/chain.jsonl {options}");
        pack(&station, "three", "team/app:2", &base)
    };
    three("--receipt-pub far.pub.pem")
        .ends(3)
        .says(&["error[receipt-refused]", "no line says that a run imported"]);
    station.desk.sh("cp one/* in").ok();
    import("one").ok();
    three("--receipt-pub far.pub.pem").ok().says(&["does not confirm all of two"]);
    assert_eq!(station.desk.inspected("three")["left_out"][0]["blobs"], 2);
    station.desk.sh("rm -r three").ok();
    import("two").ok();
    three("--receipt-pub far.pub.pem").ok();
    assert_eq!(station.desk.inspected("three")["left_out"].as_array().unwrap().len(), 2);
    station.desk.sh("rm -r three").ok();
    // Another key, a changed line, lines of runs that did something else, and a line alone.
    three("--receipt-pub stranger.pub.pem")
        .ends(3)
        .says(&["error[receipt-refused]", "not signed by any of the keys"]);
    station.desk.sh("sed s/imported/exported/ state/chain.jsonl > other").ok();
    let since = |file: &str, bases: &str| {
        let options = format!("{bases} --since {file} --receipt-pub far.pub.pem");
        pack(&station, "three", "team/app:2", &options)
    };
    since("other", "--base one").ends(3).says(&["error[receipt-refused]"]);
    let id = station.desk.inspected("web")["bundle"].as_str().unwrap().to_owned();
    let one = station.desk.inspected("one")["bundle"].as_str().unwrap().to_owned();
    station.desk.sh(&format!("sed s/{one}/{id}/ state/chain.jsonl > forged")).ok();
    since("forged", "--base web").ends(3).says(&["error[receipt-refused]", "it was changed"]);
    station.desk.sh(&format!("grep {one} state/chain.jsonl | grep finished > alone")).ok();
    since("alone", "--base two").ends(1).says(&["error[base-not-confirmed]"]);
    assert!(!station.path("three").exists());
    since("alone", "--base one").ok();
}
