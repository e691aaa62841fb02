//! Lists of referrers that import extends while others write them, or that name what is not there.

use serde_json::{Value, json};

use crate::behaviour::layouts::{INDEX, digest_of};
use crate::registries::http::{Fault, Headers, Request, Response};
use crate::registries::server::{Options, Registry};
use crate::registries::station::Station;

/// A station with a bundle of `app:1`, which has a referrer, and the digests of both. A second referrer is in no bundle.
struct Signed {
    station: Station,
    image: String,
    referrer: String,
    other: Value,
}

impl Signed {
    fn new() -> Signed {
        let station = Station::new();
        let mut source = station.source("src");
        let image = source.image(1, &[500]);
        source.tag(&image, "low.example/app:1");
        let referrer = source.referrer(&image, "application/spdx+json", "sbom");
        source.list(&referrer);
        station.pack("oci:src").ok();
        let other = source.referrer(&image, "application/vnd.example.signature", "of another");
        let [image, referrer] = [&image, &referrer].map(|one| digest_of(one).to_owned());
        Signed { station, image, referrer, other }
    }

    fn tag(&self) -> String {
        self.image.replace(':', "-")
    }

    /// A registry without the API, which has the other referrer.
    fn registry(&self, etags: bool) -> Registry {
        let registry = Registry::with(Options { referrers: false, etags, ..Options::default() });
        registry.seed(&self.station.path("src"), "app");
        let gone = [&self.image, &self.referrer];
        registry.change("app", |app| {
            app.tags.clear();
            app.manifests.retain(|digest, _| !gone.contains(&digest));
        });
        registry
    }

    /// The request of another client that replaces the list by one with these entries.
    fn of_another(&self, entries: &[&Value]) -> Request {
        let mut headers = Headers::default();
        headers.set("Content-Type", INDEX);
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        let target = format!("/v2/app/manifests/{}", self.tag());
        Request { method: "PUT".to_owned(), target, headers, body: index.to_string().into_bytes() }
    }

    /// Asserts that the list names exactly these.
    #[track_caller]
    fn lists(&self, registry: &Registry, digests: &[&str]) {
        let app = registry.repository("app");
        let list = app.manifests[app.resolve(&self.tag()).unwrap()].document();
        let listed: Vec<_> = list["manifests"].as_array().unwrap().iter().map(digest_of).collect();
        assert_eq!(listed.len(), digests.len(), "{list}");
        assert!(digests.iter().all(|digest| listed.contains(digest)), "{list}");
    }
}

#[test]
fn what_another_client_overwrote_is_added_again() {
    let signed = Signed::new();
    let registry = signed.registry(false);
    let another = signed.of_another(&[&signed.other]);
    registry.fault(Fault::on("PUT", "*/manifests/1").times(1).comes_after(another));
    signed.station.import(&registry.name(), "").ok();
    signed.lists(&registry, &[&signed.referrer, digest_of(&signed.other)]);
}

#[test]
fn a_list_that_changed_meanwhile_is_not_overwritten_where_the_registry_can_tell() {
    let signed = Signed::new();
    for there_before in [false, true] {
        let registry = signed.registry(true);
        if there_before {
            registry.change("app", |app| {
                let empty = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
                let digest = app.add(INDEX, empty.to_string().as_bytes());
                app.tags.insert(signed.tag(), digest);
            });
        }
        let another = signed.of_another(&[&signed.other]);
        registry.fault(Fault::on("PUT", "*/manifests/sha256-*").times(1).comes_after(another));
        signed.station.import(&registry.name(), "").ok();
        signed.lists(&registry, &[&signed.referrer, digest_of(&signed.other)]);
    }
}

#[test]
fn a_registry_that_compares_something_else_is_written_in_the_end() {
    let signed = Signed::new();
    let registry = signed.registry(true);
    registry.fault(
        Fault::on("GET", "*/manifests/sha256-*").alters(|answer| answer.headers.set("ETag", "\"zip\"")),
    );
    registry.fault(Fault::on("PUT", "*/manifests/sha256-*").mishears(|request| {
        if request.headers.get("If-None-Match").is_some() {
            request.headers.set("If-Match", "\"never\"");
        }
    }));
    signed.station.import(&registry.name(), "").ok();
    signed.lists(&registry, &[&signed.referrer]);
}

