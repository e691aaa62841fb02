//! Uploads and manifests that the registry does not accept.

use serde_json::json;

use super::{NONSENSE, STALLED, case, importing_fails};
use crate::registries::http::{Delivery, Fault, Response};
use crate::registries::server::Registry;
use crate::registries::station::Station;

#[test]
fn broken_uploads_are_reported() {
    importing_fails(&[
        case("no location", NONSENSE, |_| {
            Fault::on("POST", "*/blobs/uploads/*").alters(|response| response.headers.remove("Location"))
        }),
        case("an invalid location", NONSENSE, |_| {
            Fault::on("POST", "*/blobs/uploads/*")
                .alters(|response| response.headers.set("Location", "http://[::1"))
        }),
        case("a file as location", &["registry-protocol", "registry-host-refused"], |_| {
            Fault::on("POST", "*/blobs/uploads/*")
                .alters(|response| response.headers.set("Location", "file:///etc/passwd"))
        }),
        case("no start", &["registry-failed"], |_| Fault::on("POST", "*").answers(Response::new(500))),
        case("200 for a start", NONSENSE, |_| Fault::on("POST", "*").answers(Response::new(200))),
        case("denied", &["registry-denied"], |_| Fault::on("POST", "*").answers(Response::new(403))),
        case("unauthorized", &["registry-unauthorized"], |_| {
            Fault::on("POST", "*").answers(Response::new(401))
        }),
        case("rate", &["registry-rate-limited"], |_| Fault::on("POST", "*").answers(Response::new(429))),
        case("never finished", &["registry-failed"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(502))
        }),
        case("never finished, and at once", &["registry-failed", "registry-unreachable"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(502)).at_once()
        }),
        case("the digest is refused", &["registry-protocol", "registry-failed", "blob-mismatch"], |_| {
            Fault::on("PUT", "*/blobs/uploads/*").answers(Response::new(400).json(
                &json!({ "errors": [{ "code": "DIGEST_INVALID", "message": "provided digest did not match" }] }),
            ))
        }),
        case("a redirect to itself", NONSENSE, |_| {
            Fault::on("POST", "*").answers_with(|one| Response::new(307).with("Location", one.target.clone()))
        }),
    ]);
}

#[test]
fn rejected_manifests_are_reported() {
    importing_fails(&[
        case("refused, with a reason", &["registry-protocol", "registry-failed", "registry-denied"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(400).json(
                &json!({ "errors": [{ "code": "MANIFEST_INVALID", "message": "manifest invalid \u{1b}[31m" }] }),
            ))
        }),
        case("too large", &["registry-protocol", "registry-failed", "registry-denied"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(413))
        }),
        case("an error without end", &["registry-failed", "registry-protocol"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(500).delivered(Delivery::Endless))
        }),
        case("unavailable", &["registry-failed"], |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(503))
        }),
        case("silence", STALLED, |_| {
            Fault::on("PUT", "*/manifests/*").answers(Response::new(201).delivered(Delivery::Silence))
        }),
    ]);
}

/// Imports an image into a registry with this fault, and asserts that all of it arrives.
fn arrives_in_spite_of(fault: Fault) {
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[30_000]), "low.example/app:1");
    station.pack("oci:src").ok();
    let registry = Registry::start();
    registry.fault(fault);
    station.import(&registry.name(), "--timeout 1 --retries 1").ok();
    let app = registry.repository("app");
    assert_eq!((app.tags.len(), app.blobs.len()), (1, 2));
}

#[test]
fn an_upload_whose_last_answer_was_lost_is_detected() {
    arrives_in_spite_of(Fault::on("PUT", "*/blobs/uploads/*").delivers(Delivery::Silence));
}

#[test]
fn a_false_answer_to_head_is_not_believed() {
    // The registry claims to have every blob, but with a size of zero.
    arrives_in_spite_of(Fault::on("HEAD", "*/blobs/*").answers(Response::new(200)));
}

#[test]
fn refusals_are_explained_by_their_code() {
    let error = |status: u16, code: &str, message: &str| {
        Response::new(status).json(&json!({ "errors": [{ "code": code, "message": message }] }))
    };
    let uploads = || Fault::on("POST", "*/blobs/uploads/");
    let puts = || Fault::on("PUT", "*/manifests/*");
    let station = Station::new();
    let mut source = station.source("src");
    source.tag(&source.image(1, &[1000]), "low.example/app:1");
    station.pack("oci:src").ok();
    for (fault, hint) in [
        (uploads().answers(error(404, "NAME_UNKNOWN", "no such repository")), "create the repository"),
        (uploads().answers(error(405, "UNSUPPORTED", "")), "read-only"),
        (uploads().answers(Response::new(405)), "read-only"),
        (uploads().answers(error(403, "DENIED", "The system is in read only mode.")), "read-only"),
        (puts().answers(error(403, "DENIED", "no")), "log in as a user with access"),
        (puts().answers(error(405, "UNSUPPORTED", "")), "read-only"),
        (puts().answers(error(404, "NAME_UNKNOWN", "")), "create the repository"),
        (puts().answers(Response::new(415)), "does not accept this manifest"),
        (puts().answers(error(400, "MANIFEST_INVALID", "media type")), "does not accept this manifest"),
        (puts().answers(error(400, "UNSUPPORTED", "")), "does not accept this manifest"),
        (puts().answers(error(400, "MANIFEST_INVALID", "url")), "rejects layers with urls"),
    ] {
        let registry = Registry::start();
        registry.fault(fault);
        station.import(&registry.name(), "--retries 0").ends(1).says(&[hint]);
    }
}
