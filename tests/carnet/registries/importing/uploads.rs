//! Broken uploads, and registries that lose what they accepted.

use std::process::Stdio;
use std::time::Duration;

use crate::behaviour::support::{signal, wait_for};
use crate::registries::http::{Delivery, Fault, Request, Response};
use crate::registries::server::Registry;
use crate::registries::station::assert_same;

use super::{arrivals, expected, one_image};

#[test]
fn a_broken_upload_is_resumed_or_restarted() {
    let faults = [
        |fault: Fault| fault.takes_only(40_000),
        |fault: Fault| fault.answers(Response::new(503)),
        |fault: Fault| fault.answers(Response::new(429)).at_once(),
        |fault: Fault| fault.answers(Response::new(404)), // The registry lost the upload.
        |fault: Fault| fault.delivers(Delivery::Silence),
        |fault: Fault| fault.delivers(Delivery::Reset(0)),
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        for method in ["PATCH", "PUT"] {
            let station = one_image("low.example/app:1");
            let registry = Registry::start();
            registry.fault(fault(Fault::on(method, "*/blobs/uploads/*").after(1).times(1)));
            let run = station.import(&registry.name(), "--timeout 1 --retries 3");
            assert_eq!(run.code, Some(0), "{method}, fault {at}: {run:?}");
            assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
        }
    }
}

#[test]
fn upload_locations_are_used_as_given() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let name = registry.name();
    // An absolute URL; the test registry's own are relative.
    registry.fault(Fault::on("*", "*/blobs/uploads/*").alters(move |response| {
        if let Some(location) = response.headers.get("Location").map(str::to_owned) {
            response.headers.set("Location", format!("http://{name}{location}"));
        }
    }));
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
}

#[test]
fn an_interrupted_import_leaves_no_tag_and_resumes() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    // Only the first two of three blobs can be finished.
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").after(2).delivers(Delivery::Silence));
    let line = format!("import out --pub k.pub.pem --to docker://{} --connections 1", registry.name());
    let mut child = station.command(&line).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait_for(&mut child, || registry.repository("app").blobs.len() >= 2), "it ended before");
    std::thread::sleep(Duration::from_millis(200));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let held = registry.repository("app");
    assert!(held.tags.is_empty() && held.manifests.is_empty());
    registry.heal();
    registry.forget();
    station.import(&registry.name(), "").ok();
    assert_same(&registry.repository("app"), &expected(&station, "app").repository("app"));
    let again = arrivals(&registry).into_iter().filter(|name| held.blobs.contains_key(name)).count();
    assert_eq!(again, 0, "{:?}", arrivals(&registry));
}

#[test]
fn a_registry_that_stores_something_else_is_detected() {
    let other = format!("sha256:{}", "0".repeat(64));
    for part in ["*/manifests/*", "*/blobs/uploads/*"] {
        let station = one_image("low.example/app:1");
        let registry = Registry::start();
        let other = other.clone();
        registry.fault(Fault::on("PUT", part).alters(move |response| {
            response.headers.set("Docker-Content-Digest", other.clone());
        }));
        let run = station.import(&registry.name(), "--retries 0").ends(1);
        run.says(&["error[registry-protocol]", &registry.name()]);
    }
}

#[test]
fn a_registry_that_loses_blobs_is_detected_before_tagging() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    let forgets = |request: &Request| {
        let digest = request.query("digest").unwrap_or_default();
        Response::new(201).with("Location", "/v2/app/blobs/x").with("Docker-Content-Digest", digest)
    };
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").answers_with(forgets));
    let run = station.import(&registry.name(), "--retries 0").ends(1);
    run.says(&["error[registry-content-lost]", &registry.name(), "sha256:"]);
    assert!(registry.repository("app").tags.is_empty());
}

#[test]
fn an_upload_that_cannot_finish_is_given_up() {
    let station = one_image("low.example/app:1");
    let registry = Registry::start();
    registry.fault(Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(403)));
    station.import(&registry.name(), "--connections 1").ends(1).says(&["error[registry-denied]"]);
    assert_eq!(registry.open_uploads(), 0);
}

#[test]
fn a_blob_that_is_elsewhere_or_of_unknown_size_is_there() {
    let station = one_image("low.example/app:1");
    let raw = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for (what, answer) in [
        // The store need not be allowed, and this one does not even exist.
        ("redirect", Response::new(307).with("Location", "https://store.invalid/blob?signature=x")),
        ("no length", Response::new(200).body("text/plain", raw).delivered(Delivery::Raw)),
    ] {
        let registry = expected(&station, "app");
        registry.change("app", |app| app.tags.clear());
        registry.fault(Fault::on("HEAD", "*/blobs/*").alters(move |response| {
            if response.status == 200 {
                *response = answer.clone();
            }
        }));
        let run = station.import(&registry.name(), "");
        assert_eq!(run.code, Some(0), "{what}: {run:?}");
        let sent: u64 = registry.log().iter().map(|one| one.received).sum();
        assert!(sent < 10_000, "{what}: {sent} bytes were sent although the layers are there");
    }
}