#[test]
fn two_imports_at_once_lose_nothing() {
    let one = Signed::new();
    let two = Station::new();
    let mut source = two.source("src");
    let image = source.image(1, &[500]);
    source.tag(&image, "low.example/app:1");
    let statement = source.referrer(&image, "application/vnd.in-toto+json", "statement");
    source.list(&statement);
    two.pack("oci:src").ok();
    for _ in 0..3 {
        let registry = Registry::with(Options { referrers: false, etags: true, ..Options::default() });
        let name = registry.name();
        std::thread::scope(|scope| {
            scope.spawn(|| one.station.import(&name, "").ok());
            scope.spawn(|| two.import(&name, "").ok());
        });
        one.lists(&registry, &[&one.referrer, digest_of(&statement)]);
    }
}

#[test]
fn what_is_gone_is_removed_from_the_list_and_named() {
    let signed = Signed::new();
    let registry = signed.registry(false);
    let gone = format!("sha256:{}", "7".repeat(64));
    let entry =
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": gone, "size": 7 });
    registry.change("app", |app| {
        let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry, signed.other] });
        let digest = app.add(INDEX, list.to_string().as_bytes());
        app.tags.insert(signed.tag(), digest);
    });
    // HEAD still knows it.
    let cached = Response::new(200)
        .with("Docker-Content-Digest", gone.clone())
        .body("application/vnd.oci.image.manifest.v1+json", "1234567");
    registry.fault(Fault::on("HEAD", &format!("*/manifests/{gone}")).answers(cached));
    let run = signed.station.import(&registry.name(), "--retries 1 --receipt receipt.json").ok();
    run.says(&[&gone, "removed from", &signed.tag()]);
    signed.lists(&registry, &[&signed.referrer, digest_of(&signed.other)]);
    let receipt = std::fs::read(signed.station.path("receipt.json")).unwrap();
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    assert_eq!(receipt["removed_from_lists"][0]["digest"], gone.as_str());
    let text = std::fs::read_to_string(signed.station.path("receipt.json.txt")).unwrap();
    assert!(text.contains(&gone), "{text}");
}

#[test]
fn nothing_of_the_subject_is_written_into_its_list() {
    let station = Station::new();
    let mut source = station.source("src");
    let index = {
        let image = source.image(1, &[500]);
        source.index(&[image])
    };
    source.tag(&index, "low.example/app:1");
    let referrer = source.referrer(&index, "application/spdx+json", "sbom");
    source.list(&referrer);
    station.pack("oci:src").ok();
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    registry.seed(source.path(), "app");
    let tag = digest_of(&index).replace(':', "-");
    registry.change("app", |app| drop(app.tags.insert(tag.clone(), digest_of(&index).to_owned())));
    station.import(&registry.name(), "").ok();
    let app = registry.repository("app");
    let list = app.manifests[app.resolve(&tag).unwrap()].document();
    assert_eq!(list["manifests"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(digest_of(&list["manifests"][0]), digest_of(&referrer));
}

/// A station with a bundle of `app:1`, its referrer, and an index under the tag of the list that is no pure list. It
/// names the referrer if `holds`.
fn with_own_list(holds: bool) -> (Station, Value, Value) {
    let station = Station::new();
    let mut source = station.source("src");
    let image = source.image(1, &[500]);
    source.tag(&image, "low.example/app:1");
    let referrer = source.referrer(&image, "application/spdx+json", "sbom");
    source.list(&referrer);
    let stranger = source.image(2, &[500]);
    let own = source.index(&if holds { vec![referrer, stranger] } else { vec![stranger] });
    source.tag(&own, &format!("low.example/app:{}", digest_of(&image).replace(':', "-")));
    station.pack("oci:src").ok();
    (station, image, own)
}

#[test]
fn an_artifact_that_is_the_list_itself_gets_its_tag() {
    let (station, image, own) = with_own_list(true);
    let registry = Registry::with(Options { referrers: false, ..Options::default() });
    station.import(&registry.name(), "").ok();
    let before = registry.repository("app");
    assert_eq!(before.tags[&digest_of(&image).replace(':', "-")], digest_of(&own));
    station.import(&registry.name(), "").ok();
    assert!(before == registry.repository("app"));
}

#[test]
fn an_artifact_in_the_place_of_a_list_is_an_error_before_any_tag() {
    let (station, image, own) = with_own_list(false);
    for options in ["", "--overwrite-tags"] {
        let registry = Registry::with(Options { referrers: false, ..Options::default() });
        let run = station.import(&registry.name(), options).ends(2);
        run.says(&["error[tag-collision]", digest_of(&image), digest_of(&own), "--no-referrers"]);
        assert!(registry.repository("app").tags.is_empty());
    }
    let registry = Registry::start();
    station.import(&registry.name(), "").ok();
    assert_eq!(registry.repository("app").tags.len(), 2, "with the API there is no list");
}
