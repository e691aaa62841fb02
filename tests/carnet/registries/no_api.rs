//! Registries without the referrers API, which say so in many ways, and those that refuse to answer.

use serde_json::{Value, json};

use super::http::{Fault, Response};
use super::importing::{expected, packed};
use super::packing::fallback_tags;
use super::server::Registry;
use super::station::Station;
use crate::behaviour::layouts::digest_of;

/// The answers of registries that do not know the referrers API.
fn unsupported() -> Vec<Response> {
    let mut answers: Vec<_> =
        [400, 404, 405, 406, 501].map(|status| Response::new(status).json(&json!({ "errors": [] }))).into();
    answers.push(Response::new(302).with("Location", "https://login.example/"));
    answers.push(Response::new(302).with("Location", "/v2/login-page"));
    answers.push(Response::new(200).body("text/html", "<html>Welcome</html>"));
    answers.push(Response::new(200).json(&json!({ "errors": [{ "code": "UNSUPPORTED" }] })));
    answers.push(Response::new(200).body("text/plain", ""));
    answers
}

#[test]
fn pack_looks_for_the_tags() {
    for answer in unsupported() {
        let station = Station::new();
        let mut source = station.source("src");
        let image = source.image(1, &[3000]);
        source.tag(&image, "app:1");
        let sbom = source.referrer(&image, "application/spdx+json", "sbom");
        source.list(&sbom);
        let registry = Registry::start();
        registry.seed(source.path(), "app");
        fallback_tags(&registry, "app");
        registry.fault(Fault::on("GET", "*/referrers/*").answers(answer));
        station.pack(&format!("docker://{}/app:1 --retries 0", registry.name())).ok();
        let referrers = &station.desk.inspected("out")["artifacts"][0]["referrers"];
        assert_eq!(referrers.as_array().unwrap().len(), 1, "{referrers}");
    }
}

#[test]
fn import_writes_the_tags() {
    let station = packed("");
    let whole = expected(&station, "team/app");
    fallback_tags(&whole, "team/app");
    for answer in unsupported() {
        let registry = Registry::start();
        registry.fault(Fault::on("GET", "*/referrers/*").answers(answer));
        registry
            .fault(Fault::on("PUT", "*/manifests/*").alters(|answer| answer.headers.remove("OCI-Subject")));
        station.import(&registry.name(), "--retries 0").ok();
        let tags: Vec<_> = registry.repository("team/app").tags.into_keys().collect();
        assert_eq!(tags, whole.repository("team/app").tags.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_refusal_of_one_subject_does_not_hide_the_referrers_of_others() {
    for (status, code) in [(400, "UNSUPPORTED"), (404, "MANIFEST_UNKNOWN"), (406, "UNSUPPORTED")] {
        let station = Station::new();
        let mut source = station.source("src");
        let (one, two) = (source.image(1, &[3000]), source.image(2, &[3000]));
        source.tag(&one, "app:1");
        source.tag(&two, "app:2");
        let sbom = source.referrer(&two, "application/spdx+json", "sbom");
        source.list(&sbom);
        let registry = Registry::start();
        registry.seed(source.path(), "app");
        let refusal = Response::new(status).json(&json!({ "errors": [{ "code": code }] }));
        registry.fault(Fault::on("GET", &format!("*/referrers/{}", digest_of(&one))).answers(refusal));
        let at = registry.name();
        station.pack(&format!("docker://{at}/app:1 docker://{at}/app:2")).ok();
        let bundle = station.desk.inspected("out").to_string();
        assert!(bundle.contains(digest_of(&sbom)), "{status}");
    }
}

#[test]
fn a_refusal_names_the_option_that_leaves_referrers_out() {
    let station = packed("");
    for (status, code) in [
        (401, "registry-unauthorized"),
        (403, "registry-denied"),
        (500, "registry-failed"),
        (503, "registry-failed"),
    ] {
        let registry = Registry::start();
        registry.fault(Fault::on("GET", "*/referrers/*").answers(Response::new(status)));
        registry
            .fault(Fault::on("PUT", "*/manifests/*").alters(|answer| answer.headers.remove("OCI-Subject")));
        let run = station.import(&registry.name(), "--retries 0").ends(1);
        run.says(&[&format!("error[{code}]"), "hint:", "--no-referrers"]);
        assert!(registry.repository("team/app").tags.is_empty(), "{status}");
        station.import(&registry.name(), "--retries 0 --no-referrers").ok();
        assert_eq!(registry.repository("team/app").tags.len(), 1, "{status}");

        let at = registry.name();
        let pack = |options: &str| {
            station.carnet(&format!(
                "pack docker://{at}/team/app:1 --to again --name b --key k.key.pem {options}"
            ))
        };
        pack("--retries 0 --dry-run").ends(1).says(&[&format!("error[{code}]"), "--no-referrers"]);
        pack("--retries 0 --dry-run --no-referrers").ok();
    }
}

#[test]
fn import_leaves_referrers_out_on_request_and_says_so() {
    let station = packed("");
    let registry = Registry::start();
    let run = station.import(&registry.name(), "--no-referrers --receipt receipt.json").ok();
    run.says(&["--no-referrers"]);
    let app = registry.repository("team/app");
    assert!(app.manifests.values().all(|manifest| manifest.document().get("subject").is_none()));
    assert_eq!((app.tags.len(), app.manifests.len()), (1, 4));
    let receipt: Value =
        serde_json::from_slice(&std::fs::read(station.path("receipt.json")).unwrap()).unwrap();
    assert_eq!((&receipt["referrers_left_out"], &receipt["referrers"]), (&json!(true), &json!([])));
    let text = std::fs::read_to_string(station.path("receipt.json.txt")).unwrap();
    assert!(text.contains("left out on request"), "{text}");
}

#[test]
fn a_list_that_is_the_subject_itself_is_no_list() {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[3000]);
    let index = source.index(&[image]);
    source.tag(&index, "low.example/app:1");
    let registry = Registry::start();
    registry.seed(source.path(), "app");
    let app = registry.repository("app");
    let manifest = &app.manifests[digest_of(&index)];
    let itself = Response::new(200)
        .with("Docker-Content-Digest", digest_of(&index))
        .body(&manifest.media_type, manifest.bytes.as_slice());
    let tag = digest_of(&index).replace(':', "-");
    registry.fault(Fault::on("*", &format!("*/manifests/{tag}*")).answers(itself.clone()));
    registry.fault(Fault::on("GET", &format!("*/referrers/{}", digest_of(&index))).answers(itself));
    station.pack(&format!("docker://{}/app:1", registry.name())).ok();
    assert_eq!(station.desk.inspected("out")["artifacts"][0]["referrers"], json!([]));
}
