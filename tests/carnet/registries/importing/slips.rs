//! A registry's slip is not final: what can be set right is set right, and what succeeded in spite of an error is done.

use serde_json::{Value, json};

use crate::registries::http::{Delivery, Fault, Response};
use crate::registries::server::Registry;
use crate::registries::station::{Station, assert_same};

use super::{expected, one_image};

/// Asserts that the import into `registry` succeeds and that everything arrives.
#[track_caller]
fn succeeds(station: &Station, registry: &Registry, options: &str) {
    let run = station.import(&registry.name(), &format!("{options} --json")).ok();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["artifacts"][0]["outcome"], "created", "{report:#}");
    assert_same(&registry.repository("app"), &expected(station, "app").repository("app"));
}

fn refusal(status: u16, code: &str) -> Response {
    Response::new(status).json(&json!({ "errors": [{ "code": code, "message": "refused" }] }))
}

#[test]
fn a_tag_that_was_set_although_the_answer_was_lost_is_done() {
    for delivery in [Delivery::Reset(0), Delivery::Silence] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry.fault(Fault::on("PUT", "*/manifests/1").delivers(delivery));
        succeeds(&station, &registry, "--timeout 1 --retries 1");
    }
    for status in [500, 502, 504] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry
            .fault(Fault::on("PUT", "*/manifests/*").alters(move |answer| *answer = Response::new(status)));
        succeeds(&station, &registry, "--retries 0");
    }
}

#[test]
fn an_immutable_tag_that_meets_its_own_success_is_done() {
    for status in [400, 403, 405, 409, 412] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry.fault(Fault::on("PUT", "*/manifests/1").times(1).delivers(Delivery::Reset(0)));
        registry.fault(Fault::on("PUT", "*/manifests/1").answers(refusal(status, "DENIED")));
        succeeds(&station, &registry, "");
    }
}

#[test]
fn a_refused_tag_that_points_elsewhere_is_an_error() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let mut other = station.source("other");
    other.tag(&other.image(7, &[10]), "app:1");
    registry.seed(other.path(), "app");
    registry.fault(Fault::on("PUT", "*/manifests/1").answers(refusal(409, "DENIED")));
    let run = station.import(&registry.name(), "--retries 0 --overwrite-tags").ends(1);
    run.says(&["error[registry-failed]", "409"]);
}

#[test]
fn an_upload_goes_on_where_the_registry_says() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    // Something on the way keeps only the first bytes of each request.
    registry.fault(Fault::on("PATCH", "*").times(3).mishears(|request| request.body.truncate(30_000)));
    succeeds(&station, &registry, "--connections 1");
    let ranges: Vec<_> = registry
        .log()
        .iter()
        .filter(|one| one.method == "PATCH")
        .map(|one| one.headers.get("Content-Range").unwrap().to_owned())
        .collect();
    assert_eq!(ranges[..4], ["0-99999", "30000-99999", "60000-99999", "90000-99999"]);
}

#[test]
fn a_broken_upload_goes_on_where_it_broke() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    registry.fault(Fault::on("PATCH", "*").times(1).takes_only(40_000));
    succeeds(&station, &registry, "--connections 1");
    let ranges: Vec<_> = registry
        .log()
        .iter()
        .filter(|one| one.method == "PATCH")
        .map(|one| one.headers.get("Content-Range").unwrap().to_owned())
        .collect();
    assert_eq!(ranges[..2], ["0-99999", "40000-99999"]);
}

#[test]
fn an_upload_found_invalid_is_sent_once_more() {
    for code in ["DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry.fault(Fault::on("PUT", "*/blobs/uploads/*").times(1).answers(refusal(400, code)));
        succeeds(&station, &registry, "--retries 0");
        assert_eq!(registry.open_uploads(), 0);
    }
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").answers(refusal(400, "DIGEST_INVALID")));
    station.import(&registry.name(), "--connections 1").ends(1).says(&["DIGEST_INVALID"]);
    let sent = registry.log().iter().filter(|one| one.method == "PATCH").count();
    assert_eq!(sent, 2, "once, and once more");
}

#[test]
fn a_mount_that_fails_is_replaced_by_an_upload() {
    for status in [400, 403, 500, 503] {
        let station = Station::new();
        let mut source = station.source("src");
        let image = source.image(1, &[3000]);
        source.tag(&image, "low.example/one:1");
        source.tag(&image, "low.example/two:1");
        station.pack("oci:src").ok();
        let registry = Registry::start();
        registry.fault(Fault::on("POST", "/v2/two/*").times(1).answers(Response::new(status)));
        station.import(&registry.name(), "--connections 1 --retries 0").ok();
        assert!(registry.repository("one") == registry.repository("two"), "{status}");
    }
}

#[test]
fn a_manifest_is_tried_again_if_a_blob_just_sent_is_unknown() {
    for code in ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        registry.fault(Fault::on("PUT", "*/manifests/sha*").times(2).answers(refusal(404, code)));
        succeeds(&station, &registry, "");
    }
}

#[test]
fn a_blob_that_was_skipped_is_sent_if_its_manifest_is_refused_without_it() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    registry.seed(&station.path("src"), "app");
    registry.change("app", |app| {
        app.manifests.clear();
        app.tags.clear();
    });
    // The registry serves its blobs, but no longer counts them as part of the repository.
    let unknown = refusal(404, "MANIFEST_BLOB_UNKNOWN");
    registry.fault(Fault::on("PUT", "*/manifests/*").times(1).answers(unknown));
    let run = station.import(&registry.name(), "--retries 0 --json").ok();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&report["blobs"]["present"], &report["blobs"]["sent"]), (&0.into(), &3.into()), "{report:#}");
}
