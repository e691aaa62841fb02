//! What an export pipeline leaves in an object store.

use std::fs;
use std::process::Stdio;

use super::operator::Station;
use crate::behaviour::support::wait_for;
use crate::registries::http::{Delivery, Fault, Response, Site as _};
use crate::stores::servers::error;

#[test]
fn objects_have_the_category_and_the_encryption_of_the_pipeline() {
    let keys = "category = \"acr-transfer-blob\"\nsse = \"aws:kms=key1\"\n";
    let station = Station::new("127.0.0.1:1", keys, "");
    station.carnet("export out").ok();
    let log = station.bucket.log();
    let chunks: Vec<_> =
        log.iter().filter(|exchange| exchange.method == "PUT" && exchange.target.contains(".tar")).collect();
    assert!(!chunks.is_empty());
    for request in chunks {
        for (name, value) in [
            ("x-amz-meta-category", "acr-transfer-blob"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "key1"),
        ] {
            assert_eq!(request.headers.get(name), Some(value), "{name} of {}", request.target);
        }
    }
}

#[test]
fn a_key_that_a_store_does_not_take_is_refused() {
    let station = Station::new("127.0.0.1:1", "sse = \"AES256\"\n", "");
    let file = station.desk.path("station.toml");
    let with = fs::read_to_string(&file).unwrap();
    for (from, to, words) in [
        ("s3://bucket/in", "az://account/in", "sse: only S3 takes it, and `to` is az://account/in"),
        ("AES256", "AES512", "sse: \"AES512\": expected AES256, aws:kms, or aws:kms=KEY"),
        ("sse = \"AES256\"", "category = \"a b\"", "category: \"a b\": expected 1 to 100 printable ASCII"),
    ] {
        fs::write(&file, with.replacen(from, to, 1)).unwrap();
        station.carnet("check").ends(2).says(&["[export.out]: ", words]);
    }
}

/// A station whose next bundle has a chunk that is uploaded in parts.
fn large() -> Station {
    let station = Station::new("127.0.0.1:1", "", "");
    let mut source = station.desk.source("src-app");
    let image = source.image(5, &[10_000_000]);
    source.tag(&image, "large:1");
    station
}

/// Kills an export while a part of its upload is under way.
fn kill_an_export(station: &Station) {
    station.bucket.fault(Fault::on("PUT", "*").answers(Response::new(200)).delivers(Delivery::Silence));
    let mut command = station.command("export out");
    let mut export = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for(&mut export, || station.site.open_uploads() > 0));
    export.kill().unwrap();
    export.wait().unwrap();
    station.bucket.heal();
    assert!(station.site.open_uploads() > 0);
}

#[test]
fn uploads_that_a_killed_export_left_are_ended_by_the_next() {
    let station = large();
    kill_an_export(&station);
    // Of other bundles, and of nobody known.
    let others =
        ["in/out000002_00001.tar", "in/out000001_x.tar", "in/out000001_1.tar", "out000001_00001.tar"];
    for key in others {
        station.site.begin(key);
    }
    let run = station.carnet("export out").ok();
    assert_eq!(station.site.open_uploads(), others.len(), "{}", run.stderr);
    assert!(station.site.bytes("in/out000001_00000.tar").is_some());
}

#[test]
fn uploads_of_a_bundle_that_is_given_up_are_ended() {
    let station = large();
    kill_an_export(&station);
    let mut source = station.desk.source("src-app");
    let image = source.image(6, &[100]);
    source.tag(&image, "new:1");
    station.carnet("export out").ok();
    assert_eq!(station.site.open_uploads(), 0);
    assert!(station.site.bytes("in/out000002_00000.tar").is_some(), "other content has another number");
}

#[test]
fn an_export_works_where_uploads_may_not_be_listed() {
    let station = large();
    kill_an_export(&station);
    let left = station.site.open_uploads();
    let site = station.site.clone();
    station.bucket.fault(Fault::on("GET", "*").answers_with(move |request| match request.query("uploads") {
        Some(_) => error(403, "AccessDenied", "Access Denied"),
        None => site.answer(request),
    }));
    station.carnet("export out").ok();
    assert_eq!(station.site.open_uploads(), left);
}
