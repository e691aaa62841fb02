//! Registries that confirm what they do not have. Nothing is reported as imported unless a read shows it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::registries::http::{Delivery, Fault, Request, Response};
use crate::registries::server::{Options, Registry};
use crate::registries::station::{Station, assert_same};

use super::{expected, one_image, writes};

/// A registry that does not check whether the parts of a manifest are there.
fn careless() -> Registry {
    Registry::with(Options { checks: false, ..Options::default() })
}

/// A registry like `careless`, in which HEAD still knows everything in `app`, but only HEAD.
fn forgetful(station: &Station) -> Registry {
    let registry = careless();
    let app = expected(station, "app").repository("app");
    let blobs: BTreeMap<String, usize> =
        app.blobs.iter().map(|(digest, bytes)| (digest.clone(), bytes.len())).collect();
    let last = |request: &Request| request.path().rsplit('/').next().unwrap().to_owned();
    registry.fault(Fault::on("HEAD", "/v2/app/blobs/*").answers_with(move |request| {
        Response::new(200).body("application/octet-stream", vec![0; blobs[&last(request)]])
    }));
    registry.fault(Fault::on("HEAD", "/v2/app/manifests/*").answers_with(move |request| {
        let digest = app.resolve(&last(request)).unwrap();
        let manifest = &app.manifests[digest];
        Response::new(200)
            .with("Docker-Content-Digest", digest)
            .body(&manifest.media_type, manifest.bytes.as_slice())
    }));
    registry
}

/// Asserts that the import failed with this code, and that neither the report nor the receipt says otherwise.
#[track_caller]
fn fails(station: &Station, registry: &Registry, code: &str) {
    let run = station.import(&registry.name(), "--retries 1 --receipt receipt.json").ends(1);
    run.says(&[&format!("error[{code}]"), &registry.name(), "hint:"]);
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(station.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt["complete"], false, "{receipt:#}");
    assert_eq!(receipt["tags"]["created"].as_array().map(Vec::len), Some(0), "{receipt:#}");
    assert_ne!(receipt["artifacts"][0]["outcome"], "created", "{receipt:#}");
}

#[test]
fn what_only_head_knows_is_sent() {
    let station = one_image("low.example/app:1");
    let registry = forgetful(&station);
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
}

#[test]
fn a_blob_that_is_announced_but_not_delivered_is_sent() {
    let station = one_image("low.example/app:1");
    let registry = forgetful(&station);
    // The registry answers from its cache, and then its storage has nothing.
    let nothing =
        Response::new(206).with("Content-Range", "bytes 0-0/9").body("application/octet-stream", "x");
    registry
        .fault(Fault::on("GET", "/v2/app/blobs/*").times(3).answers(nothing.delivered(Delivery::Close(0))));
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
}

#[test]
fn a_redirect_to_the_storage_means_that_the_blob_is_there() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    let elsewhere = Response::new(307).with("Location", "https://storage.example/x");
    registry.fault(Fault::on("GET", "/v2/app/blobs/*").answers(elsewhere));
    station.import(&registry.name(), "").ok();
    registry.forget();
    station.import(&registry.name(), "").ok();
    assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
}

#[test]
fn what_a_policy_withholds_is_proven_by_head() {
    for status in [403, 412, 451] {
        let station = one_image("low.example/app:1");
        let registry = careless();
        for part in ["/v2/app/manifests/*", "/v2/app/blobs/*"] {
            let held = Response::new(status);
            registry.fault(Fault::on("GET", part).alters(move |answer| {
                if answer.status == 200 || answer.status == 206 {
                    *answer = held.clone();
                }
            }));
        }
        station.import(&registry.name(), "--retries 0").ok();
        assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
        registry.forget();
        station.import(&registry.name(), "--retries 0").ok();
        assert!(writes(&registry).is_empty(), "{:#?}", writes(&registry));
    }
}

#[test]
fn a_registry_that_refuses_ranges_is_read_without() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    registry.fault(Fault::on("GET", "/v2/app/blobs/*").answers_with(|request| {
        let is_whole = request.headers.get("Range").is_none();
        if is_whole { Response::new(200).body("application/octet-stream", "all") } else { Response::new(416) }
    }));
    station.import(&registry.name(), "--retries 0").ok();
}

#[test]
fn a_dry_run_does_not_believe_head_either() {
    let station = one_image("low.example/app:1");
    let registry = forgetful(&station);
    let run = station.import(&registry.name(), "--dry-run --json").ok();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&report["blobs"]["present"], &report["blobs"]["sent"]), (&0.into(), &3.into()), "{report:#}");
}

#[test]
fn a_mount_that_did_nothing_is_followed_by_an_upload() {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[3000]);
    source.tag(&image, "low.example/one:1");
    source.tag(&image, "low.example/two:1");
    station.pack("oci:src").ok();
    let registry = careless();
    registry.fault(Fault::on("POST", "/v2/two/blobs/uploads/").times(2).answers_with(|request| {
        let digest = request.query("mount").unwrap();
        Response::new(201).with("Location", format!("/v2/two/blobs/{digest}"))
    }));
    station.import(&registry.name(), "--connections 1").ok();
    let (one, two) = (registry.repository("one"), registry.repository("two"));
    assert!(one == two, "the repositories differ");
    assert_eq!(two.blobs.len(), 2);
}

#[test]
fn a_confirmed_upload_that_is_not_there_is_an_error() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").answers_with(|request| {
        let digest = request.query("digest").unwrap_or_default();
        Response::new(201).with("Location", "/v2/app/blobs/x").with("Docker-Content-Digest", digest)
    }));
    fails(&station, &registry, "registry-content-lost");
    assert!(registry.repository("app").tags.is_empty());
}

#[test]
fn a_confirmed_manifest_that_is_not_there_is_an_error() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    registry.fault(Fault::on("PUT", "*/manifests/*").answers(Response::new(201)));
    fails(&station, &registry, "registry-content-lost");
}

#[test]
fn a_confirmed_tag_that_is_not_there_is_an_error() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    registry.fault(Fault::on("PUT", "*/manifests/1").answers(Response::new(201)));
    fails(&station, &registry, "registry-content-lost");
}

#[test]
fn a_confirmed_tag_that_points_elsewhere_is_an_error() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    let mut other = station.source("other");
    other.tag(&other.image(7, &[10]), "app:old");
    registry.seed(other.path(), "app");
    registry.change("app", |app| drop(app.tags.insert("1".to_owned(), app.tags["old"].clone())));
    registry.fault(Fault::on("PUT", "*/manifests/1").answers(Response::new(201)));
    let run = station.import(&registry.name(), "--retries 1 --overwrite-tags").ends(1);
    run.says(&["error[tag-not-set]", &registry.name(), &registry.repository("app").tags["old"]]);
}

#[test]
fn a_tag_that_appears_late_is_set() {
    let station = one_image("low.example/app:1");
    let registry = careless();
    registry.fault(Fault::on("GET", "*/manifests/1").times(1).answers(Response::new(404)));
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
}
